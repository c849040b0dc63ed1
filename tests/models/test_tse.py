import pytest
import torch

from wesep_like.audio.stft import STFT
from wesep_like.errors import ConfigError
from wesep_like.models import SpeakerCue, build_speaker, build_tse
from wesep_like.models.model_file import load_model, save_model
from wesep_like.models.speakers.silent import SilentModule
from wesep_like.models.tf_map import TFMap


def speech(*shape):
    return 0.1 * torch.randn(*shape)


def stir(module):
    """Takes every parameter away from zero: FiLM starts where a cue has no effect yet."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)


LENGTHS = torch.tensor([4003, 2407, 3001])


def assert_a_batch_is_its_singles(model, mixture, enrollment):
    """Enrollments have `LENGTHS`; returns the estimates of all together."""
    together = model(mixture, enrollment, LENGTHS).estimates
    for row, length in enumerate(LENGTHS):
        one = slice(row, row + 1)
        alone = model(mixture[one], enrollment[one, :length]).estimates
        torch.testing.assert_close(together[one], alone, atol=1e-5, rtol=1e-3)
    return together


def test_fusion_along_frequency(tiny_section):
    """WeSep's DPCCN and TF-GridNet fuse so."""
    section = {**tiny_section(separator="tfgridnet"), "fuse_axis": "frequency"}
    model = build_tse(section, 16000).eval()
    bins = model.separator.stft.num_bins
    film = model.fusions["0"]
    assert film.gamma.out_features == bins
    mixture, enrollment = speech(1, 1603), speech(1, 2407)
    features, _ = model.separator.encode(mixture)
    with torch.no_grad():
        film.beta.bias[3] = 1
    heard = []
    model.separator.blocks[0].register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    model(mixture, enrollment)
    moved = (heard[0] - features).abs().amax(dim=(0, 1, 3))
    torch.testing.assert_close(moved, torch.eye(bins)[3])


def test_no_fusion_along_a_frequency_that_is_not_there(tiny_section):
    section = {**tiny_section(separator="conv_tasnet"), "fuse_axis": "frequency"}
    with pytest.raises(ConfigError) as raised:
        build_tse(section, 16000)
    assert raised.value.problems == (
        "model.fuse_axis: 'conv_tasnet' has no frequency axis. Expected 'channels'",
    )


def test_one_fusion_shared_by_all_blocks(tiny_section, tmp_path):
    section = {**tiny_section(fusion="add"), "fuse_shared": True}
    model = build_tse(section, 16000).eval()
    assert list(model.fusions) == ["0"]
    stir(model.fusions)
    apart = build_tse({**section, "fuse_shared": False}, 16000).eval()
    apart.load_state_dict(
        {
            **model.state_dict(),
            **{f"fusions.1.{k}": v for k, v in model.fusions["0"].state_dict().items()},
        }
    )
    signals = speech(1, 1603), speech(1, 2407)
    torch.testing.assert_close(model(*signals).estimates, apart(*signals).estimates)
    save_model(
        tmp_path / "model", model, {"task": "extraction", "sample_rate": 16000, "model": section}
    )
    again = load_model(tmp_path / "model")
    torch.testing.assert_close(model(*signals).estimates, again(*signals).estimates)


def test_no_fusion_is_shared_by_blocks_of_different_widths(tiny_section):
    section = {**tiny_section(separator="dpccn"), "fuse_shared": True}
    with pytest.raises(ConfigError, match=r"model.fuse_shared: the blocks have .* \(2, 6, 6\)"):
        build_tse(section, 16000)


@pytest.mark.parametrize("fusion", ["add", "concat", "film", "multiply"])
def test_the_cue_steers_the_estimate(tiny_model, fusion):
    model = tiny_model("ecapa_tdnn", fusion, "first").eval()
    stir(model.fusions)
    mixture, cue = speech(2, 1603), model.cue(speech(2, 2407))
    estimate = model.extract(mixture, cue)
    other = model.extract(mixture, SpeakerCue(cue.embedding + 1))
    assert (estimate - other).norm() > 1e-3 * estimate.norm()


def test_a_film_before_every_block_is_nothing_at_the_start(tiny_model):
    model = tiny_model("ecapa_tdnn", "film", "every").eval()
    mixture = speech(2, 1603)
    plain = model.separator(mixture)
    torch.testing.assert_close(model(mixture, speech(2, 2407)).estimates, plain)


