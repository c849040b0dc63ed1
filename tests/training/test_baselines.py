from dataclasses import replace

import numpy as np
import pytest
import soundfile

from wesep_like.data.manifest import Utterance, write_manifest
from wesep_like.errors import AudioError, ConfigError, ModelFileError, OutputError
from wesep_like.models.model_file import load_model, read_model_config
from wesep_like.training.baselines import BaselineOptions, train_gmm_ubm, train_ivector

TINY = {"name": "gmm_ubm", "num_components": 4, "num_cepstra": 5, "num_bins": 12}


def write_utterances(folder, rate=8000):
    """Eight recordings of coloured noise, and a manifest of them."""
    records = []
    for number in range(8):
        rng = np.random.default_rng(number)
        samples = np.convolve(rng.standard_normal(rate), rng.standard_normal(20))[:rate]
        path = folder / f"{number}.wav"
        soundfile.write(path, 0.02 * samples, rate)
        records.append(Utterance(str(number), str(number // 2), path.name, rate, rate))
    write_manifest(folder / "utterances.jsonl", records)
    return folder / "utterances.jsonl"


@pytest.fixture
def options(tmp_path):
    return BaselineOptions(write_utterances(tmp_path), num_rounds=2)


def test_both_are_learnt_and_kept(tmp_path, options):
    told = []
    learnt = train_gmm_ubm(
        tmp_path / "ubm", TINY, 8000, options, progress=lambda *what: told.append(what)
    )
    assert learnt.folder == tmp_path / "ubm" / "model"
    assert learnt.num_utterances == 8
    assert 600 < learnt.num_frames <= 8 * 98
    assert told[7] == ("hearing", 8, 8)
    assert told[-1] == ("learning", 10, 10)
    config = read_model_config(learnt.folder)
    assert config["sample_rate"] == 8000
    assert config["baseline"] == {
        "utterances": str(tmp_path / "utterances.jsonl"),
        "max_utterances": 20000,
        "num_rounds": 2,
        "seed": 1,
    }
    extractor = train_ivector(tmp_path / "ivector", tmp_path / "ubm", 3, options)
    assert extractor.num_frames == learnt.num_frames
    ubm, ivector = load_model(learnt.folder), load_model(extractor.folder)
    np.testing.assert_array_equal(ivector.gmm.means, ubm.gmm.means)
    assert ivector.embed_dim == 3
    assert read_model_config(extractor.folder)["model"]["speaker"]["num_cepstra"] == 5


def test_the_same_seed_gives_the_same_model(tmp_path, options):
    for name in ("one", "other"):
        train_gmm_ubm(tmp_path / name, TINY, 8000, options)
        train_ivector(tmp_path / f"{name}_i", tmp_path / "one", 2, options)
    for pair in (("one", "other"), ("one_i", "other_i")):
        one, other = ((tmp_path / f / "model/model.safetensors").read_bytes() for f in pair)
        assert one == other


def test_fewer_utterances_and_frames(tmp_path, options):
    fewer = BaselineOptions(options.utterances, max_utterances=3, num_rounds=1)
    learnt = train_gmm_ubm(tmp_path / "ubm", TINY, 8000, fewer, max_frames=60)
    assert learnt.num_utterances == 3
    assert 40 < learnt.num_frames <= 63


def test_what_cannot_be_read_is_left_out(tmp_path, options):
    (tmp_path / "3.wav").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"skipped: .*3.wav: is empty"):
        learnt = train_gmm_ubm(tmp_path / "ubm", TINY, 8000, options)
    assert learnt.num_utterances == 7
    for number in range(8):
        (tmp_path / f"{number}.wav").unlink()
    with (
        pytest.warns(UserWarning, match="skipped"),
        pytest.raises(AudioError, match="utterances.jsonl: none of its utterances could be read"),
    ):
        train_gmm_ubm(tmp_path / "none", TINY, 8000, options)


def test_what_cannot_be(tmp_path, options):
    with pytest.raises(ConfigError, match="num_components: .* frames of speech are too few"):
        train_gmm_ubm(tmp_path / "many", {**TINY, "num_components": 500}, 8000, options)
    with pytest.raises(ConfigError, match="model.speaker.relevance: expected more than 0 frames"):
        train_gmm_ubm(tmp_path / "none", {**TINY, "relevance": -1.0}, 8000, options)
    train_gmm_ubm(tmp_path / "ubm", TINY, 8000, options)
    with pytest.raises(OutputError, match="ubm/model: is there already. Remove it"):
        train_gmm_ubm(tmp_path / "ubm", TINY, 8000, options)
    with pytest.raises(ConfigError, match="dim, num_rounds: expected 1 to 8 directions"):
        train_ivector(tmp_path / "ivector", tmp_path / "ubm", 9, options)
    train_ivector(tmp_path / "ivector", tmp_path / "ubm", 2, options)
    with pytest.raises(ModelFileError, match="ivector: no GMM-UBM. Name what 'wesep-like baseline"):
        train_ivector(tmp_path / "other", tmp_path / "ivector", 2, options)


@pytest.mark.slow
def test_other_processes_hear_the_same(tmp_path, options):
    train_gmm_ubm(tmp_path / "ubm", TINY, 8000, options)
    models = []
    for num_workers in (0, 1):
        some = replace(options, num_workers=num_workers)
        learnt = train_ivector(tmp_path / f"with_{num_workers}", tmp_path / "ubm", 2, some)
        models.append(load_model(learnt.folder).loadings)
    np.testing.assert_allclose(*models, atol=1e-4)
