import numpy as np
import pytest
import torch

import wesep_like
from wesep_like.errors import AudioError, ModelFileError, ShapeError, SilentSignalError
from wesep_like.inference import extractor as module
from wesep_like.inference.embedder import Embedder
from wesep_like.inference.extractor import Extractor
from wesep_like.inference.signals import ShortEnrollmentWarning
from wesep_like.models.build import build_tse
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.model_file import load_model, read_model_config, save_model


def noise(seconds, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * rate))).astype(np.float32)


@pytest.fixture(scope="module")
def extractor(tiny_model):
    return Extractor.load(tiny_model, "cpu")


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("num_samples", [5000, 16001])
def test_the_result_is_as_long_as_the_mixture_at_its_rate(extractor, rate, num_samples):
    mixture = noise(num_samples / rate, rate)
    result = extractor.extract(mixture, noise(1.5, rate, seed=1), rate)
    assert result.shape == (num_samples,)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


def test_it_is_the_model_scaled_to_its_part_of_the_mixture(extractor, tiny_model):
    model = load_model(tiny_model)
    mixture, enrollment = noise(1), noise(2, seed=1)
    with torch.no_grad():
        estimate = model(torch.from_numpy(mixture)[None], torch.from_numpy(enrollment)[None])
    estimate = estimate.estimates[0, 0].numpy()
    result = extractor.extract(mixture, enrollment, 16000)
    scale = (mixture @ estimate) / (estimate @ estimate)
    np.testing.assert_allclose(result, scale * estimate, atol=1e-5)
    # What is left of the mixture has nothing of the result in it.
    assert abs((mixture - result) @ result) < 1e-3 * (result @ result)


def test_what_a_model_trained_with_absent_targets_makes_silent_stays_silent(tiny_model, tmp_path):
    model, config = load_model(tiny_model), read_model_config(tiny_model)
    mixture, enrollment = noise(1), noise(2, seed=1)
    with torch.no_grad():
        estimate = model(torch.from_numpy(mixture)[None], torch.from_numpy(enrollment)[None])
    for probability, keeps_level in ((0.3, True), (0.0, False)):
        train = {"absent_probability": probability}
        save_model(tmp_path, model, {**config, "data": {"train": train}})
        extractor = Extractor.load(tmp_path, "cpu")
        assert extractor.keeps_level is keeps_level
        result = extractor.extract(mixture, enrollment, 16000)
        is_as_made = np.allclose(result, estimate.estimates[0, 0].numpy(), atol=1e-5)
        assert is_as_made is keeps_level


def test_it_is_the_same_every_time_and_changes_nothing(extractor):
    mixture, enrollment = noise(1), noise(2, seed=1)
    before = mixture.copy(), enrollment.copy()
    first = extractor.extract(mixture, enrollment, 16000)
    np.testing.assert_array_equal(first, extractor.extract(mixture, enrollment, 16000))
    np.testing.assert_array_equal(mixture, before[0])
    np.testing.assert_array_equal(enrollment, before[1])
    other = extractor.extract(mixture, noise(2, seed=2), 16000)
    assert not np.array_equal(first, other)