def test_extraction_is_a_cue_and_then_the_rest(tiny_model):
    model = tiny_model().eval()
    mixture, enrollment = speech(2, 1603), speech(2, 2407)
    whole = model(mixture, enrollment).estimates[:, 0]
    torch.testing.assert_close(model.extract(mixture, model.cue(enrollment)), whole)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_any_sample_rate(tiny_model, sample_rate):
    model = tiny_model(sample_rate=sample_rate).eval()
    assert model.sample_rate == sample_rate
    assert model(speech(1, 4803), speech(1, 8001)).estimates.shape == (1, 1, 4803)


def test_a_batch_is_its_singles(tiny_model):
    """So what a mixture gives does not depend on whom it is evaluated with."""
    model = tiny_model().eval()
    stir(model.fusions)
    assert_a_batch_is_its_singles(model, speech(3, 1603), speech(3, 4003))


@pytest.mark.parametrize("when", ["before train", "after train"])
@pytest.mark.parametrize(
    "speaker", ["resnet18", "resnet34", "ecapa_tdnn", "campplus", "xvector", "redimnet"]
)
def test_a_frozen_speaker_module_does_not_move(tiny_model, speaker, when):
    """Neither by gradients nor by BatchNorm, whose statistics move without one."""
    model = tiny_model(speaker, "multiply", "first")
    if when == "after train":
        model.train()
    model.freeze(["speaker"])
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        output = model(speech(2, 1603), 3 + speech(2, 2407))
        assert not output.cue.embedding.requires_grad
        optimizer.zero_grad()
        output.estimates.square().sum().backward()
        optimizer.step()
        model.train()
    assert not any(module.training for module in model.speaker.modules())
    assert model.separator.training
    assert model.is_speaker_frozen
    moved = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    assert not [key for key in moved if key.startswith("speaker.")]
    assert any(key.startswith("separator.") for key in moved)
    assert any(key.startswith("fusions.") for key in moved)
    # And what it says in training is what it says afterwards.
    enrollment = speech(2, 2407)
    during = model.train().cue(enrollment).embedding
    torch.testing.assert_close(during, model.eval().cue(enrollment).embedding)


def test_a_speaker_module_that_is_not_frozen_moves(tiny_model):
    model = tiny_model().train()
    assert not model.is_speaker_frozen
    before = model.speaker.bn.running_mean.clone()
    assert model(speech(2, 1603), speech(2, 2407)).cue.embedding.requires_grad
    assert not model.speaker.bn.running_mean.equal(before)


def test_a_frozen_separator(tiny_model):
    model = tiny_model("ecapa_tdnn", "add").train()
    model.freeze(["separator"])
    model(speech(2, 1603), speech(2, 2407)).estimates.square().sum().backward()
    assert all(parameter.grad is None for parameter in model.separator.parameters())
    assert all((parameter.grad != 0).any() for parameter in model.fusions.parameters())


CONTEXT = {"name": "cross_attention", "fuse": "multiply"}
# What tells of the speaker frame by frame: the speaker module, its fusions, and the TF-map.
BY_FRAMES = {
    "contextual": ("ecapa_tdnn", CONTEXT, None),
    "usef": ("usef", CONTEXT, None),
    "sef": ("sef", {"name": "dual_path_attention", "fuse": "add"}, None),
    "tf_map": (None, None, "magnitudes"),
    "tf_map by frames": ("ecapa_tdnn", {"name": "add"}, "frames"),
    "multi-level": ("ecapa_tdnn", [CONTEXT, {"name": "film"}], "magnitudes"),
    "multi-level by frames": ("ecapa_tdnn", [CONTEXT, {"name": "film"}], "frames"),
}


# A TF-map wants a spectrum.
OF_SPECTRA = [(s, c) for s in ("bsrnn", "dpccn", "tfgridnet") for c in BY_FRAMES]


@pytest.fixture(params=[*OF_SPECTRA, *(("sepformer", c) for c in ("contextual", "usef", "sef"))])
def by_frames(request, tiny_section):
    """The section of a model that is told of the speaker frame by frame."""
    separator, kind = request.param
    speaker, fusion, tf_map = BY_FRAMES[kind]
    places = "every" if speaker == "sef" else "first"
    section = tiny_section(speaker or "resnet18", fusion or "add", places, separator)
    section["tf_map"] = tf_map
    return section | {"speaker": section["speaker"] if speaker else None, "fusion": fusion}


