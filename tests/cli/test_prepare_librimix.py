"""`wesep-like prepare librimix`, and metadata that the recipe's script draws."""

import runpy
import sys
from pathlib import Path

import pytest
import soundfile

SCRIPT = Path(__file__).parents[2] / "recipes/libri2mix/draw_metadata.py"


@pytest.fixture
def draw(monkeypatch, capsys):
    """Runs the script: exit code, and what it said."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments), "--workers", "0"])
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return caught.value.code, capsys.readouterr()

    return call


@pytest.fixture
def drawn(shared, draw, tmp_path, monkeypatch):
    """Dev and test of real speech, of utterances that differ."""
    monkeypatch.chdir(tmp_path)
    corpus = shared / "corpus"
    for name, share in (("dev", (0, 0.5)), ("test", (0.5, 1))):
        code, said = draw(
            corpus / "LibriSpeech", "--subset", "test-other", "--set", name, "--num", 3,
            "--wham", corpus / "noise", "--utterances", *share, "-o", "metadata",
        )  # fmt: skip
        assert (code, said.err) == (0, "")
        assert said.out == f"metadata/libri2mix_{name}.csv: 3 mixtures\n"
    return f"--librispeech {corpus}/LibriSpeech --metadata metadata -o out --workers 0"


@pytest.mark.filterwarnings("default:left out")
def test_a_tree_of_real_speech(drawn, shared, cli):
    line = f"prepare librimix {drawn} --wham {shared}/corpus/noise --sample-rate 8000"
    said = cli(f"{line} --mode min --mode max --mixtures mix_clean,mix_both")
    assert (said.code, said.err) == (0, "")
    parent = Path("out/Libri2Mix/wav8k")
    for line, folder in zip(
        said.out.splitlines(), ("min/dev", "max/dev", "min/test", "max/test"), strict=True
    ):
        assert line.startswith(f"{parent / folder}: 3 mixtures, 0.0")
        assert line.endswith(" h; 3 are new")
        kinds = sorted(path.name for path in (parent / folder).iterdir())
        assert kinds == ["mix_both", "mix_clean", "noise", "s1", "s2"]
        for path in (parent / folder / "mix_clean").iterdir():
            assert soundfile.info(path).samplerate == 8000
    utterances = {
        folder: {
            name for path in (parent / folder / "s1").iterdir() for name in path.stem.split("_")
        }
        for folder in ("min/dev", "min/test")
    }
    assert not utterances["min/dev"] & utterances["min/test"]
    said = cli("prepare libri2mix out/Libri2Mix -o data --sample-rate 8000 --mixtures mix_both")
    assert said.code == 0
    for name in ("dev", "test"):  # each speaker has another utterance to be enrolled with
        assert len(Path(f"data/{name}/mixtures.jsonl").read_text().splitlines()) == 6


def test_what_is_missing_is_told_and_the_rest_made(drawn, cli):
    lines = Path("metadata/libri2mix_test.csv").read_text().splitlines()
    broken = [lines[1].replace("test-other/", "gone/").replace("_", f"_{n}", 1) for n in range(12)]
    Path("metadata/libri2mix_test.csv").write_text("\n".join([lines[0], *broken, lines[2]]) + "\n")
    said = cli(f"prepare librimix {drawn} --sets test")
    assert said.code == 1
    errors = said.err.splitlines()
    assert len(errors) == 11
    assert errors[0].startswith("error: metadata/libri2mix_test.csv:2: ")
    assert errors[0].endswith(".flac: there is no such file")
    assert errors[10] == "error: and 2 more mixtures"
    assert said.out == "out/Libri2Mix/wav16k/min/test: 1 mixtures, 0.00 h; 1 are new\n"


def test_what_cannot_be_made(drawn, cli):
    for more, error in {
        "--mixtures mix_clean,mix_both": "mixtures: mix_both wants noise. Name WHAM!'s folder, or",
        "--sample-rate 44100": "sample_rate: expected 16000 or 8000, got 44100",
        "--sets tst": "metadata: has no metadata of a set 'tst' (did you mean 'test'?). Sets: ",
        "--librispeech metadata": "metadata: no mixture could be made. Check --librispeech and",
    }.items():
        said = cli(f"prepare librimix {drawn} {more}")
        assert said.code == 2
        assert said.err.splitlines()[-1].startswith(f"error: {error}")
        assert said.out == ""


def test_the_script_says_what_is_wrong(draw, tmp_path):
    code, said = draw(tmp_path, "--subset", "dev", "--num", 3, "-o", tmp_path / "metadata")
    assert code == 2
    assert said.err.startswith(f"error: {tmp_path}/dev: has no utterances of 3 s or more")
