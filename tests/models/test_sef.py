"""An enrollment that is heard through the separator, level by level."""

from dataclasses import replace

import pytest
import torch

from wesep_like.models import SpeakerCue, build_tse
from wesep_like.models.cue import CueFrames
from wesep_like.models.separators import SEPARATORS


def speech(*shape):
    return 0.1 * torch.randn(*shape)


@pytest.fixture
def build(tiny_section):
    """Builds a small model: `(separator, fusion, **options of the separator)`."""

    def make(separator="sepformer", fusion="dual_path_attention", **options):
        fusion = {"name": fusion, "fuse": "add"}
        section = tiny_section("sef", fusion, "every", separator)
        section["separator"] = {**section["separator"], **options}
        return build_tse(section, 16000).eval()

    return make


@torch.no_grad()
def test_levels_are_what_comes_to_each_block(build):
    model, enrollment, heard = build(), speech(2, 2407), []
    for block in model.separator.blocks:
        block.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    model.separator(enrollment)
    levels, expected = model.cue(enrollment).levels, heard[:2]
    assert len(levels) == 2
    for level, features in zip(levels, expected, strict=True):
        torch.testing.assert_close(level.values, features)


@torch.no_grad()
@pytest.mark.parametrize("name", SEPARATORS.names())
def test_each_level_is_heard(build, name):
    model = build(name, "cross_attention")
    mixture, cue, other = speech(1, 1603), model.cue(speech(1, 2407)), model.cue(speech(1, 2407))
    estimate = model.extract(mixture, cue)
    assert len(cue.levels) == len(model.separator.blocks) > 1
    for number in range(len(cue.levels)):
        levels = list(cue.levels)
        levels[number] = other.levels[number]
        changed = model.extract(mixture, replace(cue, levels=tuple(levels)))
        assert (estimate - changed).norm() > 1e-6 * estimate.norm()


@torch.no_grad()
def test_only_the_levels_of_blocks_with_a_fusion_are_heard(tiny_section):
    section = tiny_section("sef", "cross_attention", [1], "sepformer")
    section["fusion"]["fuse"] = "add"
    model = build_tse(section, 16000).eval()
    mixture, cue, other = speech(1, 1603), model.cue(speech(1, 2407)), model.cue(speech(1, 2407))
    estimate = model.extract(mixture, cue)
    mixed = replace(cue, levels=(other.levels[0], cue.levels[1]))
    assert torch.equal(model.extract(mixture, mixed), estimate)
    mixed = replace(cue, levels=(cue.levels[0], other.levels[1]))
    assert not torch.equal(model.extract(mixture, mixed), estimate)


@torch.no_grad()
@pytest.mark.parametrize("name", ["sepformer", "bsrnn"])
def test_what_pads_levels_is_never_heard(build, name):
    model = build(name)
    mixture, enrollment = speech(2, 1603), speech(2, 4003)
    cue = model.cue(enrollment, torch.tensor([4003, 2407]))
    estimate = model.extract(mixture, cue)
    loud = []
    for level in cue.levels:
        assert level.padding().any(dim=1).tolist() == [False, True]
        padding = level.padding()[:, None, None]
        loud.append(CueFrames(level.values.masked_fill(padding, 1e3), level.lengths))
    torch.testing.assert_close(model.extract(mixture, replace(cue, levels=tuple(loud))), estimate)


@torch.no_grad()
def test_levels_of_several_enrollments_follow_one_another(build):
    model = build()
    cues = [model.cue(speech(1, length)) for length in (2407, 1603)]
    both = SpeakerCue.mean(cues)
    for level, one, other in zip(both.levels, *(cue.levels for cue in cues), strict=True):
        torch.testing.assert_close(level.values, torch.cat([one.values, other.values], dim=-1))
    mixture = speech(1, 1603)
    alone = model.extract(mixture, cues[0])
    assert (model.extract(mixture, both) - alone).norm() > 1e-6 * alone.norm()


def test_levels_are_learnt_from_until_they_are_detached(build):
    cue = build().train().cue(speech(2, 2407))
    assert all(level.values.requires_grad for level in cue.levels)
    assert not any(level.values.requires_grad for level in cue.detach().levels)
    assert cue.has_frames


@torch.no_grad()
@pytest.mark.parametrize("fusion", ["cross_attention", "dual_path_attention"])
def test_a_causal_separator_streams(build, fusion):
    model = build("bsrnn", fusion, causal=True, hop_ms=16.0)
    mixture, cue = speech(1, 4000), model.cue(speech(1, 2407))
    stream = model.stream(cue)
    told = [stream.push(part) for part in mixture.split(777, dim=-1)] + [stream.finish()]
    expected = model.extract(mixture, cue)
    torch.testing.assert_close(torch.cat(told, dim=-1), expected, atol=1e-6, rtol=1e-4)
