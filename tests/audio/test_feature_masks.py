import pytest
import torch

from wesep_like.audio.feature_masks import FeatureMasks


def masks(time, frequency):
    return FeatureMasks(torch.tensor(time), torch.tensor(frequency))


@pytest.mark.parametrize("size", [(80, 400), (8, 33)])
def test_what_a_mask_hides_is_its_share(size):
    features = torch.randn(2, *size)
    two = masks([[[0.1, 0.3], [0.5, 0.55]], [[0.0, 0.0], [0.9, 1.0]]], [[[0.5, 0.75]]] * 2)
    hidden = two.laid_over(features) == 0
    bins, frames = size
    for row, share in ((0, 0.25), (1, 0.1)):
        assert hidden[row].all(dim=0).float().mean() == pytest.approx(share, abs=2 / frames)
        assert hidden[row].all(dim=1).float().mean() == pytest.approx(0.25, abs=1 / bins)
        is_either = hidden[row].all(dim=1)[:, None] | hidden[row].all(dim=0)
        assert torch.equal(hidden[row], is_either)
    assert torch.equal(two.laid_over(features)[~hidden], features[~hidden])


def test_masks_lie_where_they_are_planned():
    one = masks([[[0.25, 0.5]]], [[[0.0, 0.25]]])
    hidden = one.laid_over(torch.ones(1, 4, 8)) == 0
    assert hidden.any(dim=2)[0].tolist() == [True] * 4
    assert hidden.all(dim=2)[0].tolist() == [True, False, False, False]
    assert hidden.all(dim=1)[0].tolist() == [False] * 2 + [True] * 2 + [False] * 4


def test_rows_have_their_own_masks_and_none_hides_nothing():
    none = torch.zeros(2, 0, 2)
    two = FeatureMasks(torch.tensor([[[0.0, 0.5]], [[0.5, 1.0]]]), none)
    features = torch.randn(1, 3, 10)
    alone = two.rows([1]).laid_over(features)
    assert not alone[..., 5:].any()
    assert torch.equal(alone[..., :5], features[..., :5])
    assert torch.equal(FeatureMasks(none, none).laid_over(features.repeat(2, 1, 1))[0], features[0])