def test_cues_of_frames(by_frames, tmp_path):
    """Every enrollment is heard to its own end, and a saved model is the same."""
    model = build_tse(by_frames, 16000).eval()
    stir(model.fusions)
    mixture, enrollment = speech(3, 1603), speech(3, 4003)
    together = assert_a_batch_is_its_singles(model, mixture, enrollment)
    swapped = model(mixture, enrollment.roll(1, 0), LENGTHS.roll(1, 0)).estimates
    assert (together - swapped).norm() > 1e-3 * together.norm()
    config = {"task": "extraction", "sample_rate": 16000, "model": by_frames}
    save_model(tmp_path / "model", model, config)
    again = load_model(tmp_path / "model")
    assert torch.equal(again(mixture, enrollment, LENGTHS).estimates, together)


def test_gradients_of_cues_of_frames(by_frames):
    model = build_tse(by_frames, 16000).train()
    stir(model.fusions)
    model(speech(3, 1603), speech(3, 2407)).estimates.square().sum().backward()
    for name, parameter in model.named_parameters():
        if not name.startswith("speaker.") or parameter.grad is not None:
            assert parameter.grad.isfinite().all(), name


def test_silence_and_cues_of_frames(by_frames):
    model = build_tse(by_frames, 16000).eval()
    for mixture, enrollment in ((0, 0.1), (0.1, 0), (0, 0)):
        signals = mixture * torch.randn(1, 1603), enrollment * torch.randn(1, 2407)
        assert model(*signals).estimates.isfinite().all()


def test_a_tf_map_by_its_definition():
    """In each frame: attend by likeness, take the direction, and as much as there is of it."""
    stft = STFT(16, 8)
    mixture, enrollment = speech(1, 100), speech(1, 150)
    tf_map = TFMap(stft, "magnitudes", SilentModule())
    found = tf_map(mixture, tf_map.told(SpeakerCue(), enrollment))
    x, e = stft(mixture)[0].abs(), stft(enrollment)[0].abs()
    assert found.shape == (1, 1, *x.shape)
    for frame in range(x.shape[1]):
        units = e / e.norm(dim=0)
        weights = torch.softmax(units.T @ (x[:, frame] / x[:, frame].norm()), 0)
        direction = units @ weights
        direction = direction / direction.norm()
        torch.testing.assert_close(found[0, 0, :, frame], direction * (direction @ x[:, frame]))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"fusion": None},
            "model.fusion: null, and tf_map too. Expected one that tells of the speaker",
        ),
        (
            {"speaker": None},
            "model.fusion.name: 'film' wants an embedding, which the speaker module null does not "
            "give. Expected another fusion or speaker module",
        ),
        (
            {"speaker": {"name": "usef"}},
            "model.fusion.name: 'film' wants an embedding, which the speaker module 'usef' does "
            "not give. Expected another fusion or speaker module",
        ),
        (
            {"speaker": {"name": "usef"}, "fusion": [CONTEXT], "tf_map": "magnitudes"},
            "model.speaker.name: 'usef' hears the enrollment through the separator's encoder, "
            "which takes a TF-map here. Expected another speaker module, or tf_map: null",
        ),
        (
            {"speaker": {"name": "sef"}, "fusion": [CONTEXT], "tf_map": "magnitudes"},
            "model.speaker.name: 'sef' hears the enrollment through the separator's encoder, "
            "which takes a TF-map here. Expected another speaker module, or tf_map: null",
        ),
        (
            {"speaker": {"name": "sef"}, "fusion": CONTEXT, "fuse_axis": "frequency"},
            "model.fuse_axis: the frames of the speaker module have frequencies of their own. "
            "Expected 'channels'",
        ),
        (
            {
                "separator": {"name": "conv_tasnet"},
                "speaker": {"name": "sef"},
                "fusion": {"name": "dual_path_attention"},
                "fuse_before": "first",
            },
            "model.fusion.name: 'dual_path_attention' attends along two axes, and the features "
            "here have time only. Expected 'cross_attention', or a separator with chunks, bands "
            "or bins",
        ),
        (
            {"speaker": {"name": "resnet18"}, "tf_map": "frames"},
            "model.tf_map: 'frames' wants a speaker module that keeps the frames of its features "
            "apart, as ecapa_tdnn does. Expected 'magnitudes'",
        ),
        (
            {"separator": {"name": "conv_tasnet"}, "tf_map": "magnitudes"},
            "model.tf_map: 'conv_tasnet' has no spectrum to put a map beside. Expected null, or a "
            "separator in the time-frequency domain",
        ),
        (
            {"separator": {"name": "dpccn"}, "speaker": {"name": "usef"}, "fusion": CONTEXT},
            "model.fusion.name: attends band by band, and there are 3 bands or bins here but 257 "
            "in the frames of the speaker module. Expected fuse_before: first, or the speaker "
            "module 'sef'",
        ),
        (
            {"fusion": [{"name": "film"}, {**CONTEXT, "num_heads": 3}]},
            "model.fusion[1].num_heads: expected a divisor of 4, the channels of the features, "
            "got 3",
        ),
    ],
)
def test_cues_that_do_not_go_together(tiny_section, changes, problem):
    with pytest.raises(ConfigError) as raised:
        build_tse({**tiny_section(), **changes}, 16000)
    assert raised.value.problems == (problem,)


