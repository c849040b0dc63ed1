import json
import shutil

import pytest
import soundfile

STEPS = (100, 200, 300)


@pytest.fixture
def experiment(place, tiny_model):
    """The folder `exp` with a model of each of three validations."""
    folder = place / "exp"
    for step in STEPS:
        shutil.copytree(tiny_model, folder / f"checkpoints/models/step_{step}")
    rows = [f"{step},,{value}\n" for step, value in zip(STEPS, (1.25, 3.5, 2.0), strict=True)]
    (folder / "metrics.csv").write_text("step,train/loss,valid/si_sdri\n" + "".join(rows))
    return folder


def test_what_was_averaged_is_said_and_the_result_is_a_model(cli, experiment):
    said = cli("average exp")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "step 100: valid/si_sdri 1.250",
        "step 200: valid/si_sdri 3.500",
        "step 300: valid/si_sdri 2.000",
        "exp/averaged: mean of 3 models",
    ]
    assert json.loads(cli("info exp/averaged --json").out)["model"] == "exp/averaged"
    assert cli("extract mixture.wav --enroll enroll.wav -o out.wav --model exp/averaged").code == 0
    assert soundfile.info("out.wav").frames == 24000


@pytest.mark.parametrize(
    ("options", "steps"),
    [("--best 2", [200, 300]), ("--last 1", [300]), ("--best 1", [200]), ("--last 3", STEPS)],
)
def test_the_best_or_the_last(cli, experiment, options, steps):
    said = cli(f"average exp {options} -o mean")
    assert said.code == 0
    *lines, last = said.out.splitlines()
    assert [int(line.split()[1].rstrip(":")) for line in lines] == list(steps)
    assert last == f"mean: mean of {len(steps)} models"
    assert not (experiment / "averaged").exists()


def test_models_that_are_named(cli, experiment):
    said = cli("average model exp/checkpoints/models/step_100 -o new/mean")
    assert (said.code, said.err) == (0, "")
    assert said.out == "model\nexp/checkpoints/models/step_100\nnew/mean: mean of 2 models\n"
    assert cli("info new/mean").code == 0


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("exp --best 1 --last 1", "--best and --last do not go together. Leave out one"),
        ("exp model --best 1 -o mean", "--best and --last are for the models of one experiment."),
        ("exp/checkpoints/models/step_100 model", "several models: expected -o FOLDER, which says"),
        ("exp --best 9", "exp/checkpoints/models: 9 models were asked for, but there are 3. Ask "),
        ("exp --last 0", "Invalid value for '--last'"),
        ("model", "model: no models of validations in checkpoints/models. Name an experiment fol"),
        ("exp -o exp/model", "exp/model: is where training keeps its best model. Name another fol"),
        (
            "model exp/checkpoints/models/step_100 -o exp/checkpoints/models/step_300",
            "exp/checkpoints/models/step_300: is where training keeps the models of validations.",
        ),
        ("exp -o .", ".: is there and is no model folder. Name a new folder"),
        ("model nowhere -o mean", "nowhere: no such file or folder"),
    ],
)
def test_wrong_usage(cli, experiment, files, line, error):
    before = files()
    said = cli(f"average {line}")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {error}")
    assert said.err.count("\n") == 1
    assert files() == before


def test_an_experiment_without_metrics(cli, experiment):
    (experiment / "metrics.csv").unlink()
    said = cli("average exp")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: exp/metrics.csv: there is no such file, which says how good")
