import pytest

from wesep_like.audio import to_samples


@pytest.mark.parametrize(
    ("seconds", "sample_rate", "expected"),
    [
        (3.0, 16000, 48000),
        (0.025, 11025, 276),  # 275.625
        (0.5, 1, 1),  # a half is rounded up, and not to the even number
        (2.5, 1, 3),
        (0.29, 100, 29),  # 28.999999999999996 in binary
        (0.0, 8000, 0),
    ],
)
def test_to_samples(seconds, sample_rate, expected):
    result = to_samples(seconds, sample_rate)
    assert result == expected
    assert type(result) is int
