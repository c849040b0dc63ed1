import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wesep_like.cli import evaluate
from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    MixturePlan,
    SourcePlan,
    write_plans,
)
from wesep_like.evaluation import scoring


@pytest.fixture
def mixtures(make_wav):
    """A data folder with two fixed mixtures, the second of which has a file that is missing."""
    Path("data").mkdir()
    for name, seed in (("a", 0), ("b", 1), ("c", 2)):
        make_wav(f"data/{name}.wav", 1.2, seed=seed)
    plans = [
        MixturePlan(
            id=name,
            sample_rate=16000,
            num_samples=16000,
            target=SourcePlan("s", clip("a")),
            interferers=(SourcePlan("t", clip(interferer)),),
            enrollment=EnrollmentPlan(clip("c")),
        )
        for name, interferer in (("whole", "b"), ("broken", "nowhere"))
    ]
    write_plans("data/mixtures.jsonl", plans)
    write_plans("data/whole.jsonl", plans[:1])


def clip(name):
    return Clip(f"{name}.wav", 0, 16000, 16000)


@pytest.mark.usefixtures("mixtures")
def test_evaluate_reports_what_it_measured(cli):
    line = "evaluate model data/whole.jsonl -o report --workers 0 --metrics si_sdr,similarity"
    said = cli(f"{line} --json")
    assert (said.code, said.err) == (0, "")
    summary = json.loads(said.out)
    assert summary == json.loads(Path("report/summary.json").read_text())
    assert summary["num_trials"] == 1
    assert summary["about"]["model"] == "model"
    assert {"si_sdr", "si_sdri", "similarity"} <= set(summary["metrics"])
    lines = cli(line).out.splitlines()
    mean = summary["metrics"]["si_sdri"]["mean"]
    assert any(line.split()[:2] == ["si_sdri", f"{mean:.2f}"] for line in lines)
    assert f"failure rate {100 * summary['failure_rate']:.1f} %" in [
        " ".join(line.split()) for line in lines
    ]
    assert lines[-1] == "report: report/report.html"
    assert Path("report/report.html").is_file()


@pytest.mark.usefixtures("mixtures")
def test_evaluate_tells_what_lies_beside_and_how_to_read_dnsmos(cli, monkeypatch):
    monkeypatch.setattr(scoring, "check_dnsmos_installed", lambda: None)
    values = dict.fromkeys(("ovrl", "sig", "bak", "p808"), 3.0)
    monkeypatch.setattr(scoring, "dnsmos", lambda signal, sample_rate: values)
    Path("data/about.json").write_text('{"corpus": "Libri2Mix"}')
    said = cli("evaluate model data/whole.jsonl -o report --workers 0 --metrics dnsmos")
    assert said.code == 0, said.err
    assert "dnsmos is as high for a wrong voice: read it beside si_sdri and similarity" in said.out
    assert {"dnsmos_ovrl", "si_sdri", "similarity"} <= {
        row.split()[0] for row in said.out.splitlines()
    }
    assert json.loads(Path("report/summary.json").read_text())["about"]["corpus"] == "Libri2Mix"


@pytest.mark.parametrize(("workers", "expected"), [(0, None), (1, "3"), (4, "1"), (9, "1")])
def test_cores_are_left_to_the_processes_that_score(monkeypatch, workers, expected):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    evaluate._leave_cores_to(workers)
    assert os.environ.get("OMP_NUM_THREADS") == expected
    os.environ["OMP_NUM_THREADS"] = "2"  # a user's word counts
    evaluate._leave_cores_to(workers)
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_torch_is_not_loaded_before_its_threads_are_chosen(tmp_path):
    code = (
        "import os, sys\n"
        "from wesep_like.cli import evaluate\n"
        "from wesep_like.cli.app import run\n"
        "evaluate._leave_cores_to = lambda workers: sys.exit('torch' in sys.modules)\n"
        "run(['evaluate', 'bundled', 'data', '-o', 'report', '--workers', '1'])\n"
    )
    root = Path(evaluate.__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env).returncode == 0


