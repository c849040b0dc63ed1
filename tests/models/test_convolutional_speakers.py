"""What is special to speaker encoders that see the filterbank as a picture."""

import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.inference.models import find_model
from wesep_like.models import build_speaker, build_tse
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.speakers.simam_resnet import stressed


def build(**section):
    return build_speaker({"speaker": {"embed_dim": 12, **section}}, 16000)


def trained(speaker):
    """`speaker` with statistics that are no longer what they start from, in evaluation mode."""
    for module in speaker.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low in ((module.running_var, 0.5), (module.weight, 0.5)):
                torch.nn.init.uniform_(values, low, 1.5)
            for values in (module.running_mean, module.bias):
                torch.nn.init.normal_(values, std=0.3)
    return speaker.eval()


@torch.no_grad()
@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"squeeze_excite": True}])
def test_repvgg_merged_is_the_same(options):
    section = {"name": "repvgg", "size": "a0", "channels": 8, **options}
    speaker = trained(build(**section))
    features = torch.randn(2, 80, 29)
    expected = speaker.encode(features).embedding
    num_parameters = sum(parameter.numel() for parameter in speaker.parameters())
    speaker.merge_branches()
    torch.testing.assert_close(speaker.encode(features).embedding, expected, atol=1e-5, rtol=1e-4)
    assert sum(parameter.numel() for parameter in speaker.parameters()) < num_parameters
    assert not any("bn" in name or "rbr_dense" in name for name, _ in speaker.named_parameters())
    assert not any(module.training for module in speaker.modules())
    # Merged twice is merged, and so is one that was built so.
    state = speaker.state_dict()
    speaker.merge_branches()
    assert speaker.state_dict().keys() == state.keys()
    merged = build(**section, merged=True).eval()
    merged.load_state_dict(state)
    assert torch.equal(merged.encode(features).embedding, speaker.encode(features).embedding)


@torch.no_grad()
def test_dilated_branches_are_not_merged():
    section = {"name": "repvgg", "size": "a0", "channels": 8, "dilated": True}
    speaker = build(**section)
    before = speaker.state_dict().keys()
    speaker.merge_branches()
    assert speaker.state_dict().keys() == before
    # Weights that were published so have their place nevertheless.
    merged = build(**section, merged=True).eval()
    assert merged.stage1[0].rbr_reparam.weight.shape == (6, 6, 5, 5)
    frames = [one.encode(torch.randn(1, 80, 29)).frames.values for one in (speaker, merged)]
    assert frames[0].shape == frames[1].shape


@torch.no_grad()
def test_what_is_loaded_for_use_is_merged(tiny_section, tmp_path):
    section = tiny_section("repvgg", "add")
    model = build_tse(section, 16000)
    trained(model.speaker)
    model.eval()
    config = {"task": "extraction", "sample_rate": 16000, "model": section}
    save_model(tmp_path / "model", model, config)
    found = find_model(tmp_path / "model").model
    assert found.speaker.stage0.rbr_reparam.weight.shape == (4, 1, 3, 3)
    mixture, enrollment = 0.1 * torch.randn(1, 1603), 0.1 * torch.randn(1, 2407)
    expected = model(mixture, enrollment).estimates
    torch.testing.assert_close(found(mixture, enrollment).estimates, expected, atol=1e-5, rtol=1e-3)
    # What training starts from is not.
    assert hasattr(load_model(tmp_path / "model").speaker.stage0, "rbr_dense")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"name": "repvgg", "size": "a0", "channels": 8, "groups": 4},
            r"^model.speaker.groups: expected a divisor of each width \(6, 6, 12, 24, 160\), got 4",
        ),
        (
            {"name": "repvgg", "channels": 1},
            "^model.speaker.channels: expected at least 2 for size 'tiny_a0', got 1$",
        ),
        ({"name": "res2net34", "channels": 1}, "speaker.channels: expected at least 2, got 1$"),
        (
            {"name": "eres2net34", "channels": 2, "base_width": 24},
            "speaker.channels: expected at least 3, got 2$",
        ),
        ({"name": "repvgg", "size": "a9"}, "speaker.size: expected 'tiny_a0', 'a0', .* got 'a9'"),
    ],
)
def test_sizes_that_do_not_fit(section, message):
    with pytest.raises(ConfigError, match=message):
        build(**section)


def test_what_stands_out_is_stressed():
    picture = torch.zeros(1, 2, 4, 5)
    picture[0, 0, 1, 2] = 1
    factors = stressed(picture + 1) / (picture + 1)
    # A flat channel, and in the other the one that differs: d = 0.95, variance 0.05.
    flat, peak = torch.tensor([0.5, 0.5 + 0.95**2 / (4 * (0.05 + 1e-4))]).sigmoid()
    torch.testing.assert_close(factors[0, 1], flat.expand(4, 5))
    torch.testing.assert_close(factors[0, 0, 1, 2], peak)
    assert (factors[0, 0] <= peak).all()


@torch.no_grad()
def test_eres2net_takes_slices_of_any_number():
    speaker = build(name="eres2net34", channels=8, num_slices=3, base_width=24, expansion=4).eval()
    features = torch.randn(1, 80, 17)
    cue = speaker.encode(features)
    assert cue.frames.values.shape == (1, speaker.frame_dim, 3)
    assert speaker.frame_dim == 8 * 8 * 4 * 10
