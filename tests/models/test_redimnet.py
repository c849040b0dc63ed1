import pytest
import torch
from torch.nn import functional as F

from wesep_like.errors import ConfigError
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.speakers.redimnet_blocks import ResidualBlock, build_squeeze


def stirred(module):
    """`module` in evaluation, none of whose weights and statistics are zero or one."""
    with torch.no_grad():
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape) + (0.5 if key.endswith("var") else -0.5))
    return module.eval()


def norm(state, name, x, epsilon=1e-5):
    """BatchNorm in evaluation."""
    mean, variance, scale, shift = (
        state[f"{name}.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (variance + epsilon).sqrt() * scale + shift


@pytest.mark.parametrize("weighed_bins", [None, 5])
def test_a_residual_block(weighed_bins):
    block = stirred(ResidualBlock(6, 2, weighed_bins=weighed_bins))
    state = block.state_dict()
    x = torch.randn(2, 6, 5, 7)
    y = x
    for number in (1, 2):
        # Two channels in each group, and then all.
        y = torch.cat(
            [
                F.conv2d(piece, kernel, padding=1)
                for piece, kernel in zip(
                    y.split(2, dim=1), state[f"conv{number}.weight"].split(2), strict=True
                )
            ],
            dim=1,
        )
        y = F.conv2d(y, state[f"conv{number}pw.weight"], state[f"conv{number}pw.bias"])
        y = norm(state, f"bn{number}", y.clamp(min=0) if number == 1 else y)
    if weighed_bins:
        hidden = y.mean(dim=(1, 3)) @ state["se.squeeze.weight"].t() + state["se.squeeze.bias"]
        gate = hidden.clamp(min=0) @ state["se.exitation.weight"].t() + state["se.exitation.bias"]
        y = y / (1 + (-gate).exp())[:, None, :, None]
    torch.testing.assert_close(block(x), (x + y).clamp(min=0), atol=1e-5, rtol=1e-4)


def test_a_squeeze():
    """Groups are of `group_dim` of the narrow channels."""
    squeeze = stirred(build_squeeze(8, 4, 2))
    state = squeeze.state_dict()
    x = torch.randn(2, 8, 5, 7)
    y = torch.cat(
        [
            F.conv2d(piece, kernel, bias, padding=1)
            for piece, kernel, bias in zip(
                x.split(4, dim=1), state["0.weight"].split(2), state["0.bias"].split(2), strict=True
            )
        ],
        dim=1,
    )
    y = norm(state, "1", y, 1e-6)
    y = y * 0.5 * (1 + torch.erf(y / 2**0.5))
    y = F.conv2d(y, state["3.weight"], state["3.bias"])
    torch.testing.assert_close(squeeze(x), y, atol=1e-5, rtol=1e-4)


def test_the_weights_of_a_size_with_wide_blocks():
    with torch.device("meta"):
        speaker = SPEAKERS.build({"name": "redimnet", "size": "B3"}, "s", sample_rate=16000)
    shapes = {
        "backbone.inputs_weights.6": (1, 7, 1152, 1),
        "backbone.stage0.0.weight": (64, 16, 1, 1),
        "backbone.stage0.6.conv_block.conv1.weight": (64, 1, 3, 3),
        "backbone.stage0.6.conv_block.conv2pw.bias": (64,),
        "backbone.stage0.6.conv_block.se.squeeze.weight": (64, 72),
        "backbone.stage0.7.0.weight": (16, 4, 3, 3),
        "backbone.stage0.7.1.running_mean": (16,),
        "backbone.stage0.7.3.weight": (16, 16, 1, 1),
        "backbone.stage0.9.tcm.3.dwconvs.0.weight": (36, 1, 59),
        "backbone.stage5.0.weight": (128, 64, 2, 1),
        "backbone.stage5.8.conv_block.se.exitation.weight": (9, 64),
        "backbone.stage5.10.exp_dim_conv.weight": (1152, 72, 1),
        "pool.linear1.weight": (128, 3456, 1),
    }
    state = speaker.state_dict()
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("size", ["B0", "B1", "B2", "B3", "B4", "B5", "B6"])
def test_each_size_fits_together(size):
    with torch.device("meta"):
        speaker = SPEAKERS.build({"name": "redimnet", "size": size}, "s", sample_rate=16000)
        cue = speaker.encode(torch.empty(2, speaker.fbank.num_bins, 13))
    assert cue.embedding.shape == (2, 192)
    assert cue.frames.values.shape == (2, speaker.frame_dim, 13)


def test_bins_that_the_strides_do_not_divide():
    message = "^s.num_bins: expected a multiple of 24 for size B1, got 80$"
    with pytest.raises(ConfigError, match=message):
        SPEAKERS.build({"name": "redimnet", "size": "B1", "num_bins": 80}, "s", sample_rate=16000)
