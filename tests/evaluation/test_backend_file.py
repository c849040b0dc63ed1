import json

import numpy as np
import pytest

from wesep_like.errors import ManifestError, TrialError
from wesep_like.evaluation.backend_file import read_backend, write_backend
from wesep_like.scoring.backend import BackendOptions, train_backend


@pytest.fixture
def training(make_embeddings):
    rng = np.random.default_rng(0)
    speakers = np.repeat([f"s{n}" for n in range(12)], 4)
    vectors = np.repeat(rng.standard_normal((12, 5)), 4, axis=0)
    vectors = vectors + 0.3 * rng.standard_normal(vectors.shape)
    return make_embeddings(vectors, speakers=speakers, model="m vad=none", where="t.npz")


@pytest.mark.parametrize(
    "options",
    [
        BackendOptions("cosine", centre=True),
        BackendOptions("cosine", lda=3, wccn=True),
        BackendOptions("plda", centre=True, lda=4),
        BackendOptions("psda", centre=True),
    ],
    ids=lambda options: options.kind,
)
def test_what_is_read_scores_as_what_was_written(tmp_path, training, options):
    learnt = train_backend(options, training.vectors, training.known_speakers())
    path = tmp_path / "b.npz"
    write_backend(path, learnt, training, {"embeddings": "t.npz"})
    found = read_backend(path)
    assert (found.dim, found.encoder, found.learnt_from) == (5, "m", {"embeddings": "t.npz"})
    for backend in (learnt, found.backend):
        mapped = backend.transform(training.vectors)
        scores = backend.scorer.matrix(mapped[:5], mapped)
        if backend is learnt:
            expected = scores
    np.testing.assert_array_equal(scores, expected)
    found.check_takes(training)


def test_embeddings_that_it_is_not_for(tmp_path, training, make_embeddings):
    learnt = train_backend(BackendOptions("cosine", centre=True), training.vectors)
    write_backend(tmp_path / "b.npz", learnt, training, {})
    found = read_backend(tmp_path / "b.npz")
    found.check_takes(make_embeddings(np.ones((1, 5))))  # it is not known what made these
    with pytest.raises(TrialError, match=r"b\.npz: takes embeddings of 5 numbers, but those of e"):
        found.check_takes(make_embeddings(np.ones((1, 4))))
    with pytest.raises(
        TrialError, match=r"b\.npz: learnt from embeddings of another encoder \(m\)"
    ):
        found.check_takes(make_embeddings(np.ones((1, 5)), model="n vad=none"))


def test_files_that_are_none(tmp_path, training):
    learnt = train_backend(BackendOptions("cosine", centre=True), training.vectors)
    write_backend(tmp_path / "b.npz", learnt, training, {})
    with np.load(tmp_path / "b.npz") as archive:
        arrays = dict(archive)
    about = json.loads(str(arrays["about"]))
    changes = {
        "no.npz": {},
        "bare.npz": {"about": np.array("{}")},
        "kind.npz": {**arrays, "about": np.array(json.dumps({**about, "parts": ["os.system"]}))},
        "wide.npz": {**arrays, "0.mean": np.ones(7)},
        "lost.npz": {"about": arrays["about"]},
        "pickle.npz": {**arrays, "0.mean": np.array([None])},
    }
    for name, content in changes.items():
        np.savez(tmp_path / name, **content)
    (tmp_path / "text.npz").write_text("nothing")
    for name in (*changes, "text.npz", "gone.npz"):
        with pytest.raises(ManifestError, match=rf"{name}: no backend can be read from it"):
            read_backend(tmp_path / name)
