"""What configs of plain encoders may say."""

from __future__ import annotations

import copy

import pytest
import yaml

from wesep_like.config.files import write_config
from wesep_like.errors import ConfigError
from wesep_like.experiment import check, read_experiment

CONFIG = {
    "task": "verification",
    "model": {"speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 16}},
    "data": {
        "train": {"utterances": "utterances.jsonl"},
        "valid": {"trials": "trials.txt"},
    },
    "losses": {"speaker": {"name": "aam_softmax"}},
    "trainer": {"num_steps": 4},
}


@pytest.fixture
def refused(tmp_path):
    """What is told of a config with overrides, a line each."""

    def problems(*overrides, config=CONFIG):
        write_config(tmp_path / "c.yaml", yaml.safe_load(yaml.safe_dump(config)))
        with pytest.raises(ConfigError) as caught:
            read_experiment(tmp_path / "c.yaml", overrides)
        prefix = f"{tmp_path / 'c.yaml'}: "
        assert all(line.startswith(prefix) for line in caught.value.problems)
        return [line.removeprefix(prefix) for line in caught.value.problems]

    return problems


def test_first_weights_have_a_section_of_their_own(refused):
    assert refused("model.speaker.weights=exp/ecapa/model") == [
        "model.speaker.weights: first weights are named elsewhere. Set init.speaker=exp/ecapa/model"
    ]


def test_defaults_are_written_out(tmp_path):
    write_config(tmp_path / "c.yaml", copy.deepcopy(CONFIG))
    experiment, resolved = read_experiment(tmp_path / "c.yaml")
    assert experiment.data.train.crop_seconds == 2.0
    assert resolved["task"] == "verification"
    assert resolved["data"]["train"]["speed_as_new_speaker"] is True
    assert resolved["model"]["speaker"]["num_bins"] == 80
    assert "separator" not in resolved["model"]
    assert check(tmp_path / "c.yaml").endswith("4 steps")


def test_an_unknown_task(refused):
    assert refused("task=verfication") == [
        "task: expected one of extraction, verification, self_supervised, got 'verfication' "
        "(did you mean 'verification'?)"
    ]
    config = {key: value for key, value in CONFIG.items() if key != "task"}
    assert refused(config=config) == [
        "task: missing. Expected one of extraction, verification, self_supervised"
    ]


def test_all_problems_are_told_at_once(refused):
    lines = refused(
        "freeze=[speaker]",
        "model.speaker.name=ecapa",
        "losses.speaker={name: aam, weight: -1}",
        "data.train.crop_second=3",
        "optimizer.momentum=0.9",
    )
    joined = "\n".join(lines)
    assert "freeze: there is no such option" in joined
    assert "model.speaker.name: no speaker module is called 'ecapa'" in joined
    assert (
        "data.train.crop_second: there is no such option (did you mean 'crop_seconds'?)" in joined
    )
    assert "optimizer.momentum: 'adam' has none, only 'sgd' does. Remove it" in joined


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["init.separator=x"], "init.separator: no such part. Parts: speaker, head"),
        (
            ["optimizer.learning_rates.fusions=0.1"],
            "optimizer.learning_rates.fusions: no such part. Parts: speaker, head",
        ),
        (
            ["data.train.utterances_per_speaker=3"],
            "data.train.utterances_per_speaker: expected a divisor of trainer.batch_size, which "
            "is 8, got 3",
        ),
        (
            ["losses.speaker=[{name: softmax}, {name: ge2e}]"],
            "losses.speaker[1]: compares utterances of one speaker within a batch. Set "
            "data.train.utterances_per_speaker to 2 or more",
        ),
        (
            ["losses.speaker={name: softmax}", "margin_schedule={start_step: 1, end_step: 2}"],
            "margin_schedule: no loss in losses.speaker has a margin. Remove it",
        ),
        (
            ["losses.speaker={name: softmax, weight: no}"],
            "losses.speaker.weight: expected a number of at least 0, got False",
        ),
        (
            ["losses.speaker=[{name: softmx}]"],
            "losses.speaker[0].name: no speaker loss is called 'softmx' (did you mean 'softmax'?). "
            "Known: a_softmax, aam_softmax, am_softmax, angular_prototypical, centre, ge2e, "
            "normalised_softmax, prototypical, softmax, sphereface2, triplet",
        ),
        (
            ["losses.speaker={name: aam}", "margin_schedule={start_step: 1, end_step: 2}"],
            "losses.speaker.name: no speaker loss is called 'aam'. Known: a_softmax, "
            "aam_softmax, am_softmax, angular_prototypical, centre, ge2e, normalised_softmax, "
            "prototypical, softmax, sphereface2, triplet",
        ),
        (["losses.speaker=[]"], "losses.speaker: expected at least one loss, got none"),
        (
            ["data.train.crop_seconds=0.1"],
            "data.train.crop_seconds: expected at least 0.125, which the encoder wants, got 0.1",
        ),
        (
            ["data.train.augmentation.band_limit={probability: 1, bands_hz: [[9000, 9500]]}"],
            "data.train.augmentation.band_limit.bands_hz: expected a low below 8000 Hz, half of "
            "sample_rate, got [9000.0, 9500.0]",
        ),
        (["data.valid.max_seconds=0"], "data.valid.max_seconds: expected more than 0, got 0.0"),
        (
            ["data.train.shards=a.tar"],
            "data.train: expected the keys utterances or shards, got more. To replace a section, "
            "set its name too",
        ),
        (["model.speaker={name: usef}"], "model.speaker.name: "),
    ],
)
def test_what_does_not_go_together(refused, overrides, line):
    lines = refused(*overrides)
    assert any(told == line or (line.endswith(": ") and told.startswith(line)) for told in lines), (
        lines
    )


def test_masks_want_features_to_hide(refused, monkeypatch):
    # An encoder that hears waves by itself, such as those of transformers.
    monkeypatch.setattr("wesep_like.experiment.encoders.FbankEncoder", type(None))
    assert refused("data.train.augmentation.spec_augment={probability: 0.5}") == [
        "data.train.augmentation.spec_augment: the encoder has no filterbank features that could "
        "be masked. Expected null"
    ]