@pytest.mark.usefixtures("mixtures")
def test_evaluate_compares_with_another_report(cli):
    line = "evaluate model data/whole.jsonl -o report --workers 0 --metrics si_sdr"
    assert cli(line).code == 0
    about = Path("report/summary.json")
    about.write_text(about.read_text().replace('"model": "model"', '"variant": "max"'))
    said = cli(line.replace("-o report", "-o second --against report"))
    assert said.code == 0
    assert said.err == ("warning: against report: variant is 'not told' here and 'max' there\n")
    lines = said.out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("against report: 1 pair, "))
    rows = {line.split()[0]: line.split() for line in lines[start + 2 : -1]}
    assert set(rows) == {"si_sdr", "si_sdri", "wrong_voice", "failure"}
    assert rows["si_sdri"][3:] == ["0.00", "1.0000", "0.0", "%", "0.0", "%"]
    said = cli(f"{line} --against data")
    assert said.code == 2
    assert said.err.startswith("error: data/scores.csv: cannot be read as a table of scores")


@pytest.mark.usefixtures("mixtures")
def test_a_mixture_that_cannot_be_made_is_told_and_left_out(cli):
    said = cli("evaluate model data -o report --workers 0 --metrics si_sdr --json")
    assert said.code == 1
    first, last = said.err.splitlines()
    assert first == "error: broken: data/nowhere.wav: there is no such file"
    assert last == "error: 1 of 2 trials could not be scored"
    assert json.loads(said.out)["num_trials"] == 1


@pytest.mark.usefixtures("mixtures")
def test_what_cannot_be_evaluated(cli):
    for line, error in {
        "model nowhere -o report": "nowhere: no such file or folder. Name a data folder",
        "model . -o report": ".: no mixtures.jsonl in it. Name a data folder",
        "model mixture.wav -o report": "mixture.wav: ",
        "nowhere data -o report": "nowhere: no such file or folder. Name an experiment folder",
        "model data -o enroll.wav": "enroll.wav: cannot be made a folder",
        "model data -o report --vad webrtc": "vad: expected energy, silero or none, got 'webrtc'",
        "model data -o report --metrics si_sdrr": "metrics: no metric is called 'si_sdrr' (did you",
    }.items():
        said = cli(f"evaluate {line} --workers 0")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1
    assert not Path("report").exists()


def test_prepare_indexes_a_corpus(cli, make_wav, place):
    for name in ("corpus/ann/1.wav", "corpus/ann/2.wav", "corpus/bob/1.wav"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        make_wav(name, 1)
    said = cli("prepare folder corpus -o data")
    assert (said.code, said.err) == (0, "")
    assert said.out == "data/utterances.jsonl: 3\n"
    assert len(Path("data/utterances.jsonl").read_text().splitlines()) == 3


@pytest.mark.filterwarnings("always")
def test_prepare_leaves_out_what_is_no_sound(cli, make_wav, place):
    (place / "corpus/ann").mkdir(parents=True)
    make_wav("corpus/ann/1.wav", 1)
    (place / "corpus/ann/2.wav").touch()
    said = cli("prepare folder corpus -o data")
    assert said.code == 0
    assert said.err.startswith("warning: skipped: ")
    assert said.out == "data/utterances.jsonl: 1\nskipped: 1 sound files\n"


@pytest.mark.usefixtures("place")
def test_what_cannot_be_prepared(cli):
    Path("empty").mkdir()
    for line, error in {
        "foldr empty -o data": "corpus: none is called 'foldr' (did you mean 'folder'?). Known: ",
        "folder nowhere -o data": "nowhere: there is no such folder",
        "folder empty -o mixture.wav": "mixture.wav: ",
    }.items():
        said = cli(f"prepare {line}")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1


@pytest.fixture
def voices(make_wav):
    """A data folder with two speakers, prepared."""
    for speaker in "ab":
        Path(f"voices/{speaker}").mkdir(parents=True)
        for number in range(2):
            make_wav(f"voices/{speaker}/{speaker}{number}.wav", 1.5, seed=ord(speaker) + number)


@pytest.mark.usefixtures("voices")
def test_mix_writes_mixtures_that_evaluate_takes(cli):
    assert cli("prepare folder voices -o data").code == 0
    said = cli("mix data -o out/dev --num 3 --workers 0 mixture_seconds=1 sir_range_db=[0,0]")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "out/dev: 3 mixtures, 0.00 h",
        "out/dev/mixtures.jsonl: their plans, for evaluate and data.valid.mixtures",
    ]
    assert len(list(Path("out/dev/mix_clean").glob("*.wav"))) == 3
    assert not Path("out/dev/mix_both").exists()
    line = "evaluate model out/dev/mixtures.jsonl -o report --workers 0 --metrics si_sdr --json"
    assert json.loads(cli(line).out)["num_trials"] == 3


