"""The recipe for Libri2Mix, run for real: a small tree goes through every stage."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest
import yaml

SCRIPTS = Path(__file__).parents[1] / "recipes/libri2mix"
RUNS = ("bsrnn:16000:mix_both", "spex_plus:8000:mix_clean")
NUM_TEST = 2
NUM_TRIALS = 2 * NUM_TEST
SIZES = {"NUM_TRAIN": "6", "NUM_DEV": "2", "NUM_TEST": str(NUM_TEST), "WORKERS": "0"}
TINY = [
    *("trainer.num_steps=2", "trainer.validate_every=1", "trainer.batch_size=2"),
    *("data.train.mixture_seconds=1.0", "data.train.enrollment_seconds=1.0"),
    "trainer.num_workers=0",
]


def start(script, *arguments, env):
    command = [str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )


def end(process):
    """Its exit code, and what it said."""
    said, _ = process.communicate()
    return process.returncode, said


@pytest.fixture(scope="module")
def outs(shared, commands_on_path, tmp_path_factory):
    """Of each run: what small.sh leaves, with a tree of its own; they run at the same time."""
    folders = {run: tmp_path_factory.mktemp("small") for run in RUNS}
    started = [
        start(
            "small.sh",
            shared / "corpus",
            folder,
            *TINY,
            env=commands_on_path | SIZES | {"RUNS": run},
        )
        for run, folder in folders.items()
    ]
    for code, said in [end(process) for process in started]:
        assert code == 0, said
    return folders


def data_and_exp(outs, run):
    system, rate, mixtures = run.split(":")
    return outs[run] / "data" / rate / mixtures, outs[run] / "exp" / system / rate / mixtures


@pytest.mark.parametrize("run", RUNS)
def test_every_stage_leaves_what_the_readme_says(outs, run):
    system, rate, mixtures = run.split(":")
    data, exp = data_and_exp(outs, run)
    about = json.loads((data / "test/about.json").read_text())
    assert about["variant"] == f"wav{rate[:-3]}k/min/test/{mixtures}"
    assert about["enrollments"] == f"map_mixture2enrollment, {NUM_TRIALS} of {NUM_TRIALS} fixed"

    config = yaml.safe_load((exp / "averaged/config.yaml").read_text())
    assert (config["sample_rate"], config["model"]["separator"]["name"]) == (int(rate), system)
    with (data / "test/jobs.tsv").open() as file:
        voices = [row["output"] for row in csv.DictReader(file, delimiter="\t")]
    assert len(voices) == NUM_TRIALS
    assert {voice[:3] for voice in voices} == {"s1/", "s2/"}
    assert all((exp / "voices" / voice).is_file() for voice in voices)

    summary = json.loads((exp / "test/summary.json").read_text())
    assert summary["num_trials"] == NUM_TRIALS
    assert summary["about"].items() >= about.items()
    assert (exp / "test/report.html").stat().st_size > 0
    with (exp / "test/scores.csv").open() as file:
        assert {f"{row['id']}.wav" for row in csv.DictReader(file)} == set(voices)

    longer = json.loads((exp / "test_max/summary.json").read_text())
    assert longer["about"]["variant"] == f"wav{rate[:-3]}k/max/test/{mixtures}"


def test_the_trials_are_the_same_in_all_variants(outs):
    maps = [(data_and_exp(outs, run)[0] / "test/map_mixture2enrollment") for run in RUNS]
    first, second = (sorted(path.read_text().splitlines()) for path in maps)
    assert len(first) == NUM_TRIALS
    assert first == second


def test_what_is_there_is_not_made_again(outs, commands_on_path):
    run = RUNS[1]
    system, rate, mixtures = run.split(":")
    data, exp = data_and_exp(outs, run)
    stages = [data, *(exp / name for name in ("averaged", "voices", "test"))]
    before = {path: path.stat().st_mtime_ns for stage in stages for path in stage.rglob("*")}
    settings = {"RATE": rate, "MIXTURES": mixtures, "DATA": str(data), "EXP": str(exp)}
    tree, maps = outs[run] / "Libri2Mix", outs[run] / "max"
    again = start("run.sh", tree, maps, f"small/{system}", *TINY, env=commands_on_path | settings)
    code, said = end(again)
    assert code == 0, said
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("script", ["run.sh", "small.sh"])
def test_a_folder_that_is_not_there(script, commands_on_path, tmp_path):
    code, said = end(start(script, tmp_path / "none", tmp_path, env=commands_on_path))
    assert code == 2
    assert f"Usage: recipes/libri2mix/{script} " in said
