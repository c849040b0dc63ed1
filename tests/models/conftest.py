import pytest

from wesep_like.models import build_tse

# Sizes small enough for a test; a speaker module that is not here has its own.
TINY = {
    "resnet18": {"channels": 2, "embed_dim": 12},
    "resnet34": {"channels": 2, "embed_dim": 12},
    "ecapa_tdnn": {"channels": 16, "embed_dim": 12},
    "campplus": {"embed_dim": 12},
}


@pytest.fixture(scope="session")
def tiny_section():
    """Makes the `model` section of a small model: `tiny_section(speaker, fusion, fuse_before)`."""

    def make(speaker="ecapa_tdnn", fusion="film", fuse_before="every"):
        return {
            "separator": {
                "name": "bsrnn",
                "channels": 4,
                "hidden_dim": 3,
                "mask_dim": 5,
                "num_blocks": 2,
            },
            "speaker": {"name": speaker, **TINY.get(speaker, {})},
            "fusion": {"name": fusion},
            "fuse_before": fuse_before,
        }

    return make


@pytest.fixture
def tiny_model(tiny_section):
    """Builds a small model from what `tiny_section` takes."""
    return lambda *args, sample_rate=16000: build_tse(tiny_section(*args), sample_rate)
