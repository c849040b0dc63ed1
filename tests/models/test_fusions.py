import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.fusions import FUSIONS

FEATURE_DIM, EMBED_DIM, FRAME_DIM = 6, 7, 8
LAYOUTS = [(2, FEATURE_DIM, 11), (2, FEATURE_DIM, 3, 11)]


def build(name, **options):
    section = {"name": name, **options}
    sizes = {"feature_dim": FEATURE_DIM, "embed_dim": EMBED_DIM, "frame_dim": FRAME_DIM}
    sizes["num_positions"] = LAYOUTS[1][2]
    fusion = FUSIONS.build(section, "f", **sizes)
    for parameter in fusion.parameters():  # away from any start that is special
        torch.nn.init.normal_(parameter, std=0.5)
    return fusion


def cue(batch=2):
    return SpeakerCue(torch.randn(batch, EMBED_DIM), CueFrames(torch.randn(batch, FRAME_DIM, 9)))


# One attends along the positions too, and wants some.
LAID_OUT = [
    (name, shape)
    for name in FUSIONS.names()
    for shape in LAYOUTS
    if name != "dual_path_attention" or len(shape) > 3
]


def test_the_four_are_there():
    assert {"add", "concat", "film", "multiply"} <= set(FUSIONS.names())


@pytest.mark.parametrize(("name", "shape"), LAID_OUT)
def test_the_shape_stays_and_gradients_reach_everything(name, shape):
    fusion, said = build(name), cue()
    features = torch.randn(shape, requires_grad=True)
    heard = said.frames.values if fusion.hears_frames else said.embedding
    heard.requires_grad_()
    fused = fusion(features, said)
    assert fused.shape == shape
    fused.square().sum().backward()
    for tensor in (features, heard, *fusion.parameters()):
        assert tensor.grad.isfinite().all()
        assert (tensor.grad != 0).any()


@pytest.mark.parametrize("name", [name for name, shape in LAID_OUT if len(shape) == 3])
def test_every_layout_is_treated_alike(name):
    fusion, said = build(name), cue()
    features = torch.randn(LAYOUTS[1])
    flat = fusion(features.flatten(2), said)
    torch.testing.assert_close(fusion(features, said), flat.reshape(features.shape))


@pytest.mark.parametrize("name", FUSIONS.names())
def test_an_item_is_steered_by_its_own_cue(name):
    fusion, said = build(name), cue(batch=3)
    features = torch.randn(3, *LAYOUTS[1][1:])
    together = fusion(features, said)
    for row in range(3):
        alone = fusion(features[row : row + 1], said.row(row))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)
    swapped = fusion(features, SpeakerCue.stacked([said.row(row) for row in (1, 2, 0)]))
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


def attended(attention, query, heard):
    """What one query (channels,) finds in what is heard (steps, channels), by two heads."""
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    q = weights[0] @ query + biases[0]
    k, v = (heard @ weight.T + bias for weight, bias in zip(weights[1:], biases[1:], strict=True))
    found = []
    for head in (slice(0, 3), slice(3, 6)):
        found.append(torch.softmax(k[:, head] @ q[head] / 3**0.5, 0) @ v[:, head])
    return attention.out_proj(torch.cat(found))


@pytest.mark.parametrize("fuse", ["add", "concat", "film", "multiply"])
def test_cross_attention_by_its_definition(fuse):
    """Each frame by itself, in each band alike."""
    fusion = build("cross_attention", fuse=fuse).eval()
    features, said = torch.randn(LAYOUTS[1]), cue()
    fused = fusion(features, said)
    heard = fusion.project(said.frames.values[1].T)
    found = attended(fusion.attention, features[1, :, 2, 4], heard)
    expected = fusion.fusion.fuse(features[1:, :, 2:3, 4:5], found[None, :, None, None])
    torch.testing.assert_close(fused[1:, :, 2:3, 4:5], expected)


@pytest.mark.parametrize("shape", [(FRAME_DIM,), (FRAME_DIM, 3)])
def test_dual_path_attention_by_its_definition(shape):
    """Each place finds something across the chunks; then each looks at what all found."""
    fusion = build("dual_path_attention", fuse="add").eval()
    features = torch.randn(LAYOUTS[1])
    said = CueFrames(torch.randn(2, *shape, 9))
    fused = fusion(features, SpeakerCue(frames=said))
    item, place, chunk = 1, 2, 4
    across = []
    for other in range(3):
        frames = said.values[item] if len(shape) == 1 else said.values[item, :, other]
        heard = fusion.project(frames.T)
        across.append(attended(fusion.attention, features[item, :, other, chunk], heard))
    here = features[item, :, place, chunk]
    found = across[place] + attended(fusion.attention_within, here, torch.stack(across))
    torch.testing.assert_close(
        fused[item, :, place, chunk], here + fusion.fusion.linear(found), atol=1e-5, rtol=1e-4
    )


def test_dual_path_attention_wants_two_paths():
    sizes = {"feature_dim": FEATURE_DIM, "frame_dim": FRAME_DIM, "num_positions": 1}
    with pytest.raises(ConfigError, match=r"^f\.name: 'dual_path_attention' .* have time only\."):
        FUSIONS.build({"name": "dual_path_attention"}, "f", **sizes)


def test_frames_with_bands_are_attended_to_band_by_band():
    fusion = build("cross_attention").eval()
    features = torch.randn(LAYOUTS[1])
    frames = torch.randn(2, FRAME_DIM, 3, 9)
    fused = fusion(features, SpeakerCue(frames=CueFrames(frames)))
    for band in range(3):
        alone = fusion(features[:, :, band], SpeakerCue(frames=CueFrames(frames[:, :, band])))
        torch.testing.assert_close(fused[:, :, band], alone)


@pytest.mark.parametrize("name", ["cross_attention", "dual_path_attention"])
@pytest.mark.parametrize("shape", [(FRAME_DIM,), (FRAME_DIM, 3)])
def test_what_pads_frames_is_not_attended_to(name, shape):
    fusion = build(name).eval()
    features = torch.randn(LAYOUTS[1])
    rows = [SpeakerCue(frames=CueFrames(torch.randn(1, *shape, n))) for n in (9, 4)]
    together = fusion(features, SpeakerCue.stacked(rows))
    for row in range(2):
        alone = fusion(features[row : row + 1], rows[row])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)
