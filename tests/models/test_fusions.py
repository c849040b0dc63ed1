import pytest
import torch

from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions import FUSIONS

FEATURE_DIM, EMBED_DIM = 5, 7
LAYOUTS = [(2, FEATURE_DIM, 11), (2, FEATURE_DIM, 3, 11)]


def build(name):
    fusion = FUSIONS.build({"name": name}, "f", feature_dim=FEATURE_DIM, embed_dim=EMBED_DIM)
    for parameter in fusion.parameters():  # away from any start that is special
        torch.nn.init.normal_(parameter)
    return fusion


def cue(batch=2):
    return SpeakerCue(torch.randn(batch, EMBED_DIM))


def test_the_four_are_there():
    assert {"add", "concat", "film", "multiply"} <= set(FUSIONS.names())


@pytest.mark.parametrize("name", FUSIONS.names())
@pytest.mark.parametrize("shape", LAYOUTS)
def test_the_shape_stays_and_gradients_reach_everything(name, shape):
    fusion, said = build(name), cue()
    features = torch.randn(shape, requires_grad=True)
    said.embedding.requires_grad_()
    fused = fusion(features, said)
    assert fused.shape == shape
    fused.square().sum().backward()
    for tensor in (features, said.embedding, *fusion.parameters()):
        assert tensor.grad.isfinite().all()
        assert (tensor.grad != 0).any()


@pytest.mark.parametrize("name", FUSIONS.names())
def test_every_layout_is_treated_alike(name):
    fusion, said = build(name), cue()
    features = torch.randn(LAYOUTS[1])
    flat = fusion(features.flatten(2), said)
    torch.testing.assert_close(fusion(features, said), flat.reshape(features.shape))


@pytest.mark.parametrize("name", FUSIONS.names())
def test_an_item_is_steered_by_its_own_cue(name):
    fusion, said = build(name), cue(batch=3)
    features = torch.randn(3, FEATURE_DIM, 11)
    together = fusion(features, said)
    for row in range(3):
        alone = fusion(features[row : row + 1], SpeakerCue(said.embedding[row : row + 1]))
        torch.testing.assert_close(together[row : row + 1], alone)
    swapped = fusion(features, SpeakerCue(said.embedding.roll(1, 0)))
    assert not torch.allclose(together, swapped, atol=1e-2)


@pytest.mark.parametrize("shape", LAYOUTS)
def test_film_starts_as_the_identity(shape):
    film = FUSIONS.build({"name": "film"}, "f", feature_dim=FEATURE_DIM, embed_dim=EMBED_DIM)
    features = torch.randn(shape)
    torch.testing.assert_close(film(features, cue()), features, rtol=0, atol=0)


def test_published_formulas():
    features, said = torch.randn(2, FEATURE_DIM, 11), cue()
    over_frames = said.embedding[:, :, None].expand(-1, -1, 11)
    for name in ("add", "multiply"):
        fusion = build(name)
        linear = fusion.linear(said.embedding)[:, :, None]
        expected = features + linear if name == "add" else features * linear
        torch.testing.assert_close(fusion(features, said), expected)
    film = build("film")
    gamma, beta = film.gamma(said.embedding)[..., None], film.beta(said.embedding)[..., None]
    torch.testing.assert_close(film(features, said), (1 + gamma) * features + beta)
    concat = build("concat")
    stacked = torch.cat([features, over_frames], dim=1)  # features first, then the embedding
    expected = concat.linear(stacked.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(concat(features, said), expected)