def test_louder_in_is_louder_out(extractor):
    mixture, enrollment = noise(1), noise(2, seed=1)
    soft = extractor.extract(mixture, enrollment, 16000)
    loud = extractor.extract(4 * mixture, enrollment, 16000)
    np.testing.assert_allclose(loud, 4 * soft, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_tensor_gives_a_tensor(extractor, dtype):
    mixture = torch.from_numpy(noise(1)).to(dtype)
    result = extractor.extract(mixture, torch.from_numpy(noise(2, seed=1)), 16000)
    assert result.dtype == dtype
    assert result.shape == mixture.shape
    same = extractor.extract(mixture.float().numpy(), noise(2, seed=1), 16000)
    np.testing.assert_allclose(result.float().numpy(), same, atol=5e-3)


def test_double_precision_stays(extractor):
    assert extractor.extract(noise(1).astype(float), noise(2), 16000).dtype == np.float64


def test_several_enrollments_are_averaged(extractor):
    one, other = noise(2, seed=1), noise(1.2, seed=2)
    cues = [extractor.cue(one, 16000), extractor.cue(other, 16000)]
    mean = SpeakerCue((cues[0].embedding + cues[1].embedding) / 2)
    expected = extractor.extract(noise(1), mean, 16000)
    np.testing.assert_array_equal(extractor.extract(noise(1), [one, other], 16000), expected)
    np.testing.assert_array_equal(extractor.extract(noise(1), cues, 16000), expected)


def test_a_long_mixture_goes_through_in_chunks(extractor, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_SECONDS", 1.0)
    monkeypatch.setattr(module, "OVERLAP_SECONDS", 0.25)
    told = []
    result = extractor.extract(
        noise(2.6), noise(2, seed=1), 16000, progress=lambda *done: told.append(done)
    )
    assert result.shape == (41600,)
    assert told == [(16000, 41600), (28000, 41600), (40000, 41600), (41600, 41600)]


def test_an_estimate_of_zeros_stays(extractor, monkeypatch):
    monkeypatch.setattr(extractor._model, "extract", lambda mixture, cue: 0 * mixture)
    assert (extractor.extract(noise(1), noise(2), 16000) == 0).all()


def test_a_short_enrollment_is_warned_of_and_used(extractor):
    with pytest.warns(ShortEnrollmentWarning, match="enrollment: only 0.60 s long"):
        result = extractor.extract(noise(1), noise(0.6), 16000)
    assert result.shape == (16000,)


@pytest.mark.parametrize(
    ("mixture", "enrollment", "error", "message"),
    [
        (noise(0.01), noise(2), AudioError, r"m\.wav: too short \(10 ms\)"),
        (np.zeros(16000), noise(2), SilentSignalError, r"m\.wav: is silent"),
        (np.full(16000, np.inf), noise(2), AudioError, r"m\.wav: has samples that are NaN or"),
        (np.ones((2, 16000)), noise(2), ShapeError, r"m\.wav: expected one channel"),
        (noise(1), noise(0.01), AudioError, "enrollment: too short"),
        (noise(1), np.zeros(32000), SilentSignalError, "enrollment: is silent"),
        (noise(1), [], AudioError, "enrollment: expected at least one recording"),
        (noise(1), [noise(2), np.zeros(32000)], SilentSignalError, "enrollment 2: is silent"),
    ],
)
def test_messages(extractor, mixture, enrollment, error, message):
    with pytest.raises(error, match=message):
        extractor.extract(mixture, enrollment, 16000, where="m.wav")


def test_loading(tiny_model, tmp_path):
    assert wesep_like.load_model(tiny_model, "cpu").sample_rate == 16000
    assert wesep_like.load_model(str(tiny_model / "config.yaml"), "cpu").sample_rate == 16000
    assert wesep_like.load_model(tiny_model.parent, "cpu").sample_rate == 16000
    with pytest.raises(ModelFileError, match="nowhere: no such file or folder"):
        wesep_like.load_model(tmp_path / "nowhere")
    with pytest.raises(ModelFileError, match="not a model"):
        wesep_like.load_model(tmp_path)


def test_the_bundled_model_is_what_none_means(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(wesep_like.bundle, "path", lambda: tmp_path)
    with pytest.raises(ModelFileError, match="the bundled model is missing. Install"):
        wesep_like.load_model()
    (tmp_path / "extraction").symlink_to(tiny_model)
    assert wesep_like.load_model(device="cpu").sample_rate == 16000
    assert wesep_like.load_model("bundled", "cpu").sample_rate == 16000


def test_code_from_outside_runs_only_if_it_is_trusted(tmp_path, monkeypatch):
    (tmp_path / "my_lab.py").write_text(
        "from wesep_like.models.fusions import Fusion\n"
        "class Nothing(Fusion):\n"
        "    def forward(self, features, cue):\n"
        "        return features\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    section = {
        "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1},
        "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
        "fusion": {"name": "my_lab:Nothing"},
    }
    config = {"task": "extraction", "sample_rate": 16000, "model": section}
    save_model(tmp_path / "model", build_tse(section, 16000, trust_code=True), config)
    with pytest.raises(ModelFileError, match="is code from outside this package"):
        wesep_like.load_model(tmp_path / "model", "cpu")
    with pytest.raises(ModelFileError, match="is code from outside this package"):
        wesep_like.load_encoder(tmp_path / "model", "cpu")
    trusted = wesep_like.load_model(tmp_path / "model", "cpu", trust_code=True)
    assert trusted.extract(noise(1), noise(2), 16000).shape == (16000,)
    encoder = wesep_like.load_encoder(tmp_path / "model", "cpu", trust_code=True)
    assert encoder.embed(noise(2), 16000).shape == (8,)


def test_a_model_without_an_embedding(model_without_embedding):
    extractor = Extractor.load(model_without_embedding, "cpu")
    one, other = noise(2, seed=1), noise(1.2, seed=2)
    first = extractor.extract(noise(1), one, 16000)
    both = extractor.extract(noise(1), [one, other], 16000)
    assert np.abs(first - both).max() > 1e-4
    turned = extractor.extract(noise(1), [other, one], 16000)
    np.testing.assert_allclose(both, turned, atol=1e-5)  # frames have no order
    assert not extractor.has_embedding
    with pytest.raises(ModelFileError, match="its speaker module gives no embedding"):
        extractor.similarity(one, other, 16000)
    with pytest.raises(ModelFileError, match="model: its speaker module gives no embedding"):
        Embedder.load(model_without_embedding, "cpu")
