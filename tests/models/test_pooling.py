import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.speakers.pooling import (
    AttentivePooling,
    AveragePooling,
    DeviationPooling,
    MultiHeadAttentivePooling,
    MultiQueryAttentivePooling,
    SelfAttentivePooling,
    StatisticsPooling,
)

CHANNELS = 4
EACH = {
    "average": AveragePooling,
    "deviation": DeviationPooling,
    "statistics": StatisticsPooling,
    "attentive": lambda dim: AttentivePooling(dim, bottleneck_dim=3),
    "attentive_local": lambda dim: AttentivePooling(dim, bottleneck_dim=3, global_context=False),
    "self_attentive": lambda dim: SelfAttentivePooling(dim, bottleneck_dim=3),
    "multi_head_attentive": lambda dim: MultiHeadAttentivePooling(dim, bottleneck_dim=3),
    "multi_query_attentive": lambda dim: MultiQueryAttentivePooling(
        dim, num_heads=2, bottleneck_dim=3
    ),
}


@pytest.fixture(autouse=True)
def _exact():
    """Variances are small differences of large numbers."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=[2, 5, 11])
def frames(request):
    return torch.randn(2, CHANNELS, request.param)


def agree(pool, frames, define):
    """Whether `pool` gives of a batch what `define` gives of each (channels, frames)."""
    pool.eval()
    expected = torch.stack([define(one) for one in frames])
    assert expected.shape == (len(frames), pool.out_dim)
    torch.testing.assert_close(pool(frames), expected, atol=1e-5, rtol=1e-4)


def affine(state, name, x):
    """A convolution of width one, of (channels, frames)."""
    return state[f"{name}.weight"][:, :, 0] @ x + state[f"{name}.bias"][:, None]


def weighted(frames, scores, least_variance=1e-7):
    """Mean and deviation of (channels, frames) by the softmax of scores."""
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    mean = (weights * frames).sum(-1)
    variance = (weights * (frames - mean[:, None]) ** 2).sum(-1)
    return torch.cat([mean, variance.clamp(min=least_variance).sqrt()])


def test_average(frames):
    agree(AveragePooling(CHANNELS), frames, lambda x: x.sum(-1) / x.shape[-1])


def unbiased(x):
    mean = x.sum(-1, keepdim=True) / x.shape[-1]
    return (((x - mean) ** 2).sum(-1) / (x.shape[-1] - 1)).sqrt()


def test_deviation(frames):
    agree(DeviationPooling(CHANNELS), frames, unbiased)


def test_statistics(frames):
    agree(StatisticsPooling(CHANNELS), frames, lambda x: torch.cat([x.mean(-1), unbiased(x)]))


@pytest.mark.parametrize("global_context", [True, False])
def test_attentive(frames, global_context):
    pool = AttentivePooling(CHANNELS, bottleneck_dim=3, global_context=global_context)
    state = pool.state_dict()

    def define(x):
        every = torch.ones(1, x.shape[-1])
        context = [x.mean(-1)[:, None] @ every, unbiased(x)[:, None] @ every]
        seen = torch.cat([x, *context]) if global_context else x
        return weighted(x, affine(state, "linear2", affine(state, "linear1", seen).tanh()))

    agree(pool, frames, define)


def test_self_attentive(frames):
    pool = SelfAttentivePooling(CHANNELS, bottleneck_dim=3)
    pool(torch.randn(7, CHANNELS, 9))  # which moves its statistics
    with torch.no_grad():
        pool.attention[2].weight.normal_()
        pool.attention[2].bias.normal_()
    state = pool.state_dict()

    def define(x):
        hidden = affine(state, "attention.0", x).clamp(min=0)
        mean, variance = (state[f"attention.2.running_{name}"][:, None] for name in ("mean", "var"))
        hidden = (hidden - mean) / (variance + 1e-5).sqrt()
        hidden = hidden * state["attention.2.weight"][:, None]
        hidden = hidden + state["attention.2.bias"][:, None]
        return weighted(x, affine(state, "attention.3", hidden), least_variance=1e-5)

    agree(pool, frames, define)


def heads(state, x, prefix=""):
    """Two heads, each of half the channels."""
    pooled = []
    for head, piece in enumerate([x[: CHANNELS // 2], x[CHANNELS // 2 :]]):
        name = f"{prefix}heads_att_trans.{head}.att_"
        scores = affine(state, f"{name}1", affine(state, f"{name}0", piece).tanh())
        pooled.append(weighted(piece, scores))
    return torch.cat(pooled)


def test_multi_head_attentive(frames):
    pool = MultiHeadAttentivePooling(CHANNELS, bottleneck_dim=3)
    assert pool.heads_att_trans[0].att_1.out_channels == 1  # all channels of a head weigh the same
    agree(pool, frames, lambda x: heads(pool.state_dict(), x))


def test_multi_query_attentive(frames):
    pool = MultiQueryAttentivePooling(CHANNELS, num_heads=2, bottleneck_dim=3)
    assert pool.n_query[0].heads_att_trans[0].att_1.out_channels == CHANNELS // 2
    agree(
        pool,
        frames,
        lambda x: torch.cat([heads(pool.state_dict(), x, f"n_query.{query}.") for query in (0, 1)]),
    )


@pytest.mark.parametrize("name", EACH)
def test_a_constant_has_a_finite_gradient(name):
    frames = torch.ones(1, CHANNELS, 11, requires_grad=True)
    EACH[name](CHANNELS)(frames).sum().backward()
    assert frames.grad.isfinite().all()


def test_heads_that_cannot_share_the_channels():
    message = "pooling: expected one without heads for frames of 1500 channels, which 8 heads"
    with pytest.raises(ConfigError, match=message):
        MultiQueryAttentivePooling(1500)
