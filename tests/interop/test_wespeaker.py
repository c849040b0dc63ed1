"""Classes of WeSpeaker, by name and arguments, are our encoders of the published sizes."""

import pytest
import torch

from wesep_like.interop import load_published
from wesep_like.interop.wespeaker import encoder_section
from wesep_like.models import build_speaker

# Million parameters: of WeSpeaker's documents, of which those of RepVGG are the merged ones; of
# Res2Net and ERes2Net, those of 3D-Speaker, from where WeSpeaker has them.
PARAMETERS = {
    ("ResNet18", 256): 4.11,
    ("ResNet34", 256): 6.63,
    ("ResNet50", 256): 11.13,
    ("ResNet101", 256): 15.89,
    ("ResNet152", 256): 19.81,
    ("ResNet221", 256): 23.79,
    ("ResNet293", 256): 28.63,
    ("SimAM_ResNet34_ASP", 256): 25.2,
    ("SimAM_ResNet100_ASP", 256): 50.2,
    ("REPVGG_TINY_A0", 256): 6.26,
    ("Res2Net34_Base", 192): 4.03,
    ("ERes2Net34_Base", 192): 6.61,
    ("ERes2Net34_Large", 192): 22.46,
    ("Gemini_DF_ResNet114", 256): 6.53,
}


@pytest.mark.parametrize(("name", "embed_dim"), PARAMETERS)
def test_published_sizes(name, embed_dim):
    section = encoder_section(name, {"feat_dim": 80, "embed_dim": embed_dim}, name)
    with torch.device("meta"):
        speaker = build_speaker({"speaker": section}, 16000)
        speaker.merge_branches()
    found = sum(parameter.numel() for parameter in speaker.parameters()) / 1e6
    published = PARAMETERS[name, embed_dim]
    assert found == pytest.approx(published, abs=0.06 if name.startswith("SimAM") else 0.006)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("ResNet221", {}, {"name": "resnet221"}),
        ("Gemini_DF_ResNet60", {"pooling_func": "ASP"}, {"pooling": "self_attentive"}),
        ("Res2Net34_Large", {}, {"name": "res2net34", "channels": 64}),
        ("ERes2Net34_aug", {"scale": 4}, {"base_width": 24, "num_slices": 4, "expansion": 4}),
        ("SimAM_ResNet34_ASP", {}, {"num_bins": 80, "pooling": "self_attentive"}),
        ("SimAM_ResNet100_ASP", {"in_planes": 32, "dropout": 0.1}, {"channels": 32}),
        ("REPVGG_A2", {"deploy": True}, {"name": "repvgg", "size": "a2", "merged": True}),
        ("REPVGG_RSBB_A0", {"use_se": True}, {"dilated": True, "squeeze_excite": True}),
        ("REPVGG_B2g4", {"use_se": False}, {"size": "b2", "groups": 4}),
        ("REPVGG_D2SE", {}, {"size": "d2", "groups": 4, "squeeze_excite": True}),
    ],
)
def test_names_and_arguments(name, args, expected):
    sizes = {"acoustic_dim": 80} if name.startswith("SimAM") else {"feat_dim": 80, "embed_dim": 8}
    section = encoder_section(name, {**sizes, **args}, name)
    assert section.items() >= expected.items()
    with torch.device("meta"):
        build_speaker({"speaker": section}, 16000)


def test_a_repvgg_that_was_published_merged():
    args = {"feat_dim": 80, "embed_dim": 8}
    section = encoder_section("REPVGG_TINY_A0", args, "here")
    speaker = build_speaker({"speaker": section}, 16000).eval()
    features = torch.randn(1, 30, 80)
    with torch.no_grad():
        expected = speaker.encode(features.transpose(1, 2)).embedding
        speaker.merge_branches()
        state = speaker.state_dict()
        module = load_published("WeSpeaker REPVGG_TINY_A0", {**args, "deploy": True}, state)
        torch.testing.assert_close(module(features), expected, atol=1e-5, rtol=1e-4)
