import sys

import numpy as np
import pytest
import soundfile

from wesep_like.errors import ConfigError, MissingPackageError, SampleRateError
from wesep_like.evaluation import scoring
from wesep_like.evaluation.scoring import ScoringJob, choose_scores, columns_of, score


def scored(scores, signals, sample_rate=16000):
    row = {"id": "m", **dict.fromkeys(columns_of(scores)), "note": ""}
    return score(ScoringJob(row, scores, sample_rate, has_target=True, signals=signals))


def noises(num_samples, *, target=1.0):
    rng = np.random.default_rng(0)
    voice = target * 0.1 * rng.standard_normal(num_samples).astype("f4")
    other = 0.1 * rng.standard_normal(num_samples).astype("f4")
    signals = {"mixture": voice + other, "estimate": voice + 0.1 * other}
    return {**signals, "target": voice, "enrollment": other}


@pytest.fixture
def fake_dnsmos(monkeypatch):
    """Rates a signal by its largest sample."""
    monkeypatch.setattr(scoring, "check_dnsmos_installed", lambda: None)

    def rate(signal, sample_rate):
        return dict.fromkeys(("ovrl", "sig", "bak", "p808"), float(np.abs(signal).max()))

    monkeypatch.setattr(scoring, "dnsmos", rate)


def test_pesq_is_of_the_bands_of_the_rate():
    assert choose_scores(None, 16000) == (
        "si_sdr", "sdr", "pesq_wb", "pesq_nb", "stoi", "estoi", "similarity",
    )  # fmt: skip
    assert choose_scores(["pesq"], 8000) == ("si_sdr", "pesq_nb")
    assert choose_scores(None, 44100) == ("si_sdr", "sdr", "stoi", "estoi", "similarity")


@pytest.mark.usefixtures("fake_dnsmos")
def test_dnsmos_never_comes_alone():
    assert choose_scores(["dnsmos"], 16000) == ("si_sdr", "similarity", "dnsmos")
    assert columns_of(("similarity", "dnsmos"))[:3] == ["similarity", "dnsmos_ovrl", "dnsmos_sig"]
    signals = noises(8000)
    row = scored(("si_sdr", "dnsmos"), signals)
    assert row["dnsmos_bak"] == np.abs(signals["estimate"]).max()
    assert row["mixture_dnsmos_bak"] == np.abs(signals["mixture"]).max()
    assert row["note"] == ""


def test_mistakes(monkeypatch):
    with pytest.raises(ConfigError, match=r"metrics: .*'peqs' \(did you mean 'pesq'\?\)\. Known: "):
        choose_scores(["peqs"], 16000)
    with pytest.raises(SampleRateError, match="metrics: PESQ has no meaning at 44100 Hz, only at "):
        choose_scores(["pesq", "stoi"], 44100)
    monkeypatch.setitem(sys.modules, "speechmos", None)
    with pytest.raises(MissingPackageError, match="DNSMOS: the package speechmos is not installed"):
        choose_scores(["dnsmos"], 16000)


def test_what_has_no_value_is_said_once():
    pytest.importorskip("pesq")
    scores = choose_scores(None, 16000)
    row = scored(scores, noises(1000))
    assert row["si_sdri"] == pytest.approx(20, abs=0.5)
    assert row["pesq_wb"] is row["pesq_nb"] is row["estoi"] is row["similarity"] is None
    assert row["note"].count("PESQ: ") == row["note"].count("STOI: ") == 1
    assert "similarity: first: " in row["note"]


def test_a_silent_target_ends_it():
    row = scored(("si_sdr", "sdr", "stoi"), noises(8000, target=0.0))
    assert row["si_sdr"] is row["sdr"] is row["stoi"] is None
    assert row["note"].startswith("si_sdr: target: the signal is silent")


def test_similarity_tells_voices_apart_at_any_rate(shared):
    folder = shared / "corpus" / "LibriSpeech" / "test-other" / "1688" / "142285"
    other = shared / "corpus" / "LibriSpeech" / "test-other" / "533" / "1066" / "533-1066-0000.flac"
    paths = [folder / f"1688-142285-000{number}.flac" for number in range(2)] + [other]
    for step, rate in ((1, 16000), (2, 8000)):
        first, enrollment, stranger = (
            soundfile.read(path, dtype="float32", stop=48000)[0][::step].copy() for path in paths
        )
        values = [
            scored(("si_sdr", "similarity"), heard, rate)["similarity"]
            for heard in (
                {"estimate": voice, "mixture": voice, "target": voice, "enrollment": enrollment}
                for voice in (first, stranger)
            )
        ]
        assert values[0] > values[1] + 0.3


@pytest.mark.parametrize(
    ("estimate", "wrong"), [("target", 0.0), ("other", 1.0), ("mixture", 0.0), ("noise", 0.0)]
)
def test_the_wrong_voice_is_an_extraction_of_the_others(estimate, wrong):
    signals = noises(8000)
    answers = {
        "target": signals["target"],
        "other": signals["mixture"] - 0.8 * signals["target"],
        "mixture": signals["mixture"],
        "noise": signals["enrollment"][::-1].copy(),
    }
    row = {"id": "m", "interferers": "bob", **dict.fromkeys(columns_of(("si_sdr",))), "note": ""}
    signals["estimate"] = answers[estimate]
    job = ScoringJob(row, ("si_sdr",), 16000, has_target=True, signals=signals)
    assert score(job)["wrong_voice"] == wrong


def test_no_other_voice_cannot_be_the_wrong_one():
    signals = noises(8000)
    assert scored(("si_sdr",), signals)["wrong_voice"] is None  # no interferers
    signals["mixture"] = signals["target"]  # interferers that are silent
    row = {"id": "m", "interferers": "bob", **dict.fromkeys(columns_of(("si_sdr",))), "note": ""}
    row = score(ScoringJob(row, ("si_sdr",), 16000, has_target=True, signals=signals))
    assert (row["wrong_voice"], row["note"]) == (None, "")
    assert row["si_sdr"] is not None
