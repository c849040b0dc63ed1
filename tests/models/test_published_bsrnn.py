"""Our BSRNN computes what the published one does, once its weights are put into our batches."""

import pytest
import torch

from wesep_like.audio.fbank import PreEmphasisLogMel
from wesep_like.models import SpeakerCue, build_tse

ENCODERS = {
    "ResNet18": "resnet18",
    "ResNet34": "resnet34",
    "ECAPA_TDNN_GLOB_c512": "ecapa_tdnn",
}


def build(args):
    channels = args["feature_dim"]
    return build_tse(
        {
            "separator": {"name": "bsrnn", "channels": channels, "num_blocks": args["num_repeat"]},
            "speaker": {
                "name": ENCODERS[args["spk_model"]],
                "embed_dim": args["spk_emb_dim"],
            },
            "fusion": {"name": args["spk_fuse_type"].lower()},
            "fuse_before": "every" if args["multi_fuse"] else "first",
        },
        args["sr"],
    ).eval()


def translated(state, widths, multi_fuse):
    """The published weights under our names, those of bands of equal width together."""
    ours = {
        key.replace("spk_model.", "speaker."): value
        for key, value in state.items()
        if key.startswith("spk_model.")
    }

    def put(ours_name, theirs, bands):
        for name in ("weight", "bias"):
            values = torch.stack([state[f"{theirs.format(band)}.{name}"] for band in bands])
            # Of (bands, out, in, 1) for a convolution, else (bands, channels).
            values = values.squeeze(-1) if values.ndim == 4 else values.unsqueeze(-1)
            ours[f"{ours_name}.{name}"] = values

    first = 0
    for group, (count, _) in enumerate(widths):
        bands = range(first, first + count)
        first += count
        put(f"separator.split.layers.{group}.0", "BN.{}.0", bands)
        put(f"separator.split.layers.{group}.1", "BN.{}.1", bands)
        put(f"separator.masks.heads.{group}", "mask.{}.5", bands)
    for layer in (0, 1, 3):
        put(f"separator.masks.hidden.{layer}", f"mask.{{}}.{layer}", range(first))
    names = {
        "band_rnn": "along_time",
        "band_comm": "along_bands",
        "norm.": "",
        "proj.": "projection.",
        "gamma_fcs.0": "gamma",
        "beta_fcs.0": "beta",
        "fc.": "",
    }
    for key, value in state.items():
        if not key.startswith("separator.separation."):
            continue
        number, rest = key.removeprefix("separator.separation.").split(".", 1)
        for theirs, our in names.items():
            rest = rest.replace(theirs, our)
        number = int(number) // 2 if multi_fuse else max(0, int(number) - 1)
        part = "separator.blocks" if "along" in rest else "fusions"
        ours[f"{part}.{number}.{rest}"] = value
    return ours


@pytest.mark.parametrize("name", ["wesep_bsrnn_concat_multitask", "wesep_bsrnn_film_multifuse_wav"])
def test_published_outputs(interop_case, name):
    case = interop_case(name)
    model = build(case.args)
    widths = model.separator.split.widths
    model.load_state_dict(translated(case.state, widths, case.args["multi_fuse"]))
    if case.args["spk_feat"]:
        features = case.input("fbank").transpose(1, 2)
    else:
        features = PreEmphasisLogMel(16000)(case.input("enrollment"))
    with torch.no_grad():
        cue = SpeakerCue(model.speaker.encode(features))
        estimate = model.extract(case.input("mixture"), cue)
    expected = case.outputs["wav"]
    assert (estimate - expected).norm() / expected.norm() < 1e-4


@pytest.mark.slow
def test_published_outputs_at_full_size(interop_case):
    test_published_outputs(interop_case, "wesep_bsrnn_multiply")
