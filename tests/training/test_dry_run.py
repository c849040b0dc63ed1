"""A dry run is a run, and leaves nothing."""

import re

import pytest
import torch

from wesep_like import experiment
from wesep_like.cli.app import run
from wesep_like.experiment.dry_run import dry_run


@pytest.fixture
def lines(capsys, tmp_path, monkeypatch):
    """What `train CONFIG ... --dry-run` prints, and what it exits with; in an empty folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*arguments):
        code = run(["train", *map(str, arguments), "--dry-run", "--device", "cpu"])
        said = capsys.readouterr()
        assert list(here.iterdir()) == []
        return code, said.out.splitlines(), said.err.splitlines()

    return call


def test_what_is_printed(write_experiment, tmp_path, lines):
    path = write_experiment(
        freeze=[],
        losses={"speaker": {"name": "aam_softmax", "weight": 0.1}},
        trainer={"num_steps": 1000, "validate_every": 100, "batch_size": 2, "num_workers": 1},
    )
    code, out, err = lines(path)
    assert (code, err) == (0, [])
    assert out[0].startswith(f"{path}: works. 4 steps and 3 validation mixtures on cpu, precision ")
    said = {}
    for line in out[1:]:
        key, _, rest = line.partition(" ")
        said.setdefault(key, []).append(rest.strip())
    assert said["examples"] == ["0, 1"]
    assert said["mixture"] == said["target"] == ["(2, 4000)"]
    assert said["enrollment"] == ["(2, 6400)"]
    assert said["estimates"] == ["(2, 1, 4000)"]
    assert re.match(r"neg_si_sdr -?[\d.]+, speaker [\d.]+, loss -?[\d.]+$", said["losses"][0])
    parts = [re.match(r"(\w+): ([\d,]+) learnt, 0 frozen", line) for line in said["parameters"]]
    assert [part[1] for part in parts] == ["speaker", "separator", "fusions", "speaker_head"]
    assert re.match(r"\d+ MB of this process at most", said["memory"][0])
    seconds = r"[\d.e-]+ s \([\d.e-]+ \.\. [\d.e-]+\)"
    for key in ("loading", "mixing", "step", "validation"):
        assert re.match(seconds, said[key][0]), key
    assert "3 mixtures, 10 times" in said["validation"][0]
    assert re.match(r"about [\d.]+ (s|min|h): 1000 steps [\d.]+ (s|min|h), valid", said["all"][0])

    # What it says of the first batch is what a run finds.
    experiment.train(path, ["trainer.num_steps=1"], tmp_path / "exp")
    log = (tmp_path / "exp/train.log").read_text()
    loss = float(re.search(r"loss (-?[\d.]+)$", said["losses"][0])[1])
    assert float(re.search(r"step 1 of 1: loss (-?[\d.]+)", log)[1]) == pytest.approx(
        loss, rel=1e-3
    )


def test_data_that_is_slower_than_the_model(write_experiment, monkeypatch):
    path = write_experiment(trainer={"num_steps": 7, "accumulate_batches": 2, "num_workers": 0})
    watched = []

    def note(watch, options, num_valid):
        watch._seconds |= {"loading": [3.0, 1.0, 2.0], "step": [0.5]}
        watch._seconds |= {"valid": [0.5], "valid_loading": [0.5]}
        watched.append((watch, options, num_valid))
        return lines(watch, options, num_valid)

    kind = experiment.dry_run._Watch
    lines = kind.time_lines
    monkeypatch.setattr(kind, "time_lines", note)
    # Two batches and a step each take 4.5 s; three validations of three mixtures 9 s.
    *_, last = dry_run(path, [], device="cpu").splitlines()
    assert last == (
        "all         about 40.5 s: 7 steps 31.5 s, validation 9.0 s; reading the data takes "
        "longer than the steps: more trainer.num_workers help"
    )
    *_, last = dry_run(path, ["trainer.num_workers=1"], device="cpu").splitlines()
    assert last.startswith("all         about 32.5 s: 7 steps 28.0 s, validation 4.5 s; reading")


def test_a_system_that_does_not_tell_of_memory(monkeypatch):
    monkeypatch.setattr(experiment.dry_run, "resource", None)  # as on Windows
    told = experiment.dry_run._memory(torch.device("cpu"))
    assert told == "unknown, as this system does not tell"


def test_what_is_wrong_is_told_in_one_line(write_experiment, lines):
    path = write_experiment(data={"train": {"utterances": "nowhere.jsonl"}})
    code, out, err = lines(path)
    assert (code, out, len(err)) == (2, [], 1)
    assert "nowhere.jsonl" in err[0]
    code, out, err = lines(path, "model.fusion.name=flim")
    assert (code, out) == (2, [])
    assert "model.fusion.name: no fusion is called 'flim' (did you mean 'film'?)" in err[0]


def test_only_a_dry_run_needs_no_folder(write_experiment, capsys):
    assert run(["train", str(write_experiment())]) == 2
    error = capsys.readouterr().err
    assert error == (
        "error: --output: missing. Name the folder that the run is kept in, or only look what it "
        "would take with --dry-run\n"
    )
