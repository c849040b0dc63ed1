import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.separators import SEPARATORS
from wesep_like.models.separators.bands import band_widths
from wesep_like.models.separators.bsrnn import PUBLISHED_BANDS


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop_ms": 0.0}, r"hop_ms: expected more than 0 and at most half of window_ms \(32.0\)"),
        ({"hop_ms": 17.0}, "hop_ms: expected more than 0 and at most half .*got 17.0"),
        ({"bands": []}, r"bands: expected pairs \(number of bands, width in Hz\), all positive"),
        ({"bands": [[3, -1.0]]}, r"bands: expected pairs .*got \(\(3, -1.0\),\)"),
        ({"channels": 0}, "channels: expected at least 1, got 0"),
        ({"num_blocks": 0}, "num_blocks: expected at least 1, got 0"),
        ({"hidden_dim": -2}, "hidden_dim: expected at least 1, got -2"),
        ({"mask_dim": 0}, "mask_dim: expected at least 1, got 0"),
    ],
)
def test_options_that_cannot_be(build, options, message):
    with pytest.raises(ConfigError, match=rf"^model\.separator\.{message}"):
        build("bsrnn", **options)
