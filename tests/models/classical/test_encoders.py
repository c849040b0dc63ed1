import numpy as np
import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.classical.gmm import Statistics
from wesep_like.models.classical.map_adaptation import log_likelihood_ratios
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.speakers import SPEAKERS

TINY = {"num_components": 4, "num_cepstra": 5, "num_bins": 12}


def build(name, **options):
    section = {"name": name, **TINY, **options}
    return SPEAKERS.build(section, "model.speaker", sample_rate=16000).eval()


def speech(*shape):
    return 0.1 * torch.randn(*shape)


def test_the_frames_of_a_cue_are_those_of_speech():
    speaker = build("gmm_ubm")
    enrollment = speech(2, 8000)
    enrollment[1, 3000:5000] = 0
    features, is_speech = speaker.mfcc(enrollment)
    assert is_speech[0].all()
    assert 0 < is_speech[1].sum() < is_speech.shape[1]
    together = speaker(enrollment)
    for row in range(2):
        expected = features[row : row + 1, :, is_speech[row]]
        torch.testing.assert_close(together.row(row).frames.values, expected)
        alone = speaker(enrollment[row : row + 1])
        torch.testing.assert_close(alone.frames.values, expected, atol=1e-4, rtol=1e-4)
        assert alone.frames.lengths is None


def test_a_supervector_scores_as_the_means_that_it_stands_for():
    speaker = build("gmm_ubm", relevance=4.0, num_top=2)
    speaker.gmm.weights = torch.tensor([0.4, 0.3, 0.2, 0.1])
    enrollment = speech(1, 8000)
    one, other = speaker(enrollment), speaker(speech(1, 9000))
    found = speaker.log_likelihood_ratios(one.embedding, other.frames.values[0])
    statistics = speaker.statistics(enrollment)
    moved = statistics.sums / (statistics.counts + 4)[..., None]
    expected = log_likelihood_ratios(speaker.gmm, moved, other.frames.values[0].T, 2)
    torch.testing.assert_close(found, expected)
    # All frames of speech were counted.
    num_frames = one.frames.values.shape[-1]
    assert statistics.counts.sum().item() == pytest.approx(num_frames, rel=1e-4)


def test_an_ivector_ready_for_use_is_the_same():
    speaker = build("ivector", embed_dim=6)
    statistics = Statistics(50 * torch.rand(3, 4), torch.randn(3, 4, 15))
    before = speaker.embed(statistics)
    speaker.merge_branches()
    torch.testing.assert_close(speaker.embed(statistics), before)
    assert "each_frame" not in speaker.state_dict()


@pytest.mark.parametrize("name", ["gmm_ubm", "ivector"])
def test_a_model_file_has_all_of_it(name, tmp_path):
    speaker = build(name)
    section = {"name": name, **TINY}
    config = {"task": "verification", "sample_rate": 16000, "model": {"speaker": section}}
    save_model(tmp_path / "model", speaker, config)
    again = load_model(tmp_path / "model")
    enrollment = speech(1, 8000)
    assert np.array_equal(again(enrollment).embedding, speaker(enrollment).embedding)


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("gmm_ubm", {"relevance": 0.0}, "relevance: expected more than 0 frames, got 0"),
        ("gmm_ubm", {"num_top": 0}, "num_top: expected at least 1, got 0"),
        ("ivector", {"embed_dim": 0}, "embed_dim: expected at least 1, got 0"),
        ("ivector", {"num_components": 0}, "num_components: expected at least 1, got 0"),
        ("ivector", {"num_cepstra": 13}, r"num_cepstra: expected at most num_bins \(12\), got 13"),
    ],
)
def test_sizes_that_cannot_be(name, options, problem):
    with pytest.raises(ConfigError, match=f"^model.speaker.{problem}$"):
        build(name, **options)
