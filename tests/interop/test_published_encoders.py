"""Encoders by WeSpeaker's names, arguments and tensor names, of which no vectors are at hand."""

import pytest
import torch

from wesep_like.interop import load_published
from wesep_like.interop.wespeaker import encoder_section
from wesep_like.models import build_speaker

ARGS = {"feat_dim": 72, "embed_dim": 12}


def build(name, **args):
    section = encoder_section(name, {**ARGS, **args}, name)
    return build_speaker({"speaker": section}, 16000)


@pytest.mark.parametrize(
    ("name", "sees_all"),
    [
        ("ECAPA_TDNN_c512", False),
        ("ECAPA_TDNN_GLOB_c512", True),
        ("ECAPA_TDNN_c1024", False),
        ("ECAPA_TDNN_GLOB_c1024", True),
        *((f"ReDimNetB{number}", True) for number in range(7)),
    ],
)
def test_what_the_attention_sees(name, sees_all):
    with torch.device("meta"):
        speaker = build(name)
        assert build(name, pooling_func="TSTP").pool.state_dict() == {}
    channels = speaker.pool.linear2.out_channels
    assert speaker.pool.linear1.in_channels == (3 * channels if sees_all else channels)
    assert build("ResNet18", pooling_func="ASTP").pool.linear1.in_channels == 2304


@pytest.mark.parametrize(
    ("pooling", "shapes"),
    [
        ("TAP", {}),
        ("TSDP", {}),
        ("TSTP", {}),
        ("ASTP", {"linear1": (128, 16, 1), "linear2": (16, 128, 1)}),
        (
            "ASP",
            {"attention.0": (128, 16, 1), "attention.2": (128,), "attention.3": (16, 128, 1)},
        ),
        (
            "MHASTP",
            {
                "heads_att_trans.0.att_0": (64, 8, 1),
                "heads_att_trans.0.att_1": (1, 64, 1),
                "heads_att_trans.1.att_0": (64, 8, 1),
                "heads_att_trans.1.att_1": (1, 64, 1),
            },
        ),
        (
            "MQMHASTP",
            {
                f"n_query.{query}.heads_att_trans.{head}.att_{layer}": shape
                for query in range(2)
                for head in range(8)
                for layer, shape in enumerate([(64, 2, 1), (2, 64, 1)])
            },
        ),
    ],
)
def test_the_weights_of_poolings(pooling, shapes):
    pool = build("XVEC", hid_dim=4, stats_dim=16, pooling_func=pooling).pool
    weights = {
        key.removesuffix(".weight"): tuple(value.shape)
        for key, value in pool.state_dict().items()
        if key.endswith(".weight")
    }
    assert weights == shapes


def test_a_norm_behind_the_embedding():
    assert build("ECAPA_TDNN_c512", emb_bn=True).bn2.num_features == 12
    assert not list(build("ECAPA_TDNN_c512", emb_bn=False).bn2.parameters())


def test_campplus_lists_its_pooling_twice():
    speaker = build("CAMPPlus", pooling_func="ASTP").eval()
    state = speaker.state_dict()
    pool = {
        key.replace("xvector.stats.", "pool."): value
        for key, value in state.items()
        if key.startswith("xvector.stats.")
    }
    assert len(pool) == 4
    args = {**ARGS, "pooling_func": "ASTP"}
    found = load_published("WeSpeaker CAMPPlus", args, {**state, **pool})
    features = torch.randn(1, 30, 72)
    with torch.no_grad():
        expected = speaker.encode(features.transpose(1, 2)).embedding
        torch.testing.assert_close(found(features), expected)