@pytest.mark.parametrize(
    ("fuse_before", "places"), [("first", {"0"}), ("every", {"0", "1"}), ([1], {"1"})]
)
def test_where_fusions_stand(tiny_model, fuse_before, places):
    assert set(tiny_model("ecapa_tdnn", "add", fuse_before).fusions) == places


@pytest.mark.parametrize("fuse_before", ["all", [2], [-1], [0, 0], []])
def test_where_no_fusion_can_stand(tiny_section, fuse_before):
    section = tiny_section("ecapa_tdnn", "add", fuse_before)
    with pytest.raises(ConfigError) as raised:
        build_tse(section, 16000)
    assert raised.value.problems == (
        "model.fuse_before: expected 'first', 'every' or different block numbers below 2, "
        f"got {fuse_before!r}",
    )


def test_all_problems_are_told_at_once(tiny_section):
    section = tiny_section("resnet43", "flim", "all")
    section["separator"] = {"name": "bsrnn", "num_block": 2, "sample_rate": 8000}
    section["fusio"] = 1
    with pytest.raises(ConfigError) as raised:
        build_tse(section, 16000, where="model")
    told = "\n".join(raised.value.problems)
    for line in (
        "model.fusio: there is no such option (did you mean 'fusion'?)",
        "model.separator.sample_rate: set by the code, not by a config. Remove it",
        "model.separator.num_block: 'bsrnn' has no such option (did you mean 'num_blocks'?)",
        "model.speaker.name: no speaker module is called 'resnet43' (did you mean 'resnet34'?)",
        "model.fusion.name: no fusion is called 'flim' (did you mean 'film'?). Known: add, concat",
        "model.fuse_before: expected 'first', 'every'",
    ):
        assert line in told
    assert len(raised.value.problems) == 6


def test_a_wrong_separator_is_no_problem_of_its_fusion(tiny_section):
    fusion = {"name": "cross_attention", "num_heads": 4}
    section = {**tiny_section(), "separator": {"name": "bsrn"}, "fusion": [fusion]}
    with pytest.raises(ConfigError, match="no separator is called 'bsrn'") as raised:
        build_tse(section, 16000)
    assert len(raised.value.problems) == 1


def test_a_section_that_lacks_a_part():
    with pytest.raises(ConfigError, match="model.fusion: missing. Expected a section of keys"):
        build_tse({"speaker": {"name": "resnet18"}, "separator": {"name": "bsrnn"}}, 16000)


def test_code_from_elsewhere_is_not_run_unasked(tiny_section):
    section = {**tiny_section(), "fusion": {"name": "surely_not_imported:Fusion"}}
    with pytest.raises(ConfigError, match=r"model\.fusion\.name: .* which is not run unasked"):
        build_tse(section, 16000)
    with pytest.raises(ConfigError, match=r"model\.fusion\.name: .* cannot be imported"):
        build_tse(section, 16000, trust_code=True)


def test_it_builds_on_the_meta_device(tiny_section):
    with torch.device("meta"):
        model = build_tse(tiny_section(), 16000)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_a_plain_speaker_encoder(tiny_section):
    speaker = build_speaker({"speaker": tiny_section()["speaker"]}, 16000).eval()
    assert speaker(speech(2, 2407)).embedding.shape == (2, 12)
    with pytest.raises(ConfigError, match="model.separator: there is no such option"):
        build_speaker(tiny_section(), 16000)
    with pytest.raises(ConfigError, match="model.speaker.name: no speaker module is called 'x'"):
        build_speaker({"speaker": {"name": "x"}}, 16000)
