import numpy as np
import pytest

from wesep_like.data.embedding_archive import read_embeddings, read_joined, write_embeddings
from wesep_like.errors import ManifestError, OutputError


def test_what_is_written_is_read(tmp_path, make_embeddings):
    vectors = np.random.default_rng(0).standard_normal((3, 4))
    made = make_embeddings(
        vectors, ids=["a", "", "ü"], speakers=["x", "y", "y"], seconds=[1, np.nan, 2], model="m v"
    )
    write_embeddings(tmp_path / "e.npz", made)
    found = read_embeddings(tmp_path / "e.npz")
    for name in ("paths", "vectors", "ids", "speakers", "seconds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    assert (found.model, found.encoder, found.dim, len(found)) == ("m v", "m", 4, 3)
    assert found.known_speakers() == ["x", "y", "y"]
    with np.load(tmp_path / "e.npz", allow_pickle=False) as plain:
        assert sorted(plain.files) == ["embeddings", "ids", "model", "paths", "seconds", "speakers"]
    with pytest.raises(OutputError, match="there is no folder"):
        write_embeddings(tmp_path / "gone" / "e.npz", made)


def test_only_paths_and_embeddings_are_needed(tmp_path, make_embeddings):
    write_embeddings(tmp_path / "e.npz", make_embeddings(np.eye(2)))
    with np.load(tmp_path / "e.npz") as plain:
        assert sorted(plain.files) == ["embeddings", "paths"]
    np.savez(tmp_path / "theirs.npz", paths=["a", "b"], embeddings=np.eye(2))  # doubles
    found = read_embeddings(tmp_path / "theirs.npz")
    assert found.vectors.dtype == np.float32
    assert (found.model, found.ids.tolist()) == ("", ["", ""])
    assert np.isnan(found.seconds).all()
    with pytest.raises(ManifestError, match=r"theirs\.npz: not said who speaks in a \(2 of 2"):
        found.known_speakers()


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "e.npz", paths=np.array(["a"], dtype=object), embeddings=np.ones((1, 2)))
    with pytest.raises(ManifestError, match=r"no embeddings can be read from it \(Object arrays"):
        read_embeddings(tmp_path / "e.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"paths": ["a"], "embeddings": np.ones(3)}, r"paths of shape \(1,\) and embeddings of"),
        ({"paths": np.empty(0, "U1"), "embeddings": np.ones((0, 3))}, "no embeddings in it"),
        ({"paths": [1], "embeddings": np.ones((1, 3))}, "paths: expected 1 texts, got int64"),
        ({"paths": ["a"], "embeddings": [["x"]]}, "embeddings: expected numbers, got <U1"),
        ({"paths": ["a"], "embeddings": [[1.0]], "ids": ["a", "b"]}, "ids: expected 1 texts, got"),
        ({"paths": ["a"], "embeddings": [[1.0]], "seconds": ["3"]}, "seconds: expected 1 numbers"),
        (
            {"paths": ["a", "b"], "embeddings": [[1.0], [np.nan]]},
            r"the embedding of b has NaN or infinite numbers \(1 of 2 are such\)",
        ),
    ],
)
def test_archives_that_are_none(tmp_path, arrays, message):
    np.savez(tmp_path / "e.npz", **arrays)
    with pytest.raises(ManifestError, match=rf"e\.npz: {message}"):
        read_embeddings(tmp_path / "e.npz")


def test_several_are_joined_if_of_one_encoder(tmp_path, make_embeddings):
    write_embeddings(tmp_path / "a.npz", make_embeddings(np.eye(2), model="m vad=none"))
    write_embeddings(tmp_path / "b.npz", make_embeddings(np.ones((1, 2)), model="m vad=energy"))
    write_embeddings(tmp_path / "c.npz", make_embeddings(np.eye(2), model="n vad=none"))
    write_embeddings(tmp_path / "d.npz", make_embeddings(np.eye(3)))
    joined = read_joined([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert joined.vectors.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert joined.paths.tolist() == ["0.wav", "1.wav", "0.wav"]
    with pytest.raises(ManifestError, match=r"c\.npz: made by another encoder \(n\) than .*\(m\)"):
        read_joined([tmp_path / "a.npz", tmp_path / "c.npz"])
    with pytest.raises(ManifestError, match=r"d\.npz: embeddings of 3 numbers, but those of .* 2"):
        read_joined([tmp_path / "a.npz", tmp_path / "d.npz"])


def test_zeros_are_left_out_and_told(make_embeddings):
    found, lines = make_embeddings(np.array([[1.0, 0], [0, 0]])).without_zeros()
    assert found.paths.tolist() == ["0.wav"]
    assert lines == ["1.wav: its embedding is zero, which says nothing of a voice. It is left out"]