@pytest.mark.usefixtures("voices")
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("mix nowhere -o out", "nowhere/utterances.jsonl: cannot be read (No such"),
        ("mix data -o out mixture_second=1", "mixture_second: there is no such option (did you"),
        ("mix data -o out num_interferers=3", "data/utterances.jsonl: 2 speakers, but a mixture "),
        ("mix data -o voices/a/a0.wav --num 1", "voices/a/a0.wav: cannot be made a folder"),
    ],
)
def test_what_mix_cannot_do(cli, line, error):
    cli("prepare folder voices -o data")
    said = cli(line)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {error}")
    assert not Path("out").exists()


@pytest.mark.usefixtures("voices")
def test_speech_of_which_nobody_says_who_speaks(cli):
    assert cli("prepare folder voices -o data --unlabelled").code == 0
    assert '"speaker"' not in Path("data/utterances.jsonl").read_text()
    said = cli("mix data -o out")
    assert (said.code, said.out) == (2, "")
    assert "lines: 'speaker' is missing" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("place")
def test_rooms_writes_a_pool(cli):
    line = "rooms -o pool --rt60-range-seconds 0.1 0.12 --num-sources 1 --workers 0 --num"
    assert cli(f"{line} 1").out == "pool/rooms.jsonl: 1 rooms, 1 of them new\n"
    assert cli(f"{line} 2").out == "pool/rooms.jsonl: 2 rooms, 1 of them new\n"
    assert len(Path("pool/rooms.jsonl").read_text().splitlines()) == 2
    said = cli(f"{line} 2 --seed 2")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: pool: holds rooms that were made with other options")
    said = cli("rooms -o others --rt60-range-seconds 0.01 0.1")
    assert said.code == 2
    assert said.err.startswith("error: rt60_range_seconds: 0.01 s is too short for a room of")


@pytest.mark.filterwarnings("always")
def test_prepare_libri2mix_and_extract_all_of_it(cli, librimix_tree, place):
    said = cli(f"prepare libri2mix {librimix_tree} -o data")
    assert (said.code, said.out) == (2, "")
    assert "error: " in said.err
    assert "Libri2Mix: has no wav16k/min/{train-100,dev,test}/mix_clean. Expected " in said.err
    line = f"prepare libri2mix {librimix_tree} -o data --sample-rate 8000"
    said = cli(f"{line} --mixtures mix_bth")
    assert said.err.startswith("error: mixtures: expected 'mix_clean', 'mix_both' or 'mix_single'")
    said = cli(line)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-2:] == [
        "data/test/map_mixture2enrollment: 8",
        "data/test/jobs.tsv: 8",
    ]
    maps = [f"--enroll-map data/{part}/map_mixture2enrollment" for part in ("dev", "test")]
    assert cli(f"{line} {' '.join(maps)}").code == 0
    about = json.loads(Path("data/dev/about.json").read_text())
    assert about["enrollments"] == "map_mixture2enrollment, 6 of 6 fixed"
    assert cli("extract --list data/test/jobs.tsv --model model -o out").code == 0
    assert len(list(Path("out").glob("s[12]/*.wav"))) == 8
    line = "evaluate model data/test -o report --workers 0 --metrics si_sdr --json"
    assert json.loads(cli(line).out)["num_trials"] == 8
