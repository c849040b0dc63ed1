"""A cue in a file is the cue that was written."""

import pytest
import torch

from wesep_like.errors import ModelFileError
from wesep_like.inference.cue_file import read_cue, write_cue
from wesep_like.models.cue import CueFrames, SpeakerCue

CPU = torch.device("cpu")


def frames(*shape):
    return CueFrames(torch.randn(1, *shape))


def values(cue):
    """Every tensor of a cue, by name."""
    levels = {f"level {n}": level.values for n, level in enumerate(cue.levels or ())}
    parts = {name: getattr(cue, name) for name in ("frames", "magnitudes", "keys")}
    heard = {name: part.values for name, part in parts.items() if part is not None}
    return heard | levels | ({} if cue.embedding is None else {"embedding": cue.embedding})


@pytest.mark.parametrize(
    "cue",
    [
        SpeakerCue(torch.randn(1, 4)),
        SpeakerCue(torch.randn(1, 4), frames(3, 5), frames(9, 6), frames(7, 6)),
        SpeakerCue(levels=tuple(frames(2, 3, n) for n in range(1, 13))),
    ],
    ids=["embedding", "frames", "levels"],
)
def test_what_is_written_is_read(tmp_path, cue):
    write_cue(tmp_path / "a.cue", cue, "model")
    again = values(read_cue(tmp_path / "a.cue", "model", CPU))
    assert again.keys() == values(cue).keys()
    for name, tensor in values(cue).items():
        assert torch.equal(again[name], tensor), name


def test_a_cue_of_another_model(tmp_path):
    write_cue(tmp_path / "a.cue", SpeakerCue(torch.randn(1, 4)), "model")
    with pytest.raises(ModelFileError, match="a.cue: is a cue for another model"):
        read_cue(tmp_path / "a.cue", "other", CPU)
