import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    MixturePlan,
    SourcePlan,
    read_plans,
    write_plans,
)
from wesep_like.errors import ConfigError, ManifestError, OutputError
from wesep_like.evaluation import extraction
from wesep_like.evaluation.extraction import evaluate_extraction
from wesep_like.inference.embedder import load_encoder
from wesep_like.inference.extractor import Extractor
from wesep_like.metrics.pesq import pesq
from wesep_like.metrics.sdr import si_sdr
from wesep_like.metrics.stoi import stoi
from wesep_like.models.build import build_tse

RATE = 16000
SECTION = {
    "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1},
    "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
    "fusion": {"name": "film"},
}


def harmonics(pitch, seconds=1.0, seed=0):
    """A hummed note that comes and goes, so that PESQ and STOI find speech in it."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(9 * time + seed))) / RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 20))
    noise = 0.003 * np.random.default_rng(seed).standard_normal(len(time))
    return 0.1 * tone * np.clip(np.sin(2 * np.pi * 3 * time), 0, None) + noise


@pytest.fixture
def mixtures(tmp_path):
    """A data folder with three fixed mixtures of two speakers."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, pitch in (("low", 110), ("high", 230)):
        for number in range(2):
            soundfile.write(folder / f"{name}{number}.wav", harmonics(pitch, seed=number), RATE)

    def clip(name):
        return Clip(f"{name}.wav", 0, RATE, RATE)

    plans = [
        MixturePlan(
            id=f"m{number}",
            sample_rate=RATE,
            num_samples=RATE,
            target=SourcePlan(target, clip(f"{target}0")),
            interferers=(SourcePlan(other, clip(f"{other}0"), sir_db=sir_db),),
            enrollment=EnrollmentPlan(clip(f"{target}1")),
        )
        for number, (target, other, sir_db) in enumerate(
            [("low", "high", 0.0), ("high", "low", 3.0), ("low", "high", -3.0)]
        )
    ]
    write_plans(folder / "mixtures.jsonl", plans)
    return folder


@pytest.fixture
def extractor():
    return Extractor(build_tse(SECTION, RATE), "cpu")


class FromTheMixture(Extractor):
    """Answers with a known function of the mixture, so that the right scores are known."""

    def __init__(self, answer):
        super().__init__(build_tse(SECTION, RATE), "cpu")
        self.answer = answer

    def extract(self, mixture, enrollment, sample_rate, **options):
        super().extract(mixture, enrollment, sample_rate, **options)  # with all its checks
        return self.answer(mixture)


def rows_of(folder):
    with open(folder / "scores.csv", newline="") as file:
        return list(csv.DictReader(file))


def break_plan(plan, path):
    target = replace(plan.target, clip=replace(plan.target.clip, path=str(path)))
    return replace(plan, target=target)


