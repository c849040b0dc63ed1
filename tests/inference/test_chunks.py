import pytest
import torch

from wesep_like.inference.chunks import overlap_add


def ramp(num_samples):
    return torch.arange(1, num_samples + 1, dtype=torch.float32)


@pytest.mark.parametrize("num_samples", [1, 99, 100, 101, 119, 120, 121, 180, 181, 1603])
def test_what_needs_no_context_comes_out_unchanged(num_samples):
    samples = ramp(num_samples)
    torch.testing.assert_close(overlap_add(lambda x: 2 * x, samples, 100, 20), 2 * samples)


def test_no_chunk_is_longer_than_asked_or_as_short_as_the_overlap():
    lengths = []

    def listen(chunk):
        lengths.append(len(chunk))
        return chunk

    for num_samples in range(101, 400):
        overlap_add(listen, ramp(num_samples), 100, 20)
    assert max(lengths) == 100
    assert min(lengths) > 20


def test_chunks_that_differ_are_faded_over():
    levels = iter([0.0, 1.0])
    out = overlap_add(lambda x: torch.full_like(x, next(levels)), ramp(150), 100, 20)
    assert (out[:80] == 0).all()
    assert (out[100:] == 1).all()
    assert (out[79:101].diff() > 0).all()
    assert out.diff().max() < 0.06


def test_progress_ends_at_the_end():
    told = []
    overlap_add(lambda x: x, ramp(250), 100, 20, lambda done, total: told.append((done, total)))
    assert told == [(100, 250), (180, 250), (250, 250)]
    told.clear()
    overlap_add(lambda x: x, ramp(50), 100, 20, lambda done, total: told.append((done, total)))
    assert told == [(50, 50)]
