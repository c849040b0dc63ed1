import pytest

CONFIG = """\
task: extraction
sample_rate: 8000
model:
  separator: {name: bsrnn, channels: 8, num_blocks: 1}
  speaker: {name: ecapa_tdnn, channels: 16, embed_dim: 8}
  fusion: {name: film}
data:
  train: {utterances: train.jsonl}
  valid: {mixtures: valid.jsonl}
trainer: {num_steps: 2}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config in the working folder, which has no data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return "tiny.yaml"


def test_a_right_config_is_described(cli, config):
    said = cli(f"config check {config} model.fusion.name=concat")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("tiny.yaml: fine. ")


@pytest.mark.parametrize("command", ["config check tiny.yaml", "train tiny.yaml --output exp"])
@pytest.mark.parametrize(
    ("overrides", "errors"),
    [
        (
            "model.fusion.name=flim",
            ["model.fusion.name: no fusion is called 'flim' (did you mean 'film'?). Known: add, "],
        ),
        (
            "trainer.num_stepz=3",
            ["trainer.num_stepz: there is no such option (did you mean 'num_steps'?). Options: "],
        ),
        (
            "model.fusion.embed_dim=12",
            ["model.fusion.embed_dim: set by the code, not by a config. Remove it"],
        ),
        ("model.separator.num_blocks=two", ["model.separator.num_blocks: expected int, got 'two'"]),
        (
            "losses.waveform='[{name: neg_si_sdr, estimate: 1}]'",
            ["losses.waveform[0].estimate: expected a number below 1, as many as the separator m"],
        ),
        (
            "metric_gan.weight=0.1 sample_rate=44100",
            ["metric_gan: PESQ is defined at 8000 and 16000 Hz, and sample_rate is 44100. Remove"],
        ),
        (
            "optimizer.learning_rates='{speakr: 1e-4, fusions: 1e-4}' freeze=[fusions]",
            [
                "optimizer.learning_rates.speakr: no such part. Parts: speaker, separator, fusions",
                "optimizer.learning_rates.fusions: has nothing to say, as the part is frozen",
            ],
        ),
        (
            "self_enrollment.second_weight=1.5",
            ["self_enrollment.second_weight: expected at most 1, got 1.5"],
        ),
        (
            "trainer.batch_size=0 model.speaker.name=ecapa",
            ["trainer.batch_size: expected at least 1", "model.speaker.name: no speaker module is"],
        ),
    ],
)
def test_all_that_is_wrong_is_told_before_anything_is_done(
    cli, config, tmp_path, command, overrides, errors
):
    said = cli(f"{command} {overrides}")
    assert (said.code, said.out) == (2, "")
    lines = said.err.splitlines()
    assert len(lines) == len(errors)
    for line, error in zip(lines, errors, strict=True):
        assert line.startswith(f"error: {config}: {error}")
    assert [path.name for path in tmp_path.iterdir()] == [config]


@pytest.mark.parametrize("command", ["config check", "train --output exp"])
def test_a_config_that_is_none(cli, config, tmp_path, command):
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "text.yaml").write_text("just text")
    for line, error in {
        "nowhere.yaml": "nowhere.yaml: there is no such file",
        "broken.yaml": "broken.yaml:1: is not YAML",
        "text.yaml": "text.yaml: expected lines of 'key: value'",
        f"{config} model.fusion.name": "override 'model.fusion.name': expected key.path=value",
    }.items():
        said = cli(f"{command} {line}")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1
    assert not (tmp_path / "exp").exists()


def test_data_that_are_not_there(cli, config, tmp_path):
    said = cli(f"train {config} -o exp")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert "train.jsonl" in said.err
    assert not (tmp_path / "exp").exists()


def test_everything_is_handed_on(cli, config, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "wesep_like.experiment.train", lambda *args, **more: calls.append((args, more))
    )
    said = cli(f"train {config} a.b=1 --output exp c=-2 --resume --device cpu")
    assert (said.code, said.out, said.err) == (0, "", "")
    cli(f"train {config} -o exp")
    (args, more), (plain_args, plain) = calls
    assert (str(args[0]), args[1], str(args[2])) == (config, ["a.b=1", "c=-2"], "exp")
    assert more == {"resume": True, "device": "cpu"}
    assert plain_args[1] == []
    assert plain == {"resume": False, "device": "auto"}
