"""`prepare librispeech`: a manifest a subset."""

import numpy as np
import pytest
import soundfile

from wesep_like.data.corpora import prepare
from wesep_like.data.corpora.librispeech import read_sexes
from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.errors import ManifestError


@pytest.fixture
def librispeech(tmp_path):
    """Makes a tree with an utterance in each of the subsets, by a speaker of its own."""

    def make(*subsets):
        root = tmp_path / "LibriSpeech"
        for number, subset in enumerate(subsets):
            folder = root / subset / str(number) / "50"
            folder.mkdir(parents=True)
            samples = 0.1 * np.random.default_rng(number).standard_normal(800)
            soundfile.write(folder / f"{number}-50-0000.flac", samples, 16000)
            (folder / f"{number}-50.trans.txt").write_text("words\n")
        return root

    return make


def test_each_subset_has_a_manifest_with_sexes(librispeech, tmp_path):
    root = librispeech("train-clean-100", "test-other")
    (root / "SPEAKERS.TXT").write_text(";ID |SEX|\n0  | F | train-clean-100 | 25.03 | Anna\n")
    (root / "BOOKS").mkdir()
    numbers = prepare("librispeech", root, tmp_path / "data").num_records
    assert numbers == {"train-clean-100/utterances.jsonl": 1, "test-other/utterances.jsonl": 1}
    found = {
        name: read_manifest(tmp_path / "data" / name, Utterance)[0] for name in numbers
    }.values()
    assert [(u.id, u.speaker, u.num_samples, u.sample_rate, u.sex) for u in found] == [
        ("0-50-0000", "0", 800, 16000, "F"),
        ("1-50-0000", "1", 800, 16000, None),
    ]
    assert soundfile.info(next(iter(found)).path).frames == 800


def test_subsets_to_train_on_are_also_joined(librispeech, tmp_path):
    prepare("librispeech", librispeech("train-clean-100", "train-clean-360"), tmp_path / "data")
    joined = read_manifest(tmp_path / "data/train-clean-460/utterances.jsonl", Utterance)
    assert [u.speaker for u in joined] == ["0", "1"]
    assert not (tmp_path / "data/train-960").exists()


def test_what_is_no_librispeech(librispeech, tmp_path):
    root = librispeech("train-clean-100")
    with pytest.raises(ManifestError, match=r"100: none of the folders .* There is: 0\. Give the "):
        prepare("librispeech", root / "train-clean-100", tmp_path / "data")
    with pytest.raises(ManifestError, match=r"SPEAKERS\.TXT: cannot be read \(No such file"):
        read_sexes(root / "SPEAKERS.TXT")
    (root / "SPEAKERS.TXT").write_text("; nobody\n")
    with pytest.raises(ManifestError, match=r"SPEAKERS\.TXT: no lines of 'SPEAKER | SEX"):
        prepare("librispeech", root, tmp_path / "data")
