"""What configs of encoders that learn without labels may say."""

from __future__ import annotations

import pytest
import yaml

from wesep_like.config.files import write_config
from wesep_like.errors import ConfigError
from wesep_like.experiment import check, read_experiment

CONFIG = {
    "task": "self_supervised",
    "model": {"speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 16}},
    "data": {
        "train": {
            "utterances": "utterances.jsonl",
            "crops": [{"seconds": 2.0, "count": 4}, {"seconds": 3.0, "count": 2}],
        },
        "valid": {"trials": "trials.txt"},
    },
    "method": {"name": "dino", "out_dim": 64},
    "trainer": {"num_steps": 4},
}
TWO = "data.train.crops=[{seconds: 2, count: 2}]"


@pytest.fixture
def path(tmp_path):
    write_config(tmp_path / "c.yaml", yaml.safe_load(yaml.safe_dump(CONFIG)))
    return tmp_path / "c.yaml"


def test_crops_of_a_length_are_together_and_the_longest_first(path):
    experiment, resolved = read_experiment(path, ["data.train.crops=[{seconds: 2}, {seconds: 3}, "
                                                  "{seconds: 2.0, count: 3}]"])  # fmt: skip
    assert list(experiment.data.train.counts.items()) == [(3.0, 1), (2.0, 4)]
    assert resolved["data"]["train"]["crops"][0] == {"seconds": 2.0, "count": 1}
    assert check(path).endswith("4 steps")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["data.train.crops=[{seconds: 3}]"],
            "data.train.crops: expected two or more of each utterance, got 1",
        ),
        (
            ["method={name: moco}"],
            "data.train.crops: expected 2 of each utterance for method moco, got 6",
        ),
        (
            ["method={name: simclr}", TWO, "trainer.batch_size=1"],
            "trainer.batch_size: expected at least 2 for method simclr, which tells the utterances "
            "of a batch apart, got 1",
        ),
        (
            ["trainer.ema_decay=0.9"],
            "trainer.ema_decay: what method dino keeps is an average of weights already. Expected "
            "null",
        ),
        (
            ["method={name: byol}"],
            "method.name: no method is called 'byol'. Known: dino, moco, simclr",
        ),
        (
            ["method.out_dim=0"],
            "method.out_dim: expected at least 1, got 0",
        ),
        (
            ["method.temperature=0.1"],
            "method.temperature: 'dino' has no such option",
        ),
        (
            ["data.train.crops=[{seconds: 3, count: 2}, {seconds: 0.1}]"],
            "data.train.crops[1].seconds: expected at least 0.125, which the encoder wants, got "
            "0.1",
        ),
        (["init.head=x"], "init.head: no such part. Parts: speaker"),
        (
            ["data.train.crop_seconds=2"],
            "data.train.crop_seconds: there is no such option",
        ),
        (
            ["losses={speaker: {name: aam_softmax}}"],
            "losses: there is no such option",
        ),
    ],
)
def test_what_does_not_go_together(path, overrides, line):
    with pytest.raises(ConfigError) as caught:
        read_experiment(path, overrides)
    told = [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]
    assert told[0].startswith(line)
    assert len(told) == 1


def test_a_method_of_ones_own_is_imported(path):
    name = "wesep_like.tasks.self_supervised.simclr:SimCLR"
    assert "fine" in check(path, [f"method={{name: '{name}'}}", TWO])
