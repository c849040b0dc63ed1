"""What holds for any separator with any speaker module and any fusion."""

import itertools

import pytest
import torch
from torch import nn

from wesep_like.models import build_tse
from wesep_like.models.fusions import FUSIONS
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.separators import SEPARATORS
from wesep_like.models.speakers import SPEAKERS


def speech(*shape):
    return 0.1 * torch.randn(*shape)


# Deeper ones of a class that is here anyway, or on the same front-end, and what has no gradients.
DEEPER = (
    *(f"resnet{depth}" for depth in (34, 101, 152, 221, 293)),
    *(f"gemini_dfresnet{depth}" for depth in (114, 183, 237)),
    "simam_resnet100",
    "ssl_ecapa_tdnn",
    "ssl_mhfa",
    "gmm_ubm",
    "ivector",
)


HEAR_FRAMES = ("cross_attention", "dual_path_attention")
ONE_AXIS = ("conv_tasnet", "spex_plus")  # separators whose features have time only


def goes_together(separator, speaker, fusion, fuse_before):
    if fusion == "dual_path_attention" and separator in ONE_AXIS:
        return False
    if speaker == "sef":
        return fusion in HEAR_FRAMES and fuse_before == "every"
    if speaker == "usef":
        # The frames have the bands of the input; at the bottom of a DPCCN there are fewer.
        is_elsewhere = separator == "dpccn" or fusion == "dual_path_attention"
        return fusion in HEAR_FRAMES and (fuse_before == "first" or not is_elsewhere)
    if speaker == "twin_encoder" and separator != "spex_plus":
        return False
    if speaker == "onnx" and fusion in ("cross_attention", "dual_path_attention"):
        return False  # it has no frames
    if fusion == "dual_path_attention" and fuse_before == "every":
        return False  # with SEF it stands there
    if separator == "sepformer" or fusion == "dual_path_attention":
        return speaker == "ecapa_tdnn"  # to them an encoder is like any other
    # Where fusions stand is between separator and fusion; one that gives embedding and frames will
    # do.
    return fuse_before == "first" or speaker == "ecapa_tdnn"


COMBINATIONS = [
    combination
    for combination in itertools.product(
        SEPARATORS.names(),
        [name for name in SPEAKERS.names() if name not in DEEPER],
        FUSIONS.names(),
        ["first", "every"],
    )
    if goes_together(*combination)
]
COMBINATIONS += [("bsrnn", name, "film", "first") for name in DEEPER]


# A softmax over time does not see what is added to all of its inputs, nor does BatchNorm.
INVISIBLE = (
    "pool.linear2.bias",
    "attention.3.bias",
    "local_att.0.bias",
    "local_att.3.bias",
    "in_proj_bias",
    "k_proj.bias",
)
all_of_them = pytest.mark.parametrize(
    ("separator", "speaker", "fusion", "fuse_before"), COMBINATIONS
)


def stir(module):
    """Takes every parameter away from zero: FiLM starts where a cue has no effect yet."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)


@all_of_them
def test_training(tiny_model, separator, speaker, fusion, fuse_before):
    """Estimates are as long as mixtures of an odd length, and all that learns has a gradient."""
    model = tiny_model(speaker, fusion, fuse_before, separator).train()
    stir(model.fusions)
    output = model(speech(3, 1603), speech(3, 2407))
    assert output.estimates.shape == (3, 3 if separator == "spex_plus" else 1, 1603)
    (output.estimates * torch.randn(1603)).sum().backward()
    for name, parameter in model.named_parameters():
        if fusion in HEAR_FRAMES and name.startswith("speaker.") and parameter.grad is None:
            continue  # what makes an embedding of the frames, which nobody asks for
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # The slope of a PReLU has none where all that it sees is positive, by chance.
        if not name.endswith(INVISIBLE) and parameter.numel() > 2:
            assert (parameter.grad != 0).any(), name


@all_of_them
def test_use(tiny_section, tmp_path, separator, speaker, fusion, fuse_before):
    """A batch is its singles, half precision is near, and a saved model is the same."""
    section = tiny_section(speaker, fusion, fuse_before, separator)
    model = build_tse(section, 16000).eval()
    stir(model.fusions)
    signals = speech(2, 1603), speech(2, 2407)
    together = model(*signals).estimates
    for row in range(2):
        alone = model(*(signal[row : row + 1] for signal in signals)).estimates
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(*signals).estimates
    assert half.dtype == torch.float32
    assert (half - together).norm() < 0.2 * together.norm()
    config = {"task": "extraction", "sample_rate": 16000, "model": section}
    save_model(tmp_path / "model", model, config)
    assert torch.equal(load_model(tmp_path / "model")(*signals).estimates, together)


class Waveforms(nn.Module):
    """A model as an exported program has it: waveforms in, waveforms out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, mixture, enrollment):
        return self.model(mixture, enrollment).estimates


# Each separator with each fusion, and each speaker module with one of each: the parts meet in plain
# tensors only. Those of a SepFormer are laid out as those of a BSRNN: two fusions will do.
EXPORTED = [
    (separator, "usef" if fusion == "cross_attention" else "ecapa_tdnn", fusion)
    for separator in SEPARATORS.names()
    for fusion in FUSIONS.names()
    if fusion != "dual_path_attention"
    if fusion in ("film", "cross_attention") or separator != "sepformer"
]
# What onnxruntime does is no program of PyTorch's.
_OTHERS = ("onnx", "usef", "sef")
EXPORTED += [("spex_plus", name, "add") for name in SPEAKERS.names() if name not in _OTHERS]
EXPORTED += [(name, "sef", "dual_path_attention") for name in ("bsrnn", "sepformer")]


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # what nn.LSTM does when exported
@pytest.mark.parametrize(("separator", "speaker", "fusion"), EXPORTED)
def test_export(tiny_model, separator, speaker, fusion):
    model = Waveforms(tiny_model(speaker, fusion, "first", separator).eval())
    signals = speech(2, 1603), speech(2, 2407)
    exported = torch.export.export(model, signals).module()
    torch.testing.assert_close(exported(*signals), model(*signals))
