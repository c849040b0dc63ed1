"""The recipe for Libri2Mix, run for real: a small tree goes through every stage."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
RUNS = ("bsrnn:16000:mix_both", "spex_plus:8000:mix_clean")
NUM_TEST = 2
SIZES = {"NUM_TRAIN": "6", "NUM_DEV": "2", "NUM_TEST": str(NUM_TEST), "RUNS": " ".join(RUNS)}
TINY = [
    *("trainer.num_steps=2", "trainer.validate_every=1", "trainer.batch_size=2"),
    *("data.train.mixture_seconds=1.0", "data.train.enrollment_seconds=1.0"),
    "trainer.num_workers=0",
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Shell commands find this Python's `wesep-like` and `python`, and use one thread."""
    folder = tmp_path_factory.mktemp("bin")
    for name, arguments in {"wesep-like": "-m wesep_like", "python": ""}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(script, *arguments, env):
    command = [str(ROOT / "recipes/libri2mix" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


@pytest.fixture(scope="module")
def out(shared, environment, tmp_path_factory):
    """What small.sh leaves."""
    folder = tmp_path_factory.mktemp("small")
    done = run("small.sh", shared / "corpus", folder, *TINY, env={**environment, **SIZES})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_every_stage_leaves_what_the_readme_says(out, name):
    system, rate, mixtures = name.split(":")
    data, exp = out / "data" / rate / mixtures, out / "exp" / name
    about = json.loads((data / "test/about.json").read_text())
    assert about["variant"] == f"wav{rate[:-3]}k/min/test/{mixtures}"
    assert about["enrollments"] == f"map_mixture2enrollment, {2 * NUM_TEST} of {2 * NUM_TEST} fixed"

    config = yaml.safe_load((exp / "averaged/config.yaml").read_text())
    assert (config["sample_rate"], config["model"]["separator"]["name"]) == (int(rate), system)
    with (data / "test/jobs.tsv").open() as file:
        voices = [row["output"] for row in csv.DictReader(file, delimiter="\t")]
    assert len(voices) == 2 * NUM_TEST
    assert all((exp / "voices" / voice).is_file() for voice in voices)
    assert {voice[:3] for voice in voices} == {"s1/", "s2/"}

    summary = json.loads((exp / "test/summary.json").read_text())
    assert summary["num_mixtures"] == 2 * NUM_TEST
    assert summary["about"] == about
    assert (exp / "test/report.html").stat().st_size > 0
    with (exp / "test/scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {f"{row['id']}.wav" for row in rows} == set(voices)


def test_a_map_means_the_same_trials_in_all_variants(out):
    trials = []
    for name in RUNS:
        _, rate, mixtures = name.split(":")
        text = (out / "data" / rate / mixtures / "test/map_mixture2enrollment").read_text()
        trials.append(sorted(text.splitlines()))
    assert trials[0] == trials[1]


def test_longer_mixtures_are_scored_too(out):
    summary = json.loads((out / "exp" / RUNS[0] / "test_max/summary.json").read_text())
    assert summary["about"]["variant"] == "wav16k/max/test/mix_both"


def test_what_is_there_is_not_made_again(out, environment):
    _, rate, mixtures = RUNS[1].split(":")
    exp = out / "exp" / RUNS[1]
    before = {path: path.stat().st_mtime_ns for path in exp.glob("*/*")}
    settings = {
        "RATE": rate,
        "MIXTURES": mixtures,
        "DATA": str(out / "data" / rate / mixtures),
        "EXP": str(exp),
    }
    env = {**environment, **settings}
    done = run("run.sh", out / "Libri2Mix", out / "max", "small/spex_plus", *TINY, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    after = {path: path.stat().st_mtime_ns for path in exp.glob("*/*")}
    same = [path for path in before if path.parent.name in ("averaged", "test", "voices")]
    assert same
    assert [path for path in same if after[path] != before[path]] == []


@pytest.mark.parametrize("script", ["run.sh", "small.sh"])
def test_a_folder_that_is_not_there(script, environment, tmp_path):
    done = run(script, tmp_path / "none", tmp_path, env=environment)
    assert done.returncode == 2
    assert "Usage: recipes/libri2mix/" in done.stderr
