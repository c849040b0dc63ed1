"""Runs on tar shards."""

import pytest
import torch

from wesep_like import experiment
from wesep_like.config.files import read_config
from wesep_like.data.shards.pack import pack
from wesep_like.errors import ConfigError, ManifestError


@pytest.fixture(scope="session")
def shards(hums, tmp_path_factory):
    """Four shards of one speaker each."""
    folder = tmp_path_factory.mktemp("shards")
    pack(hums / "train.jsonl", folder, per_shard=3)
    return folder


@pytest.fixture
def write_sharded(write_experiment, hums, shards):
    """Writes a small experiment on the shards: `write_sharded(train={...}, losses={...})`."""

    def write(*, train=None, **sections):
        section = {
            "shards": str(shards / "shards.list"),
            "speakers": str(shards / "speakers.txt"),
            "mixture_seconds": 0.5,
            "enrollment_seconds": 0.8,
            "blocks": {"num_shards": 2, "num_examples": 2, "num_lanes": 2},
            **(train or {}),
        }
        section = {key: value for key, value in section.items() if value != ""}
        data = {"train": section, "valid": {"mixtures": str(hums / "valid.jsonl")}}
        return write_experiment(data=data, **sections)

    return write


def last_weights(folder):
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return state["global_step"], state["state_dict"]


def test_a_run_and_the_same_one_resumed_are_the_same(write_sharded, tmp_path):
    # Three steps of two examples are three turns, of two lanes, and the last is of a new block.
    path = write_sharded(trainer={"num_steps": 3, "validate_every": 3})
    experiment.train(path, [], tmp_path / "straight")
    experiment.train(path, ["trainer.num_steps=1", "trainer.validate_every=1"], tmp_path / "two")
    experiment.train(path, [], tmp_path / "two", resume=True)
    (step, straight), (_, resumed) = (last_weights(tmp_path / name) for name in ("straight", "two"))
    assert step == 3
    assert [key for key in straight if not torch.equal(straight[key], resumed[key])] == []
    resolved = read_config(tmp_path / "straight" / "config.yaml")
    assert resolved["data"]["train"]["blocks"]["turn"] is None


def test_all_speakers_are_classes(write_sharded):
    path = write_sharded(
        freeze=[], init={"speaker": None}, losses={"speaker": {"name": "softmax", "weight": 0.1}}
    )
    task, _ = experiment.build(experiment.read_experiment(path)[0], "tiny.yaml")
    assert task.speaker_head is not None
    assert next(task.speaker_head.parameters()).shape[0] == 4


def test_classes_want_a_list_of_speakers(write_sharded):
    path = write_sharded(
        train={"speakers": None},
        freeze=[],
        init={"speaker": None},
        losses={"speaker": {"name": "softmax"}},
    )
    message = (
        r"tiny\.yaml: data\.train\.speakers: missing, but losses\.speaker tells speakers apart\. "
        r"Give the speakers\.txt that 'wesep-like shard' writes"
    )
    with pytest.raises(ConfigError, match=message):
        experiment.read_experiment(path)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"utterances": "u.jsonl"}, r"data\.train: expected the keys utterances or shards"),
        ({"shards": ""}, r"data\.train: expected the keys utterances or shards or mixtures"),
        ({"shards": "", "utterances": "u.jsonl"}, r"data\.train\.blocks: does not go with utter"),
        ({"blocks": {"num_lanes": 0}}, r"data\.train\.blocks\.num_lanes: expected at least 1"),
        ({"sir_range_db": [5, -5]}, r"data\.train\.sir_range_db: expected low <= high"),
    ],
)
def test_what_is_wrong_in_the_section_is_told(write_sharded, train, message):
    with pytest.raises(ConfigError, match=message):
        experiment.read_experiment(write_sharded(train=train))


def test_a_share_that_is_none(write_sharded):
    with pytest.raises(ConfigError, match=r"data\.max_broken_share: expected 0 to 1, got 5\.0"):
        experiment.read_experiment(write_sharded(), ["data.max_broken_share=5"])


def test_too_little_in_a_block_is_told_before_the_run(write_sharded, tmp_path):
    path = write_sharded(train={"blocks": {"num_shards": 1}})
    with pytest.raises(ManifestError, match=r"Raise data\.train\.blocks\.num_shards$"):
        experiment.train(path, [], tmp_path / "exp")
    assert not (tmp_path / "exp").exists()
