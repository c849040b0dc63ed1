from pathlib import Path

import pytest

from wesep_like.config.files import read_config, write_config
from wesep_like.errors import ConfigError

BASE = """\
seed: 1
model:
  separator: {name: bsrnn, channels: 128}
  fusion: {name: cross_attention, num_heads: 4}
optimizer: {name: adam, learning_rate: 1e-3}
freeze: [speaker]
"""


@pytest.fixture
def conf(tmp_path):
    """Writes files by name and gives the path of the last."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(text, encoding="utf-8")
        return path

    return write


def test_numbers_in_every_spelling(conf):
    path = conf(a="k: [1e-3, 1.0e-3, 1E3, -2e+4, .5e1, 1.5, 12, 1e, e3, '1e-3', 0x1e3]")
    values = read_config(path)["k"]
    assert values == [0.001, 0.001, 1000.0, -20000.0, 5.0, 1.5, 12, "1e", "e3", "1e-3", 0x1E3]
    assert [type(value) for value in values[:7]] == [float] * 6 + [int]


def test_a_file_over_its_base(conf):
    path = conf(base=BASE, a="base: base.yaml\nmodel:\n  separator: {channels: 64}\nfreeze: []\n")
    config = read_config(path)
    assert config["model"]["separator"] == {"name": "bsrnn", "channels": 64}
    assert config["model"]["fusion"] == {"name": "cross_attention", "num_heads": 4}
    assert config["freeze"] == []
    assert "base" not in config


def test_the_base_is_found_beside_the_file(conf, tmp_path, monkeypatch):
    conf(base=BASE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text("base: ../base.yaml\n")
    monkeypatch.chdir(tmp_path / "sub")
    assert read_config("a.yaml") == read_config(tmp_path / "base.yaml")


def test_another_name_replaces_the_section_whole(conf):
    path = conf(base=BASE, a="base: base.yaml\nmodel: {fusion: {name: film}}\n")
    assert read_config(path)["model"]["fusion"] == {"name": "film"}
    config = read_config(conf(base=BASE), ["model.fusion.name=film"])
    assert config["model"]["fusion"] == {"name": "film"}
    # The same name does not.
    config = read_config(conf(base=BASE), ["model.fusion.name=cross_attention"])
    assert config["model"]["fusion"]["num_heads"] == 4


@pytest.mark.parametrize("order", [1, -1])
def test_an_option_of_the_new_class_survives_whatever_the_order(conf, order):
    overrides = ["model.fusion.name=film", "model.fusion.layer_norm=true"][::order]
    config = read_config(conf(base=BASE), overrides)
    assert config["model"]["fusion"] == {"name": "film", "layer_norm": True}


def test_overrides_are_typed_as_in_a_file(conf):
    config = read_config(
        conf(base=BASE),
        [
            "optimizer.learning_rate=5e-4",
            "seed=7",
            "freeze=[speaker, separator]",
            "init.speaker=exp/a=b",
            "note='7'",
            "trainer={num_steps: 20}",
            "nothing=",
            "seed=8",
        ],
    )
    assert config["optimizer"] == {"name": "adam", "learning_rate": 5e-4}
    assert config["seed"] == 8
    assert config["freeze"] == ["speaker", "separator"]
    assert config["init"] == {"speaker": "exp/a=b"}
    assert config["note"] == "7"
    assert config["trainer"] == {"num_steps": 20}
    assert config["nothing"] is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed"], "override 'seed': expected key.path=value, such as model.fusion.name=film"),
        (["=3"], "override '=3': expected key.path=value"),
        (["a..b=3"], r"override 'a\.\.b=3': expected key.path=value"),
        (["--seed=3"], "override '--seed=3': expected key.path=value"),
        (["seed=[1"], r"override 'seed=\[1':1: is not YAML \(expected"),
        (["day=2001-02-31"], "override 'day=2001-02-31': is not YAML"),
        (["a={b: 1, b: 2}"], "override 'a={b: 1, b: 2}':1: key 'b' is already on line 1"),
        (["seed=1", "seed.x=2"], "override 'seed.x=2': another override sets seed to 1"),
        (["a.b=1", "a={}"], "override 'a={}': another override sets {'b': 1} in a. Leave one out"),
        (["freeze.0=3"], "base.yaml: freeze: is a list, of which no part can be set"),
    ],
)
def test_malformed_overrides(conf, overrides, message):
    with pytest.raises(ConfigError, match=message):
        read_config(conf(base=BASE), overrides)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"a\.yaml:3: key 'a' is already on line 1$"),
        ("x:\n  a: 1\n  a: 3\n", r"a\.yaml:3: key 'a' is already on line 2$"),
        ("a: [1\nb: 2\n", r"a\.yaml:\d: is not YAML \("),
        ("a: !!python/object:os.system {}\n", r"a\.yaml:1: is not YAML \(.*constructor"),
        ("day: 2001-02-31\n", r"a\.yaml: is not YAML \(day "),
        ("- a\n- b\n", r"a\.yaml: expected lines of 'key: value', got \['a', 'b'\]$"),
        ("film\n", r"a\.yaml: expected lines of 'key: value', got 'film'$"),
        ("base: [b.yaml]\n", r"a\.yaml: base: expected the path of one file, got \['b.yaml'\]$"),
        ("base: no.yaml\n", r"a\.yaml: base: there is no file .*no\.yaml$"),
        ("base: b.yaml\n", r"b\.yaml: base: a base has no base itself, .* for .*a\.yaml"),
        ("base: c.yaml\nlist: {x: 1}\n", r"a\.yaml: list: is a list, of which no part"),
    ],
)
def test_malformed_files(conf, text, message):
    path = conf(b="base: c.yaml\n", c="list: [1]\n", a=text)
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.yaml: there is no such file$"):
        read_config(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)$"):
        read_config(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"RIFF\xff\xff")
    with pytest.raises(
        ConfigError, match=r"a\.wav: is not UTF-8 text \(invalid start byte, byte 4"
    ):
        read_config(tmp_path / "a.wav")


def test_an_empty_file_says_nothing(conf):
    assert read_config(conf(a="# nothing\n")) == {}
    assert read_config(conf(a="\ufeffseed: 1\n")) == {"seed": 1}


def test_a_merge_key_is_plain_yaml(conf):
    path = conf(a="x: &x {a: 1}\ny: &y {b: 2}\nz:\n  <<: *x\n  <<: *y\n  b: 3\n")
    assert read_config(path)["z"] == {"a": 1, "b": 3}


def test_what_is_written_is_read_back(tmp_path):
    config = {
        "task": "extraction",
        "model": {"fusion": {"name": "film"}, "blocks": [0, 2], "layers": None},
        "rate": 1e-05,
        "steps": 10000000000.0,
        "note": "1e-3",
        "other": "Größe: yes",
        "flag": "on",
        "empty": {},
    }
    path = tmp_path / "config.yaml"
    write_config(path, config)
    again = read_config(path)
    assert again == config
    assert list(again) == list(config)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "config.yaml"
    write_config(path, {"seed": 1})
    with pytest.raises(Exception, match="cannot represent an object"):
        write_config(path, {"seed": object()})
    assert read_config(path) == {"seed": 1}
    assert list(tmp_path.iterdir()) == [path]
