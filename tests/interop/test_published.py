"""Published classes, with published weights, compute here what they compute there."""

import math

import pytest
import torch

from wesep_like.errors import ModelFileError
from wesep_like.interop import load_published

# With what `aux` is.
WESEP = {
    "wesep_bsrnn_concat_multitask": ("BSRNN", "fbank"),
    "wesep_bsrnn_feats_tfmap_emb_crossmul": ("BSRNN_Feats", "enrollment"),
    "wesep_bsrnn_feats_tfmap_spec_none": ("BSRNN_Feats", "enrollment"),
    "wesep_bsrnn_film_multifuse_wav": ("BSRNN", "enrollment"),
    "wesep_bsrnn_multiply": ("BSRNN", "fbank"),
    "wesep_convtasnet_plain": ("ConvTasNet", "fbank"),
    "wesep_dpccn_multiply": ("DPCCN", "fbank"),
    "wesep_spexplus": ("ConvTasNet", "enrollment"),
    "wesep_tfgridnet_film_ks4": ("TFGridNet", "fbank"),
    "wesep_tfgridnet_multiply": ("TFGridNet", "fbank"),
}
WESPEAKER = {
    "wespeaker_campplus": "CAMPPlus",
    "wespeaker_ecapa_glob_c512": "ECAPA_TDNN_GLOB_c512",
    "wespeaker_redimnetb2": "ReDimNetB2",
    "wespeaker_resnet34": "ResNet34",
    "wespeaker_xvector": "XVEC",
    "wespeaker_resnet221": "ResNet221",
    "wespeaker_simam_resnet34": "SimAM_ResNet34_ASP",
}


def relative_error(found, expected):
    assert found.shape == expected.shape
    return (found - expected).norm() / expected.norm()


@pytest.mark.parametrize("name", WESEP)
def test_extraction(interop_case, name):
    case = interop_case(name)
    source, aux = WESEP[name]
    module = load_published(f"WeSep {source}", case.args, case.state)
    with torch.no_grad():
        found = module(case.input("mixture"), case.input(aux))
    found = found if isinstance(found, list) else [found]
    order = ["wav", "wav_mid", "wav_long", "speaker_logits"]
    expected = [case.outputs[key] for key in order if key in case.outputs]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert relative_error(one, other) < 1e-4


@pytest.mark.parametrize("name", WESPEAKER)
def test_encoders(interop_case, name):
    case = interop_case(name)
    module = load_published(f"WeSpeaker {WESPEAKER[name]}", case.args, case.state)
    with torch.no_grad():
        found = module(case.input("fbank72" if name == "wespeaker_redimnetb2" else "fbank"))
    assert relative_error(found, case.outputs["embedding"]) < 1e-4


BSRNN = {
    "sr": 16000,
    "win": 512,
    "stride": 128,
    "feature_dim": 4,
    "num_repeat": 2,
    "joint_training": False,
    "spk_fuse_type": "multiply",
    "multi_fuse": False,
    "spk_emb_dim": 8,
}


def bsrnn_state(dim=4, blocks=2, embed_dim=8):
    """A published BSRNN of random weights, by the names and shapes of its documentation."""
    state = {}

    def add(name, *shape):
        state[name] = torch.randn(shape) / math.sqrt(max(1, math.prod(shape[1:])))

    for band, width in enumerate([3] * 15 + [6] * 10 + [16] * 5 + [64, 8]):
        for name, shape in {
            f"BN.{band}.0": (2 * width,),
            f"BN.{band}.1": (dim, 2 * width, 1),
            f"mask.{band}.0": (dim,),
            f"mask.{band}.1": (4 * dim, dim, 1),
            f"mask.{band}.3": (4 * dim, 4 * dim, 1),
            f"mask.{band}.5": (4 * width, 4 * dim, 1),
        }.items():
            add(f"{name}.weight", *shape)
            add(f"{name}.bias", shape[0])
    add("separator.separation.0.fc.linear.weight", dim, embed_dim)
    add("separator.separation.0.fc.linear.bias", dim)
    for block in range(1, blocks + 1):
        for rnn in ("band_rnn", "band_comm"):
            name = f"separator.separation.{block}.{rnn}"
            for part in ("weight", "bias"):
                add(f"{name}.norm.{part}", dim)
            for way in ("", "_reverse"):
                add(f"{name}.rnn.weight_ih_l0{way}", 8 * dim, dim)
                add(f"{name}.rnn.weight_hh_l0{way}", 8 * dim, 2 * dim)
                add(f"{name}.rnn.bias_ih_l0{way}", 8 * dim)
                add(f"{name}.rnn.bias_hh_l0{way}", 8 * dim)
            add(f"{name}.proj.weight", dim, 4 * dim)
            add(f"{name}.proj.bias", dim)
    return state


def test_embeddings_made_elsewhere():
    """WeSep's first recipes take embeddings from files."""
    module = load_published("WeSep BSRNN", BSRNN, bsrnn_state())
    mixture = torch.randn(2, 4000)
    one = module(mixture, torch.randn(2, 8))
    assert one.shape == (2, 4000)
    assert relative_error(module(mixture, torch.randn(2, 8)), one) > 1e-3


