"""WeSep's ConvTasNet, in the forms of which no vectors are at hand, beside its definition."""

import math
import zlib

import pytest
import torch
from torch.nn import functional

from wesep_like.interop import load_published

ARGS = {
    "N": 8,
    "L": 16,
    "B": 6,
    "H": 10,
    "P": 3,
    "X": 3,
    "R": 2,
    "spk_emb_dim": 5,
    "norm": "gLN",
    "activate": "relu",
    "use_spk_transform": False,
    "joint_training": False,
    "encoder_type": None,
    "decoder_type": None,
}


def state_of(args):
    """Random weights by the published names and shapes."""
    state = {}
    filters, length, dim, hidden = (args[key] for key in "NLBH")

    def add(name, *shape):
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        state[name] = scale * torch.randn(shape, generator=generator)

    def conv(name, *shape):
        add(f"{name}.weight", *shape)
        add(f"{name}.bias", shape[0] if "decoder" not in name else shape[1])

    def norm(name, width):
        shape = (width, 1) if args["norm"] == "gLN" else (width,)
        for part in ("weight", "bias"):
            add(f"{name}.{part}", *shape)
        if args["norm"] == "BN":
            add(f"{name}.running_mean", width)
            state[f"{name}.running_var"] = torch.rand(width) + 0.5
            state[f"{name}.num_batches_tracked"] = torch.tensor(0)

    if args["encoder_type"] is None:
        conv("encoder.0", filters, 1, length)
        conv("decoder", filters, 1, length)
    else:
        conv("encoder.sequential.0", filters, 1, length)
        for number in (1, 3, 5, 7):
            conv(f"encoder.sequential.{number}", filters, filters, 3)
            add(f"encoder.sequential.{number + 1}.weight", 1)
            conv(f"decoder.sequential.{number - 1}", filters, filters, 3)
            add(f"decoder.sequential.{number}.weight", 1)
        conv("decoder.sequential.8", filters, 1, length)
    norm("LayerN_S", filters)
    conv("BottleN_S", dim, filters, 1)
    conv("gen_masks", filters, dim, 1)
    for repeat in range(args["R"]):
        place = f"separation.separation.{4 * repeat}"
        embed = args["spk_emb_dim"]
        if args["spk_fuse_type"] == "FiLM":
            for name in ("gamma_fcs.0", "beta_fcs.0"):
                conv(f"{place}.fc.{name}", dim, embed)
        else:
            width = embed + (dim if args["spk_fuse_type"] == "concat" else 0)
            conv(f"{place}.fc.linear", dim, width)
        add(f"separation.separation.{4 * repeat + 1}.weight", 1)
        norm(f"separation.separation.{4 * repeat + 2}", dim)
        for number in range(args["X"]):
            block = f"separation.separation.{4 * repeat + 3}.separation.{number}"
            conv(f"{block}.conv1x1", hidden, dim, 1)
            add(f"{block}.PReLU_1.weight", 1)
            norm(f"{block}.norm_1", hidden)
            conv(f"{block}.dwconv", hidden, 1, 3)
            add(f"{block}.PReLU_2.weight", 1)
            norm(f"{block}.norm_2", hidden)
            conv(f"{block}.Output", dim, hidden, 1)
    return state


