"""`prepare voxceleb`: the sets, the trials, and trials to calibrate with."""

import numpy as np
import pytest
import soundfile

from wesep_like.data.corpora import prepare
from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.errors import ManifestError

META_1 = (
    "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
    "id10001\tA.J._Buckley\tm\tIreland\tdev\n"
    "id10270\tEartha_Kitt\tf\tUSA\ttest\n"
)
META_2 = (
    "\ufeffVoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\n"
    "id00012 ,n000012 ,m ,dev\nid00017 ,n000017 ,m ,test\n"
)
FILES = (
    "vox1/wav/id10001/aaa/00001.wav",
    "vox1/wav/id10001/bbb/00001.wav",
    "vox1/wav/id10270/x6u-_mx31kE/00001.wav",
    "vox1/wav/id10309/ccc/00002.wav",
    "vox2/vox2_dev_wav/id00012/ddd/00001.flac",
    "vox2/test/aac/id00017/eee/00001.wav",
)


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.random.default_rng(len(str(path))).standard_normal(80)
    soundfile.write(path, samples, 16000)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "VoxCeleb"
    for name in FILES:
        sound(root / name)
    return root


@pytest.fixture
def write(tmp_path):
    """A file of this text."""

    def written(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return written


def test_each_set_has_a_manifest(tree, write, tmp_path):
    meta = write("vox1_meta.csv", META_1), write("vox2_meta.csv", META_2)
    assert prepare("voxceleb", tree, tmp_path / "data", meta=meta).num_records == {
        "vox1_dev/utterances.jsonl": 2,
        "vox1_test/utterances.jsonl": 2,
        "vox2_dev/utterances.jsonl": 1,
        "vox2_test/utterances.jsonl": 1,
    }
    found = {
        u.id: (u.speaker, u.sex)
        for part in ("vox1_dev", "vox1_test", "vox2_dev", "vox2_test")
        for u in read_manifest(tmp_path / "data" / part / "utterances.jsonl", Utterance)
    }
    assert found == {
        "id10001/aaa/00001.wav": ("id10001", "M"),
        "id10001/bbb/00001.wav": ("id10001", "M"),
        "id10270/x6u-_mx31kE/00001.wav": ("id10270", "F"),
        "id10309/ccc/00002.wav": ("id10309", None),
        "id00012/ddd/00001.wav": ("id00012", "M"),  # a flac, called as lists call it
        "id00017/eee/00001.wav": ("id00017", "M"),
    }


def test_folders_tell_the_set_where_no_table_does(tree, tmp_path):
    numbers = prepare("voxceleb", tree, tmp_path / "data").num_records
    assert numbers["vox2_dev/utterances.jsonl"] == numbers["vox2_test/utterances.jsonl"] == 1
    numbers = prepare("voxceleb", tree / "vox2/test", tmp_path / "test").num_records
    assert numbers == {"vox2_test/utterances.jsonl": 1}


def test_a_table_goes_before_folders(tree, write, tmp_path):
    meta = write("vox2_meta.csv", META_2.replace("test", "dev"))
    numbers = prepare("voxceleb", tree / "vox2", tmp_path / "data", meta=(meta,)).num_records
    assert numbers == {"vox2_dev/utterances.jsonl": 2}


def test_nothing_tells_the_set(tree, tmp_path):
    sound(tree / "more/id00018/fff/00001.wav")
    problem = r"of 1 speakers .* the first id00018 \(more/id00018/fff/00001.wav\).*vox2_meta.csv"
    with pytest.raises(ManifestError, match=problem):
        prepare("voxceleb", tree, tmp_path / "data")


def test_trials_come_with_what_they_name(tree, write, tmp_path):
    a, b, c = (name.split("wav/")[1] for name in FILES[:3])
    trials = write("veri_test2.txt", f"1 {a} {b}\n0 {a} {c}\n")
    prepare("voxceleb", tree, tmp_path / "data", trials=(trials,))
    assert (tmp_path / "data/test/veri_test2.txt").read_text() == trials.read_text()
    named = read_manifest(tmp_path / "data/test/utterances.jsonl", Utterance)
    assert [u.id for u in named] == [a, b, c]
    assert soundfile.info(named[2].path).frames == 80


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "1 id10001/aaa/00001.wav id10001/zzz/00009.wav\n",
            "1 of the 2 recordings that it names are not below .*, the first id10001/zzz/00009.wav",
        ),
        ("id10001/aaa/00001.wav id10001/bbb/00001.wav target\n", ":1: expected lines as '1 id102"),
        ("\n", "no trials in it"),
    ],
)
def test_lists_that_cannot_be_used(tree, write, tmp_path, text, problem):
    with pytest.raises(ManifestError, match=rf"veri_test2\.txt.*{problem}"):
        prepare("voxceleb", tree, tmp_path / "data", trials=(write("veri_test2.txt", text),))


