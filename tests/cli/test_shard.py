from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("data")


@pytest.fixture
def data(cli, make_wav, place):
    """A data folder with five utterances of two speakers."""
    for number in range(5):
        path = f"corpus/{'ann' if number < 3 else 'bob'}/{number}.wav"
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        make_wav(path, 0.5, seed=number)
    cli("prepare folder corpus -o data")


def test_utterances_become_shards(cli):
    said = cli("shard data -o shards --per-shard 3 --workers 0")
    assert (said.code, said.err) == (0, "")
    assert said.out == "shards/shards.list: 2 shards, 5 packed\n"
    assert sorted(path.name for path in Path("shards").iterdir()) == [
        "packing.json",
        "shards.list",
        "shards_000000.tar",
        "shards_000001.tar",
        "speakers.txt",
    ]
    assert Path("shards/speakers.txt").read_text() == "ann\nbob\n"
    assert Path("shards/shards.list").read_text() == "shards_000000.tar\nshards_000001.tar\n"


@pytest.mark.filterwarnings("always")
def test_what_cannot_be_packed_is_told(cli):
    Path("corpus/ann/1.wav").unlink()
    said = cli("shard data/utterances.jsonl -o shards --workers 0")
    assert said.code == 1
    warning, error = said.err.splitlines()
    assert warning.startswith("warning: skipped: ")
    assert warning.endswith("corpus/ann/1.wav: there is no such file")
    assert error == "error: 1 utterances, noises or mixtures could not be packed"
    assert said.out == "shards/shards.list: 1 shards, 4 packed\n"


def test_what_cannot_become_shards(cli):
    cli("shard data -o shards --workers 0")
    for line, error in {
        "nowhere -o out": "nowhere: no such file or folder. Name a data folder with",
        "corpus -o out": "corpus: no utterances.jsonl in it. Name a data folder with",
        "data -o mixture.wav": "mixture.wav: cannot be made a folder",
        "data -o shards --per-shard 1": "shards: has shards of other data or of other options in",
        "data -o out --per-shard 0": "Invalid value for '--per-shard': ",
    }.items():
        said = cli(f"shard {line} --workers 0")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1
    assert not Path("out").exists()