def defined(args, state, mixture, embedding):
    """What the published definition says, step by step."""
    step = args["L"] // 2

    def conv(x, name, **options):
        return functional.conv1d(x, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    def back(x, name, **options):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return functional.conv_transpose1d(x, weight, bias, **options)

    def prelu(x, name):
        return functional.prelu(x, state[f"{name}.weight"])

    def norm(x, name):
        weight, bias = (state[f"{name}.{part}"].view(1, -1, 1) for part in ("weight", "bias"))
        if args["norm"] == "BN":
            mean = state[f"{name}.running_mean"].view(1, -1, 1)
            variance = state[f"{name}.running_var"].view(1, -1, 1)
        else:
            axes = (1, 2) if args["norm"] == "gLN" else (1,)
            mean = x.mean(axes, keepdim=True)
            variance = (x - mean).square().mean(axes, keepdim=True)
        return weight * (x - mean) / torch.sqrt(variance + 1e-5) + bias

    def linear(x, name):
        return functional.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    x = mixture.unsqueeze(1)
    if args["encoder_type"] is None:
        x = torch.relu(conv(x, "encoder.0", stride=step))
    else:
        x = conv(x, "encoder.sequential.0", stride=step)
        for number, dilation in ((1, 1), (3, 2), (5, 4), (7, 8)):
            x = conv(x, f"encoder.sequential.{number}", dilation=dilation, padding=dilation)
            x = prelu(x, f"encoder.sequential.{number + 1}")
    e = conv(norm(x, "LayerN_S"), "BottleN_S")
    for repeat in range(args["R"]):
        place = f"separation.separation.{4 * repeat}.fc"
        kind = args["spk_fuse_type"]
        if kind == "FiLM":
            gamma, beta = (linear(embedding, f"{place}.{n}_fcs.0") for n in ("gamma", "beta"))
            e = (1 + gamma[..., None]) * e + beta[..., None]
        elif kind == "concat":
            wide = torch.cat([e, embedding[..., None].expand(-1, -1, e.shape[-1])], dim=1)
            e = linear(wide.transpose(1, 2), f"{place}.linear").transpose(1, 2)
        else:
            said = linear(embedding, f"{place}.linear")[..., None]
            e = e * said if kind == "multiply" else e + said
        e = prelu(e, f"separation.separation.{4 * repeat + 1}")
        e = norm(e, f"separation.separation.{4 * repeat + 2}")
        for number in range(args["X"]):
            block = f"separation.separation.{4 * repeat + 3}.separation.{number}"
            y = norm(prelu(conv(e, f"{block}.conv1x1"), f"{block}.PReLU_1"), f"{block}.norm_1")
            dilation = 2**number
            padding = dilation * (2 if args.get("causal") else 1)
            y = conv(y, f"{block}.dwconv", dilation=dilation, padding=padding, groups=args["H"])
            if args.get("causal"):
                y = y[..., :-padding]
            y = norm(prelu(y, f"{block}.PReLU_2"), f"{block}.norm_2")
            e = e + conv(y, f"{block}.Output")
    x = x * torch.relu(conv(e, "gen_masks"))
    if args["encoder_type"] is None:
        return back(x, "decoder", stride=step)
    for number, dilation in ((0, 8), (2, 4), (4, 2), (6, 1)):
        x = back(x, f"decoder.sequential.{number}", dilation=dilation, padding=dilation)
        x = prelu(x, f"decoder.sequential.{number + 1}")
    return back(x, "decoder.sequential.8", stride=step).squeeze(1)


@pytest.mark.parametrize("num_samples", [800, 805])  # the second is not all in whole frames
@pytest.mark.parametrize(
    "options",
    [
        {"spk_fuse_type": "multiply"},
        {"spk_fuse_type": "additive"},
        {"spk_fuse_type": "concat"},
        {"spk_fuse_type": "FiLM"},
        {"spk_fuse_type": "multiply", "norm": "cLN", "causal": True},
        {"spk_fuse_type": "multiply", "norm": "BN"},
        {"spk_fuse_type": "FiLM", "encoder_type": "Deep", "decoder_type": "Deep"},
    ],
    ids=lambda options: "-".join(str(value) for value in options.values()),
)
def test_it_computes_what_is_defined(options, num_samples):
    args = {**ARGS, **options}
    state = state_of(args)
    mixture, embedding = torch.randn(2, num_samples), torch.randn(2, 5)
    with torch.no_grad():
        found = load_published("WeSep ConvTasNet", args, state)(mixture, embedding)
    expected = defined(args, state, mixture, embedding)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