def test_two_lists_of_one_name(tree, write, tmp_path):
    trials = write("veri_test.txt", "1 a b\n")
    with pytest.raises(ManifestError, match=r"trials: two lists are called veri_test\.txt, .*"):
        prepare("voxceleb", tree, tmp_path / "data", trials=(trials, trials))


@pytest.mark.parametrize("text", ["", "id,sex\nid10001,m\n"])
def test_a_table_that_is_none(tree, write, tmp_path, text):
    with pytest.raises(ManifestError, match=r"meta\.csv: its first line has no columns Gender"):
        prepare("voxceleb", tree, tmp_path / "data", meta=(write("meta.csv", text),))


def test_files_as_voxceleb2_is_published(tree, tmp_path):
    folder = tree / "m4a/dev/aac/id00013/ggg"
    folder.mkdir(parents=True)
    (folder / "00001.m4a").write_bytes(b"not read")
    problem = r"1 files as dev/aac/id00013/ggg/00001\.m4a .* cannot be read\. Convert .*ffmpeg"
    with pytest.raises(ManifestError, match=problem):
        prepare("voxceleb", tree / "m4a", tmp_path / "data")
    with pytest.warns(UserWarning, match=r"skipped: 1 files as m4a/dev/aac/id00013"):
        prepare("voxceleb", tree, tmp_path / "data")
    sound(tree / "wav/dev/id00013/ggg/00001.wav")  # now it is converted, elsewhere
    numbers = prepare("voxceleb", tree, tmp_path / "data").num_records
    assert numbers["vox2_dev/utterances.jsonl"] == 2


def test_files_that_are_elsewhere_or_twice(tree, tmp_path):
    sound(tree / "loose.wav")
    with pytest.warns(UserWarning, match=r"skipped: 1 sound files, beside idX.*, the first loose"):
        prepare("voxceleb", tree, tmp_path / "data")
    (tree / "loose.wav").unlink()
    sound(tree / "zopy/id10001/aaa/00001.flac")
    with pytest.warns(UserWarning, match=r"skipped: 1 sound files, there already, the first id100"):
        numbers = prepare("voxceleb", tree, tmp_path / "data").num_records
    assert numbers["vox1_dev/utterances.jsonl"] == 2


def test_what_is_no_voxceleb(tmp_path):
    sound(tmp_path / "speech/anna/1.wav")
    with pytest.raises(ManifestError, match=r"no files as idXXXXX/VIDEO/.* There is: anna"):
        prepare("voxceleb", tmp_path / "speech", tmp_path / "data")


def test_trials_to_calibrate_with(tmp_path):
    root, sexes = tmp_path / "vox2/dev", {"id00012": "m", "id00013": "m", "id00014": "f"}
    for speaker in sexes:
        for file in ("aaa/00001", "aaa/00002", "bbb/00001"):
            sound(root / speaker / f"{file}.wav")
    meta = tmp_path / "vox2_meta.csv"
    rows = [f"{speaker} ,n ,{sex} ,dev\n" for speaker, sex in sexes.items()]
    meta.write_text("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\n" + "".join(rows))
    options = {"meta": (meta,), "calibration_trials": 10}
    prepare("voxceleb", root, tmp_path / "data", **options)
    trials = (tmp_path / "data/calibration/trials.txt").read_text().splitlines()
    assert len(set(trials)) == 10
    labels = [int(trial[0]) for trial in trials]
    assert labels == [1, 0] * 5
    for trial in trials:
        label, first, second = trial.split()
        (one, video, _), (other, other_video, _) = first.split("/"), second.split("/")
        assert (label == "1") == (one == other)
        assert sexes[one] == sexes[other]
        assert label == "0" or video != other_video
    used = read_manifest(tmp_path / "data/calibration/utterances.jsonl", Utterance)
    assert {u.id for u in used} == {name for trial in trials for name in trial.split()[1:]}
    prepare("voxceleb", root, tmp_path / "again", **options)
    assert (tmp_path / "again/calibration/trials.txt").read_text().splitlines() == trials
    with pytest.raises(ManifestError, match="50 are asked for, but after 1. hardly any are left"):
        prepare("voxceleb", root, tmp_path / "data", meta=(meta,), calibration_trials=50)


def test_too_few_speakers_to_calibrate_with(tree, tmp_path):
    with pytest.raises(ManifestError, match="4 are asked for, but the speakers .* are too few"):
        prepare("voxceleb", tree, tmp_path / "data", calibration_trials=4)
