"""WeSep's TF-GridNet, in the forms of which no vectors are at hand, beside its definition."""

import math
import zlib

import pytest
import torch
from torch.nn import functional

from wesep_like.interop import load_published

ARGS = {
    "n_fft": 32,
    "stride": 16,
    "n_layers": 2,
    "lstm_hidden_units": 5,
    "attn_n_head": 2,
    "attn_approx_qk_dim": 40,
    "emb_dim": 6,
    "spk_emb_dim": 5,
    "joint_training": False,
}
BINS = 17
QUERY_DIM = 3  # 40 over 17, rounded up


def state_of(args):
    """Random weights by the published names and shapes."""
    state = {}
    dim, hidden = args["emb_dim"], args["lstm_hidden_units"]
    kernel, heads = args["emb_ks"], args["attn_n_head"]
    stack = kernel * dim

    def add(name, *shape):
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        state[name] = scale * torch.randn(shape, generator=generator)

    def layer(name, *shape, out=0):
        add(f"{name}.weight", *shape)
        add(f"{name}.bias", shape[out])

    layer("conv.0", dim, 2, 3, 3)
    layer("conv.1", dim)
    layer("deconv", dim, 2, 3, 3, out=1)
    width = args["spk_emb_dim"] + (BINS if args["spk_fuse_type"] == "concat" else 0)
    layer("spk_fuse.fc.linear", BINS, width)
    for number in range(args["n_layers"]):
        block = f"blocks.{number}"
        for path in ("intra", "inter"):
            layer(f"{block}.{path}_norm", dim)
            for way in ("", "_reverse"):
                add(f"{block}.{path}_rnn.weight_ih_l0{way}", 4 * hidden, stack)
                add(f"{block}.{path}_rnn.weight_hh_l0{way}", 4 * hidden, hidden)
                add(f"{block}.{path}_rnn.bias_ih_l0{way}", 4 * hidden)
                add(f"{block}.{path}_rnn.bias_hh_l0{way}", 4 * hidden)
            if kernel == args["emb_hs"]:
                layer(f"{block}.{path}_linear", stack, 2 * hidden)
            else:
                layer(f"{block}.{path}_linear", 2 * hidden, dim, kernel, out=1)
        for head, width in (("Q", QUERY_DIM), ("K", QUERY_DIM), ("V", dim // heads)):
            layer(f"{block}.attn_conv_{head}", heads * width, dim, 1, 1)
            add(f"{block}.attn_norm_{head}.gamma", 1, heads, width, 1, BINS)
            add(f"{block}.attn_norm_{head}.beta", 1, heads, width, 1, BINS)
            add(f"{block}.attn_norm_{head}.act.weight", heads)
        layer(f"{block}.attn_concat_proj.0", dim, dim, 1, 1)
        add(f"{block}.attn_concat_proj.1.weight", 1)
        add(f"{block}.attn_concat_proj.2.gamma", 1, dim, 1, BINS)
        add(f"{block}.attn_concat_proj.2.beta", 1, dim, 1, BINS)
    return state


def defined(args, state, mixture, embedding):
    """What the published definition says, step by step; pictures are (frames, bins)."""
    kernel, hop, heads = args["emb_ks"], args["emb_hs"], args["attn_n_head"]
    window = torch.hann_window(args["n_fft"])
    options = {"n_fft": args["n_fft"], "hop_length": args["stride"], "window": window}

    def of(name):
        return state[f"{name}.weight"], state[f"{name}.bias"]

    def lstm(x, name):
        module = torch.nn.LSTM(
            x.shape[-1], args["lstm_hidden_units"], batch_first=True, bidirectional=True
        )
        names = [key for key, _ in module.named_parameters()]
        module.load_state_dict({key: state[f"{name}.{key}"] for key in names})
        return module(x)[0]

    def norm(x, axes, gamma, beta):
        mean = x.mean(axes, keepdim=True)
        variance = (x - mean).square().mean(axes, keepdim=True)
        return (x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta

    def path(x, name):
        """(sequences, steps, channels) -> the same shape."""
        y = functional.layer_norm(x, x.shape[-1:], *of(f"{name}_norm"), 1e-5)
        if kernel == hop:
            y = lstm(y.reshape(len(y), -1, kernel * y.shape[-1]), f"{name}_rnn")
            return x + functional.linear(y, *of(f"{name}_linear")).reshape(x.shape)
        y = functional.unfold(y.transpose(1, 2)[..., None], (kernel, 1), stride=(hop, 1))
        y = lstm(y.transpose(1, 2), f"{name}_rnn").transpose(1, 2)
        return x + functional.conv_transpose1d(y, *of(f"{name}_linear"), stride=hop).transpose(1, 2)

    def fused(x):
        weight, bias = of("spk_fuse.fc.linear")
        if args["spk_fuse_type"] == "concat":
            wide = embedding[:, None, None].expand(*x.shape[:3], -1)
            return functional.linear(torch.cat([x, wide], dim=-1), weight, bias)
        said = functional.linear(embedding, weight, bias)[:, None, None]
        return x * said if args["spk_fuse_type"] == "multiply" else x + said

    def attended(x, block):
        batch, _, frames, bins = x.shape
        parts = []
        for head in "QKV":
            y = functional.conv2d(x, *of(f"{block}.attn_conv_{head}"))
            y = y.view(batch, heads, -1, frames, bins)
            y = functional.prelu(y, state[f"{block}.attn_norm_{head}.act.weight"])
            gamma, beta = (state[f"{block}.attn_norm_{head}.{n}"] for n in ("gamma", "beta"))
            parts.append(norm(y, (2, 4), gamma, beta).transpose(2, 3).flatten(3))
        query, key, value = parts
        weights = torch.softmax(query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]), dim=-1)
        y = (weights @ value).view(batch, heads, frames, -1, bins).transpose(2, 3)
        y = functional.conv2d(y.reshape(x.shape), *of(f"{block}.attn_concat_proj.0"))
        y = functional.prelu(y, state[f"{block}.attn_concat_proj.1.weight"])
        gamma, beta = (state[f"{block}.attn_concat_proj.2.{n}"] for n in ("gamma", "beta"))
        return norm(y, (1, 3), gamma, beta)

    level = mixture.std(dim=1, keepdim=True)
    spectrum = torch.stft(mixture / level, return_complex=True, **options).transpose(1, 2)
    x = torch.stack([spectrum.real, spectrum.imag], dim=1)
    x = functional.group_norm(functional.conv2d(x, *of("conv.0"), padding=1), 1, *of("conv.1"))
    for number in range(args["n_layers"]):
        block, lap = f"blocks.{number}", kernel - hop
        x = fused(x)
        batch, dim, frames, bins = x.shape
        padded = [
            math.ceil((size + 2 * lap - kernel) / hop) * hop + kernel for size in (frames, bins)
        ]
        after = [whole - size - lap for whole, size in zip(padded, (frames, bins), strict=True)]
        x = functional.pad(x, (lap, after[1], lap, after[0])).permute(0, 2, 3, 1)
        x = path(x.flatten(0, 1), f"{block}.intra").unflatten(0, (batch, -1)).transpose(1, 2)
        x = path(x.flatten(0, 1), f"{block}.inter").unflatten(0, (batch, -1)).permute(0, 3, 2, 1)
        x = x[..., lap : lap + frames, lap : lap + bins]
        x = x + attended(x, block)
    real, imag = functional.conv_transpose2d(x, *of("deconv"), padding=1).unbind(1)
    spectrum = torch.complex(real, imag).transpose(1, 2)
    return torch.istft(spectrum, length=mixture.shape[-1], **options) * level


@pytest.mark.parametrize("fusion", ["multiply", "additive", "concat"])
@pytest.mark.parametrize(("kernel", "hop"), [(1, 1), (2, 2), (3, 3), (4, 1), (4, 2), (3, 2)])
def test_it_computes_what_is_defined(kernel, hop, fusion):
    args = {**ARGS, "emb_ks": kernel, "emb_hs": hop, "spk_fuse_type": fusion}
    state = state_of(args)
    mixture, embedding = torch.randn(2, 407), torch.randn(2, 5)
    with torch.no_grad():
        found = load_published("WeSep TFGridNet", args, state)(mixture, embedding)
    expected = defined(args, state, mixture, embedding)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