def test_the_layout_of_2026(interop_case):
    """The same weights, as the rewrite names them, with an encoder that it lists twice."""
    encoder = interop_case("wespeaker_resnet34")
    args = {
        **BSRNN,
        "joint_training": True,
        "spk_feat": True,
        "spk_model": "ResNet34",
        "spk_args": encoder.args,
        "spk_emb_dim": 256,
    }
    state = bsrnn_state(embed_dim=256)
    older = {**state, **{f"spk_model.{key}": value for key, value in encoder.state.items()}}
    newer = {}
    for key, value in state.items():
        if key.startswith("BN."):
            newer[f"sep_model.subband_norm.{key}"] = value
        elif key.startswith("mask."):
            newer[f"sep_model.band_masker.{key}"] = value
        elif key.startswith("separator.separation.0."):
            name = key.removeprefix("separator.separation.0.")
            newer[f"spk_ft.spkemb.fusionLayer.{name}"] = value
        else:
            place, name = key.removeprefix("separator.separation.").split(".", 1)
            newer[f"sep_model.separator.separation.{int(place) - 1}.{name}"] = value
    for key, value in encoder.state.items():
        newer[f"spk_ft.encoder.spk_model.{key}"] = value
        newer[f"spk_ft.spkemb.encoder.spk_model.{key}"] = value
    config = {
        "separator": {"feature_dim": 4, "num_repeat": 2},
        "speaker": {
            "features": {"spkemb": {"enabled": True}},
            "speaker_model": {"speaker_encoder": {"model": "ResNet34", "spk_args": encoder.args}},
        },
    }
    mixture, fbank = torch.randn(1, 4000), encoder.input("fbank")[:1]
    with torch.no_grad():
        expected = load_published("WeSep BSRNN", args, older)(mixture, fbank)
        found = load_published("WeSep TSE_BSRNN_SPK", config, newer)(mixture, fbank)
    torch.testing.assert_close(found, expected)


def test_a_transform_of_the_embedding():
    """Linear layers between the encoder and the fusion; the last may undo what the first do."""
    args, state = {**BSRNN, "use_spk_transform": True}, bsrnn_state()
    wide = torch.zeros(128, 8)
    wide[:8] = 0.01 * torch.eye(8)  # so small that the tanh is straight
    transform = {"0": wide, "1": torch.eye(128), "3": wide.t() * 1e4}
    for number, weight in transform.items():
        state[f"spk_transform.transforms.{number}.weight"] = weight.unsqueeze(-1)
        state[f"spk_transform.transforms.{number}.bias"] = torch.zeros(len(weight))
    mixture, embedding = torch.randn(1, 4000), torch.randn(1, 8)
    with torch.no_grad():
        found = load_published("WeSep BSRNN", args, state)(mixture, embedding)
        expected = load_published("WeSep BSRNN", BSRNN, bsrnn_without(state))(mixture, embedding)
    assert relative_error(found, expected) < 1e-3


def bsrnn_without(state):
    return {key: value for key, value in state.items() if "transform" not in key}


@pytest.mark.parametrize(
    ("source", "args", "message"),
    [
        ("ESPnet TFGridNet", {}, "ESPnet TFGridNet: expected WeSep or WeSpeaker and the name of a"),
        ("WeSep Sepformer", {}, "WeSep Sepformer: no class of WeSep is called 'Sepformer' here"),
        ("WeSpeaker Whisper", {}, "WeSpeaker Whisper: no speaker encoder is called 'Whisper'"),
        ("WeSep BSRNN", {"spk_fuse_type": "gate"}, "no fusion is called 'gate'. Known: concat"),
        ("WeSep DPCCN", {"causal": True}, "WeSep DPCCN: causal: only false is known"),
        ("WeSep TFGridNet", {"n_srcs": 2}, "WeSep TFGridNet: n_srcs: only 1 is known, got 2"),
        ("WeSep ConvTasNet", {"skip_con": True}, "WeSep ConvTasNet: skip_con: only false is known"),
        (
            "WeSep ConvTasNet",
            {"encoder_type": "Deep", "decoder_type": "Deep", "causal": True},
            "causal: only false is known where encoder_type is Deep",
        ),
        ("WeSep ConvTasNet", {"encoder_type": "Deep"}, "expected both to be Multi, Deep or null"),
        (
            "WeSep TSE_BSRNN_SPK",
            {"speaker": {"features": {"usef": {"enabled": True}}}},
            "speaker.features: expected spkemb and nothing else, got usef",
        ),
    ],
)
def test_what_is_not_known(source, args, message):
    with pytest.raises(ModelFileError, match=message):
        load_published(source, args, {})


def test_weights_of_another_model():
    state = bsrnn_state()
    with pytest.raises(ModelFileError, match="1 tensors are unexpected .as mystery.weight.*"):
        load_published("WeSep BSRNN", BSRNN, {**state, "mystery.weight": torch.ones(1)})
    del state["separator.separation.1.band_rnn.norm.bias"]
    with pytest.raises(ModelFileError, match="1 missing .as separator.blocks.0.along_time.bias"):
        load_published("WeSep BSRNN", BSRNN, state)
    with pytest.raises(ModelFileError, match="of another shape"):
        load_published("WeSep BSRNN", {**BSRNN, "feature_dim": 5}, bsrnn_state())