def test_a_model_is_scored_on_what_extract_returns(mixtures, extractor, tmp_path):
    pytest.importorskip("pesq")
    plans = read_plans(mixtures / "mixtures.jsonl")
    told = []
    summary = evaluate_extraction(
        extractor,
        plans,
        output=tmp_path / "new" / "report",
        about={"model": "tiny"},
        progress=lambda *done: told.append(done),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert summary["num_trials"] == 3
    assert summary["num_broken"] == 0

    target, other, enrollment = (
        soundfile.read(mixtures / name, dtype="float32")[0]
        for name in ("low0.wav", "high0.wav", "low1.wav")
    )
    other *= np.linalg.norm(target) / np.linalg.norm(other)  # m0 is at 0 dB
    mixture = target + other
    estimate = extractor.extract(mixture, enrollment, RATE)
    after, before = (
        float(si_sdr(torch.tensor(signal).double(), torch.tensor(target).double()))
        for signal in (estimate, mixture)
    )
    speech = {
        "pesq_wb": pesq(estimate, target, RATE),
        "pesq_nb": pesq(estimate, target, RATE, band="nb"),
        "stoi": stoi(estimate, target, RATE),
        "estoi": stoi(estimate, target, RATE, extended=True),
    }
    row = rows_of(tmp_path / "new" / "report")[0]
    assert {name: float(row[name]) for name in speech} == pytest.approx(speech, abs=1e-3)
    assert (row["id"], row["speaker"], row["interferers"]) == ("m0", "low", "high")
    assert float(row["si_sdr"]) == pytest.approx(after, abs=1e-3)
    assert float(row["si_sdri"]) == pytest.approx(after - before, abs=1e-3)
    similarity = load_encoder().similarity(estimate, enrollment, RATE)
    assert float(row["similarity"]) == pytest.approx(similarity, abs=1e-3)

    written = json.loads((tmp_path / "new" / "report" / "summary.json").read_text())
    assert written == json.loads(json.dumps(summary))
    assert written["about"]["model"] == "tiny"
    assert set(written["metrics"]) >= {
        "si_sdr",
        "sdr",
        "sdri",
        "pesq_wb",
        "pesq_nb",
        "stoi",
        "estoi",
    }
    assert all(value["num"] == 3 for value in written["metrics"].values())
    assert written["real_time_factor"]["value"] > 0
    assert "CPU, torch threads: " in written["real_time_factor"]["how"]


def test_the_mixture_itself_is_no_improvement_and_a_failure(mixtures, tmp_path):
    summary = evaluate_extraction(
        FromTheMixture(lambda mixture: 0.5 * mixture),
        read_plans(mixtures / "mixtures.jsonl"),
        output=tmp_path,
        metrics=["si_sdr", "sdr"],
    )
    assert summary["metrics"]["si_sdri"]["mean"] == pytest.approx(0, abs=1e-5)
    assert summary["metrics"]["sdri"]["mean"] == pytest.approx(0, abs=1e-5)
    assert summary["failure_rate"] == 1
    # The voices are nearly orthogonal, so SI-SDR is close to the planned SIR.
    for row, sir_db in zip(rows_of(tmp_path), (0, 3, -3), strict=True):
        assert float(row["mixture_si_sdr"]) == pytest.approx(sir_db, abs=0.5)
        assert "pesq" not in row


def test_a_broken_row_is_told_and_counted_and_the_rest_goes_on(mixtures, extractor, tmp_path):
    plans = read_plans(mixtures / "mixtures.jsonl")
    (mixtures / "text.wav").write_text("no sound")
    plans[0] = break_plan(plans[0], mixtures / "gone.wav")
    plans[1] = break_plan(plans[1], mixtures / "text.wav")
    summary = evaluate_extraction(extractor, plans, output=tmp_path, metrics=["si_sdr", "stoi"])
    assert (summary["num_trials"], summary["num_broken"]) == (1, 2)
    assert summary["metrics"]["stoi"]["num"] == 1
    assert [one["id"] for one in summary["broken"]] == ["m0", "m1"]
    assert "gone.wav: " in summary["broken"][0]["problem"]
    rows = rows_of(tmp_path)
    assert [row["si_sdri"] != "" for row in rows] == [False, False, True]
    assert "text.wav: " in rows[1]["note"]
    assert "gone.wav" in (tmp_path / "report.html").read_text()


def test_a_silent_target_and_a_wild_model_are_broken_rows(mixtures, extractor, tmp_path):
    plan = read_plans(mixtures / "mixtures.jsonl")[0]
    soundfile.write(mixtures / "silence.wav", np.zeros(RATE), RATE)
    silent = break_plan(plan, mixtures / "silence.wav")
    summary = evaluate_extraction(extractor, [silent], output=tmp_path)
    assert (summary["num_trials"], summary["failure_rate"]) == (0, None)
    assert "silent" in summary["broken"][0]["problem"]
    wild = FromTheMixture(lambda mixture: mixture * math.nan)
    summary = evaluate_extraction(wild, [plan], output=tmp_path)
    assert summary["broken"] == [
        {"id": "m0", "problem": "the model returned NaN or infinite samples"}
    ]


def test_without_the_target_the_attenuation_is_all_there_is(mixtures, tmp_path):
    plans = read_plans(mixtures / "mixtures.jsonl")
    plans[1] = replace(plans[1], has_target=False)
    summary = evaluate_extraction(
        FromTheMixture(lambda mixture: 0.1 * mixture),
        plans,
        output=tmp_path,
        metrics=["si_sdr", "stoi", "similarity"],
    )
    assert (summary["num_trials"], summary["num_broken"]) == (3, 0)
    nums = {name: value["num"] for name, value in summary["metrics"].items()}
    assert nums["attenuation_db"] == 1
    assert nums["si_sdri"] == nums["stoi"] == nums["similarity"] == 2
    assert summary["failure_rate"] == 1  # of the two that have a target
    assert summary["metrics"]["attenuation_db"]["mean"] == pytest.approx(20, abs=1e-3)
    rows = rows_of(tmp_path)
    assert [row["attenuation_db"] for row in rows] == ["", "20.0000", ""]
    assert (rows[1]["si_sdr"], rows[1]["speaker"]) == ("", "high")
    page = (tmp_path / "report.html").read_text()
    assert "Attenuation where the target is absent (dB)" in page
    assert "could not be scored</h2>" not in page


def test_no_target_at_all(mixtures, tmp_path):
    plans = [replace(p, has_target=False) for p in read_plans(mixtures / "mixtures.jsonl")]
    summary = evaluate_extraction(
        FromTheMixture(lambda mixture: 0 * mixture), plans, output=tmp_path, metrics=["si_sdr"]
    )
    assert set(summary["metrics"]) == {"attenuation_db"}
    assert summary["metrics"]["attenuation_db"]["mean"] == 100
    assert summary["failure_rate"] is None
    assert "Attenuation" in (tmp_path / "report.html").read_text()


def test_a_metric_without_a_value_is_left_out_alone(mixtures, tmp_path):
    pytest.importorskip("pesq")
    plan = read_plans(mixtures / "mixtures.jsonl")[0]
    short = replace(plan, num_samples=3200)  # 0.2 s
    summary = evaluate_extraction(
        FromTheMixture(lambda mixture: mixture), [plan, short], output=tmp_path
    )
    assert summary["num_trials"] == 2
    assert summary["metrics"]["si_sdr"]["num"] == 2
    assert summary["metrics"]["pesq_wb"]["num"] == summary["metrics"]["estoi"]["num"] == 1
    note = rows_of(tmp_path)[1]["note"]
    assert "PESQ: 0.200 s are too short" in note
    assert "STOI: of 0.200 s too little is speech" in note


def test_a_short_enrollment_is_noted_in_its_row(mixtures, extractor, tmp_path):
    plan = read_plans(mixtures / "mixtures.jsonl")[0]
    clip = replace(plan.enrollment.clip, num_samples=8000)
    plan = replace(plan, enrollment=EnrollmentPlan(clip))
    summary = evaluate_extraction(extractor, [plan], output=tmp_path, metrics=["si_sdr"])
    assert summary["num_trials"] == 1
    assert "only 0.50 s long" in rows_of(tmp_path)[0]["note"]


def test_a_row_says_what_was_mixed(mixtures, tmp_path):
    first, second, third = read_plans(mixtures / "mixtures.jsonl")
    plans = [
        first,
        replace(second, interferers=(*second.interferers, replace(first.target, sir_db=3.0))),
        replace(third, interferers=()),
        replace(third, has_target=False),
    ]
    model = FromTheMixture(lambda mixture: mixture)
    sexes = {"low": "M", "high": "F"}
    evaluate_extraction(model, plans, output=tmp_path, metrics=["si_sdr"], sexes=sexes)
    rows = rows_of(tmp_path)
    assert [row["sexes"] for row in rows] == ["M-F", "F-MM", "M", "M-F"]
    assert [row["sir_db"] for row in rows[2:]] == ["", ""]
    assert float(rows[0]["sir_db"]) == pytest.approx(0, abs=1e-3)
    # One interferer twice is 6 dB louder.
    assert float(rows[1]["sir_db"]) == pytest.approx(3 - 6.02, abs=0.01)
    assert list(rows[0])[:7] == [
        "id", "speaker", "interferers", "sexes", "seconds", "enrollment_seconds", "sir_db",
    ]  # fmt: skip
    evaluate_extraction(model, plans, output=tmp_path, metrics=["si_sdr"], sexes={"low": "M"})
    assert [row["sexes"] for row in rows_of(tmp_path)] == ["", "", "M", ""]


def test_the_worst_are_kept_as_they_were_heard(mixtures, tmp_path, monkeypatch):
    plans = read_plans(mixtures / "mixtures.jsonl")
    plans.insert(0, replace(break_plan(plans[0], mixtures / "gone.wav"), id="broken"))
    shown = []
    monkeypatch.setattr(
        extraction, "write_report", lambda path, summary, rows, worst, others: shown.extend(worst)
    )
    gains = iter([0.5, 0.4, 0.3])
    model = FromTheMixture(lambda mixture: next(gains) * np.roll(mixture, 1))
    evaluate_extraction(model, plans, output=tmp_path, metrics=["si_sdr"])
    by_score = sorted(rows_of(tmp_path)[1:], key=lambda row: float(row["si_sdri"]))
    assert [worst.row["id"] for worst in shown] == [row["id"] for row in by_score]
    for worst in shown:
        signals = worst.signals
        gain = dict(zip(["m0", "m1", "m2"], [0.5, 0.4, 0.3], strict=True))[worst.row["id"]]
        np.testing.assert_allclose(signals["estimate"], gain * np.roll(signals["mixture"], 1))
        target = soundfile.read(mixtures / f"{worst.row['speaker']}0.wav", dtype="float32")[0]
        np.testing.assert_allclose(signals["target"], target, atol=1e-6)
        assert signals["enrollment"].shape == (RATE,)
        assert {signal.dtype.name for signal in signals.values()} == {"float32"}
        assert worst.sample_rate == RATE


def test_two_reports_are_compared_mixture_by_mixture(mixtures, tmp_path):
    plans = read_plans(mixtures / "mixtures.jsonl")
    for name, shift in (("near", 1), ("far", 2)):
        model = FromTheMixture(lambda mixture, shift=shift: np.roll(mixture, shift))
        summary = evaluate_extraction(
            model,
            plans,
            output=tmp_path / name,
            metrics=["si_sdr"],
            about={"variant": "min"},
            against=tmp_path / "near" if name == "far" else None,
        )
        assert (summary["against"] is None) == (name == "near")
    against = summary["against"]
    near, far = (rows_of(tmp_path / name) for name in ("near", "far"))
    differences = [
        float(b["si_sdri"]) - float(a["si_sdri"]) for a, b in zip(near, far, strict=True)
    ]
    assert against["metrics"]["si_sdri"]["difference"] == pytest.approx(np.mean(differences))
    assert against["metrics"]["si_sdri"]["better"] == np.mean(np.array(differences) > 0)
    assert (against["num_pairs"], against["warnings"]) == (3, [])
    assert (against["report"], against["about"]["variant"]) == (str(tmp_path / "near"), "min")
    assert json.loads((tmp_path / "far/summary.json").read_text())["against"] == against
    page = (tmp_path / "far/report.html").read_text()
    assert "<h2>Against another system</h2>" in page
    assert page.count("<article>") == 3


@pytest.mark.slow
def test_processes_change_no_number(mixtures, extractor, tmp_path):
    plans = read_plans(mixtures / "mixtures.jsonl")
    plans.insert(1, replace(break_plan(plans[1], mixtures / "gone.wav"), id="broken"))
    evaluate_extraction(extractor, plans, output=tmp_path / "here")
    evaluate_extraction(extractor, plans, output=tmp_path / "there", num_workers=2)
    assert rows_of(tmp_path / "here") == rows_of(tmp_path / "there")


def test_mistakes_are_found_before_any_work(mixtures, extractor, tmp_path, monkeypatch):
    plans = read_plans(mixtures / "mixtures.jsonl")
    monkeypatch.setattr(extractor, "extract", lambda *_, **__: pytest.fail("work was begun"))
    with pytest.raises(ConfigError, match=r"metrics: .*'peqs' \(did you mean 'pesq'\?\)\. Known: "):
        evaluate_extraction(extractor, plans, output=tmp_path, metrics=["peqs"])
    with pytest.raises(ManifestError, match=r"gone/scores\.csv: cannot be .* \(No such file or d"):
        evaluate_extraction(extractor, plans, output=tmp_path, against=tmp_path / "gone")
    with pytest.raises(ConfigError, match="against: .* is where this report goes. Name another"):
        evaluate_extraction(extractor, plans, output=tmp_path, against=tmp_path / "x" / "..")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OutputError, match="file: cannot be made a folder"):
        evaluate_extraction(extractor, plans, output=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"
