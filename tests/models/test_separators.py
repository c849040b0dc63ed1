import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.separators import SEPARATORS
from wesep_like.models.separators.bands import band_widths
from wesep_like.models.separators.bsrnn import PUBLISHED_BANDS
from wesep_like.models.separators.chunks import chunked, overlap_added


@pytest.fixture
def build(tiny_section):
    """Builds a small separator: `(name, sample_rate, **options)`."""

    def make(name, sample_rate=16000, **options):
        section = {**tiny_section(separator=name)["separator"], **options}
        return SEPARATORS.build(section, "model.separator", sample_rate=sample_rate)

    return make


@pytest.mark.parametrize("name", SEPARATORS.names())
@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
@pytest.mark.parametrize("num_samples", [1600, 1601, 1602, 1603])
def test_an_estimate_is_as_long_as_its_mixture(build, name, sample_rate, num_samples):
    estimates = build(name, sample_rate)(torch.randn(2, num_samples))
    assert estimates.shape[0] == 2
    assert estimates.shape[2] == num_samples
    assert estimates.isfinite().all()


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_the_shortest_mixture(build, name):
    separator = build(name)
    assert separator(torch.randn(1, separator.min_samples)).shape[2] == separator.min_samples


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_a_batch_is_its_singles(build, name):
    separator = build(name).eval()
    mixture = torch.randn(3, 1603) * torch.tensor([[1.0], [0.01], [10.0]])
    singles = torch.cat([separator(mixture[row : row + 1]) for row in range(3)])
    torch.testing.assert_close(separator(mixture), singles, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_gradients_reach_every_parameter(build, name):
    separator = build(name)
    separator(torch.randn(2, 1603)).square().sum().backward()
    for key, parameter in separator.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        if parameter.numel() > 2:  # the slope of a PReLU may see nothing negative, by chance
            assert (parameter.grad != 0).any(), key


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_silence_stays_silent_and_its_gradient_finite(build, name):
    separator = build(name)
    mixture = torch.zeros(1, 1603, requires_grad=True)
    estimates = separator(mixture)
    estimates.sum().backward()
    assert estimates.abs().max() < 1e-6
    assert all(parameter.grad.isfinite().all() for parameter in separator.parameters())


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_half_precision(build, name):
    separator = build(name)
    mixture = torch.randn(2, 1603)
    expected = separator(mixture)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimates = separator(mixture)
    assert estimates.dtype == torch.float32
    assert (estimates - expected).norm() < 0.1 * expected.norm()


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_it_builds_on_the_meta_device(build, name):
    with torch.device("meta"):
        separator = build(name)
    tensors = (*separator.parameters(), *separator.buffers())
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@pytest.mark.parametrize("num_frames", [1, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("size", [2, 8])
def test_each_frame_is_in_two_chunks(num_frames, size):
    frames = torch.randn(2, 3, num_frames)
    chunks = chunked(frames, size)
    assert chunks.shape[:3] == (2, 3, size)
    torch.testing.assert_close(overlap_added(chunks, num_frames), 2 * frames)
    # The second half of a chunk is the first of the next.
    torch.testing.assert_close(chunks[:, :, size // 2 :, :-1], chunks[:, :, : size // 2, 1:])


def test_a_sepformer_tells_places_apart(build):
    """What chunks hold in another order is not the same in another order."""
    block = build("sepformer").blocks[0]
    features = torch.randn(1, 4, 10, 5)
    for transformer, axes in ((block.within, (0, 3, 2, 1)), (block.across, (0, 2, 3, 1))):
        x = features.permute(*axes)
        turned = transformer(x.flip(2)).flip(2)
        assert (turned - transformer(x)).norm() > 1e-2 * turned.norm()


def test_a_sepformer_without_gradients(build):
    """For which torch takes another way through its layers."""
    separator, mixture = build("sepformer").eval(), torch.randn(2, 1603)
    with torch.no_grad():
        estimates = separator(mixture)
    torch.testing.assert_close(estimates, separator(mixture), atol=1e-5, rtol=1e-4)


def test_bands_as_published():
    assert band_widths(PUBLISHED_BANDS, 257, 16000) == [(15, 3), (10, 6), (5, 16), (1, 64), (1, 8)]


@pytest.mark.parametrize("sample_rate", [2000, 8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("num_bins", [5, 129, 257, 706, 769])
def test_bands_cover_every_bin_once_at_any_rate(sample_rate, num_bins):
    widths = band_widths(PUBLISHED_BANDS, num_bins, sample_rate)
    assert sum(count * width for count, width in widths) == num_bins
    assert all(count > 0 and width > 0 for count, width in widths)
    widest = max(1, round(2000 / (sample_rate / 2) * num_bins))
    assert all(width <= widest for _, width in widths)


def test_bands_are_treated_in_batches(build):
    separator = build("bsrnn")
    assert len(separator.split.layers) == len(separator.masks.heads) == 5  # not 32


def test_the_level_of_a_mixture_passes_through(build):
    separator = build("bsrnn").eval()
    mixture = torch.randn(1, 1603)
    torch.testing.assert_close(
        separator(0.125 * mixture), 0.125 * separator(mixture), atol=1e-5, rtol=1e-3
    )


@pytest.mark.parametrize("name", SEPARATORS.names())
def test_a_place_to_steer_at_every_block(build, name):
    separator, mixture, seen = build(name), torch.randn(2, 1603), []

    def steer(number, features):
        seen.append((number, *features.shape))
        return features

    torch.testing.assert_close(separator(mixture, steer), separator(mixture))
    assert [number for number, *_ in seen] == list(range(len(separator.blocks)))
    assert [channels for _, _, channels, *_ in seen] == list(separator.feature_dims)
    positions = [shape[3] for shape in seen] if len(seen[0]) > 4 else []
    assert positions == list(separator.position_dims)
    assert list(separator.frequency_dims) in ([], positions)
    inputs = separator.block_inputs(mixture)
    assert [part.shape[1] for part in inputs] == list(separator.input_dims)
    assert [part.shape[2] for part in inputs if part.ndim > 3] == positions


@pytest.mark.parametrize("norm", ["channel", "batch"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_causal_conv_tasnet_hears_nothing_from_beyond_a_filter(build, norm, deep):
    options = {"causal": True, "norm": norm, "filter_ms": 2.0, "deep": deep}
    assert_causal(build("conv_tasnet", **options).eval(), 32)


def test_a_causal_spex_plus_hears_nothing_from_beyond_its_longest_filter(build):
    separator = build("spex_plus", causal=True, norm="channel", filters_ms=[1.0, 2.0, 4.0]).eval()
    assert_causal(separator, 64)


def assert_causal(separator, lookahead):
    mixture = torch.randn(2, 3000)
    other = mixture.clone()
    other[:, 2000:] = 0
    same = slice(0, 2000 - lookahead)
    one, two = separator(mixture), separator(other)
    torch.testing.assert_close(one[..., same], two[..., same])
    assert (one[..., 2000:] - two[..., 2000:]).abs().max() > 1e-6


@pytest.mark.parametrize("name", ["conv_tasnet", "spex_plus"])
@pytest.mark.parametrize(
    "options",
    [
        {"norm": "batch"},
        {"norm": "channel"},
        {"skip_connections": True},
        {"mask": "relu"},
        {"fuse_inside": False},
        {"filter_bias": True},
    ],
)
def test_a_tcn_otherwise(build, name, options):
    separator = build(name, **options)
    assert separator(torch.randn(2, 1603)).shape[2] == 1603
    separator(torch.randn(2, 1603)).square().sum().backward()
    for key, parameter in separator.named_parameters():
        assert (parameter.grad != 0).any(), key


@pytest.mark.parametrize("filterbank", ["free", "analytic_free", "param_sinc"])
def test_other_filterbanks(build, filterbank):
    separator = build("conv_tasnet", filterbank=filterbank, num_filters=40)
    separator(torch.randn(2, 1603)).square().sum().backward()
    assert all((parameter.grad != 0).any() for parameter in separator.parameters())


@pytest.mark.parametrize(("kernel_size", "kernel_hop"), [(1, 1), (2, 2), (4, 1), (4, 2), (5, 3)])
@pytest.mark.parametrize("num_samples", [700, 1603])
def test_stacks_of_any_size_in_a_tfgridnet(build, kernel_size, kernel_hop, num_samples):
    separator = build("tfgridnet", kernel_size=kernel_size, kernel_hop=kernel_hop)
    assert separator(torch.randn(2, num_samples)).shape == (2, 1, num_samples)


@pytest.mark.parametrize("name", ["dpccn", "tfgridnet"])
def test_level_is_taken_out_and_put_back(build, name):
    separator, mixture = build(name).eval(), torch.randn(1, 1603)
    torch.testing.assert_close(
        separator(0.125 * mixture), 0.125 * separator(mixture), atol=1e-5, rtol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "bsrnn",
            {"hop_ms": 0.0},
            r"hop_ms: expected more than 0 and at most half of window_ms \(32.0\)",
        ),
        ("bsrnn", {"hop_ms": 17.0}, "hop_ms: expected more than 0 and at most half .*got 17.0"),
        (
            "bsrnn",
            {"bands": []},
            r"bands: expected pairs \(number of bands, width in Hz\), all positive",
        ),
        ("bsrnn", {"bands": [[3, -1.0]]}, r"bands: expected pairs .*got \(\(3, -1.0\),\)"),
        ("bsrnn", {"channels": 0}, "channels: expected at least 1, got 0"),
        ("bsrnn", {"num_blocks": 0}, "num_blocks: expected at least 1, got 0"),
        ("bsrnn", {"hidden_dim": -2}, "hidden_dim: expected at least 1, got -2"),
        ("bsrnn", {"mask_dim": 0}, "mask_dim: expected at least 1, got 0"),
        ("conv_tasnet", {"kernel_size": 4}, "kernel_size: expected an odd number, got 4"),
        ("conv_tasnet", {"causal": True}, "norm: 'global' hears the whole mixture, and causal is"),
        ("conv_tasnet", {"filter_ms": 0.05}, "filter_ms: expected at least two samples at 16000"),
        ("conv_tasnet", {"num_layers": 0}, "num_layers: expected at least 1, got 0"),
        ("spex_plus", {"filters_ms": [5.0, 2.0]}, "filters_ms: expected lengths .*shortest first"),
        ("spex_plus", {"num_filters": 0}, "num_filters: expected at least 1, got 0"),
        ("sepformer", {"filter_ms": 0.05}, "filter_ms: expected at least two samples at 16000"),
        ("sepformer", {"num_heads": 3}, "num_heads: expected a divisor of 4, got 3"),
        ("sepformer", {"chunk_frames": 5}, "chunk_frames: expected an even number, got 5"),
        ("sepformer", {"chunk_frames": 0}, "chunk_frames: expected an even number, got 0"),
        ("sepformer", {"num_layers": 0}, "num_layers: expected at least 1, got 0"),
        ("dpccn", {"hop_ms": 40.0}, r"hop_ms: expected more than 0 and at most half of window_ms"),
        ("dpccn", {"pool_sizes": [4, 8, 16]}, "pool_sizes: expected sizes .* as divide 4, got"),
        ("tfgridnet", {"hop_ms": 9.0}, r"hop_ms: expected more than 0 and at most half of window"),
        ("tfgridnet", {"num_heads": 3}, "num_heads: expected a divisor of 4, got 3"),
        (
            "tfgridnet",
            {"kernel_hop": 5},
            r"kernel_hop: expected at most kernel_size .4., got 5",
        ),
    ],
)
def test_options_that_cannot_be(build, name, options, message):
    with pytest.raises(ConfigError, match=rf"^model\.separator\.{message}"):
        build(name, **options)
