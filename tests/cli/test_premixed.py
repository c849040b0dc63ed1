"""Mixtures on disk, from Kaldi's lists to a report."""

import json
from pathlib import Path

import pytest
import yaml

CONFIG = {
    "task": "extraction",
    "sample_rate": 8000,
    "model": {
        "separator": {
            "name": "bsrnn", "channels": 8, "hidden_dim": 8, "num_blocks": 1,
            "bands": [[8, 125.0], [1, 1000.0]], "hop_ms": 16.0,
        },
        "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
        "fusion": {"name": "film"},
    },
    "data": {
        "train": {"mixtures": "data/premixed.jsonl", "mixture_seconds": 0.5},
        "valid": {"mixtures": "data/mixtures.jsonl"},
    },
    "losses": {"speaker": {"name": "softmax", "weight": 0.1}},
    "trainer": {"num_steps": 2, "batch_size": 2, "validate_every": 2, "num_workers": 0,
                "num_examples": 0},
}  # fmt: skip


@pytest.fixture
def config(wesep_lists, monkeypatch):
    """Lists and a config in the working folder."""
    monkeypatch.chdir(wesep_lists.parent)
    Path("premixed.yaml").write_text(yaml.safe_dump(CONFIG))


@pytest.mark.usefixtures("config")
def test_prepare_train_and_evaluate(cli):
    said = cli("prepare kaldi lists -o data")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "data/premixed.jsonl: 4", "data/utterances.jsonl: 7", "data/mixtures.jsonl: 8",
    ]  # fmt: skip
    said = cli("train premixed.yaml -o exp --device cpu data.train.enrollment_seconds=null")
    assert said.code == 0, said.err
    said = cli("evaluate exp data -o report --workers 0 --metrics si_sdr --json")
    assert said.code == 0, said.err
    summary = json.loads(said.out)
    assert summary["num_trials"] == 8
    rows = Path("report/scores.csv").read_text().splitlines()
    assert rows[1].startswith("s1/1-10-00_2-20-00,1,2,,1.0000,")


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("override", "error"),
    [
        ("num_interferers=2", "num_interferers: does not go with mixtures. Remove it"),
        ("sir_range_db='[0, 5]'", "sir_range_db: does not go with mixtures. Remove it"),
        ("mixture_seconds=0.0", "mixture_seconds: expected more than 0 seconds, got 0.0"),
        ("enrolments=x", "enrolments: there is no such option (did you mean 'enrollments'?). Opti"),
    ],
)
def test_what_does_not_go_with_mixtures_is_told(cli, override, error):
    said = cli(f"config check premixed.yaml data.train.{override}")
    assert said.code == 2
    assert said.err.startswith(f"error: premixed.yaml: data.train.{error}")
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("config")
def test_either_mixtures_or_utterances(cli):
    said = cli("config check premixed.yaml data.train.utterances=u.jsonl")
    assert said.code == 2
    assert said.err == (
        "error: premixed.yaml: data.train: expected the keys utterances or shards or mixtures or "
        "mixture_shards, got more. To replace a section, set its name too\n"
    )
    for replaced in ("{name: simulated, utterances: u.jsonl, num_interferers: 2}", "null"):
        said = cli(f"config check premixed.yaml data.train='{replaced}'")
        assert said.code == (0 if "name" in replaced else 2)
    assert said.err == "error: premixed.yaml: data.train: expected a section of keys, got None\n"


@pytest.mark.usefixtures("config")
def test_lists_that_are_wrong(cli):
    Path("lists/wav.scp").write_text("a sox a.wav -t wav - |\n")
    said = cli("prepare kaldi lists -o data")
    assert said.code == 2
    assert "lists/wav.scp:1: is a command, and none is run" in said.err
    assert said.err.count("\n") == 1
