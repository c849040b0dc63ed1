"""`prepare libri2mix`: a LibriMix tree of any variant."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.data.corpora import prepare
from wesep_like.data.dataset import FixedMixtures
from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.data.premixed import read_premixed
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import read_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError, ManifestError

TEST = ["7-70-00_8-80-00", "7-70-00_9-90-02", "8-80-01_9-90-00", "9-90-01_7-70-01"]
# As SpeakerBeam's, with two speakers' only other utterance in the first and the third mixture.
MAP = """\
7-70-00_8-80-00 7-70-00 s2/9-90-01_7-70-01
7-70-00_8-80-00 8-80-00 s1/8-80-01_9-90-00
7-70-00_9-90-02 7-70-00 s2/9-90-01_7-70-01
7-70-00_9-90-02 9-90-02 s2/8-80-01_9-90-00
8-80-01_9-90-00 8-80-01 s2/7-70-00_8-80-00
8-80-01_9-90-00 9-90-00 s1/9-90-01_7-70-01
9-90-01_7-70-01 9-90-01 s2/8-80-01_9-90-00
9-90-01_7-70-01 7-70-01 s1/7-70-00_8-80-00
"""


def index(root, data, *maps, **options):
    options = {"sample_rate": 8000, "enroll_map": maps, **options}
    return prepare("libri2mix", root, data, **options)


def plans_of(data, part="test"):
    return {plan.id: plan for plan in read_plans(data / part / "mixtures.jsonl")}


def about(data, part="test"):
    return json.loads((data / part / "about.json").read_text())


def enrolled(data):
    """The enrollments of test: target -> s1/MIXTURE."""
    return {
        name: "/".join(Path(plan.enrollment.clip.path).with_suffix("").parts[-2:])
        for name, plan in plans_of(data).items()
    }


def write(path, text):
    path.write_text(text)
    return path


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def tree(librimix_tree):
    """The test set's folder in the tree."""
    return librimix_tree / "wav8k" / "min" / "test"


@pytest.fixture
def map_file(tmp_path):
    return write(tmp_path / "map_mixture2enrollment", MAP)


def test_train_dev_and_test(librimix_tree, tree, data):
    numbers = index(librimix_tree, data).num_records
    assert numbers == {
        "train/premixed.jsonl": 3,
        "train/utterances.jsonl": 6,
        "dev/premixed.jsonl": 3,
        "dev/utterances.jsonl": 6,
        "dev/mixtures.jsonl": 6,
        "dev/map_mixture2enrollment": 6,
        "dev/jobs.tsv": 6,
        "test/premixed.jsonl": 4,
        "test/utterances.jsonl": 7,
        "test/mixtures.jsonl": 8,
        "test/map_mixture2enrollment": 8,
        "test/jobs.tsv": 8,
    }
    mixtures = read_premixed(data / "test/premixed.jsonl")
    assert [mixture.id for mixture in mixtures] == TEST
    assert mixtures[1].path == str(tree / "mix_clean" / f"{TEST[1]}.wav")
    assert (mixtures[1].num_samples, mixtures[1].sample_rate) == (1900, 8000)
    assert [(s.speaker, s.utterance) for s in mixtures[1].sources] == [
        ("7", "7-70-00"),
        ("9", "9-90-02"),
    ]
    assert mixtures[1].sources[1].path == str(tree / "s2" / f"{TEST[1]}.wav")
    utterances = {u.id: u for u in read_manifest(data / "test/utterances.jsonl", Utterance)}
    assert utterances["7-70-00"].num_samples == 2000  # of the two mixtures that have it the longer
    assert about(data) == {
        "corpus": "Libri2Mix",
        "variant": "wav8k/min/test/mix_clean",
        "enrollments": "drawn with seed 1",
    }


def test_each_speaker_of_each_mixture_is_the_target_once(librimix_tree, tree, data):
    index(librimix_tree, data)
    plans = plans_of(data)
    assert sorted(plans) == sorted(f"{part}/{name}" for name in TEST for part in ("s1", "s2"))
    for name, plan in plans.items():
        part, mixture = name.split("/")
        assert plan.target.clip.path == str(tree / part / f"{mixture}.wav")
        assert plan.target.speaker == mixture.split("_")[int(part[1]) - 1][0]
        assert plan.mixture.path == str(tree / "mix_clean" / f"{mixture}.wav")
        assert plan.enrollment.clip.num_samples == soundfile.info(plan.enrollment.clip.path).frames
    jobs = [line.split("\t") for line in (data / "test/jobs.tsv").read_text().splitlines()]
    assert jobs[0] == ["mixture", "enroll", "output"]
    assert jobs[1:] == [
        [plan.mixture.path, plan.enrollment.clip.path, f"{plan.id}.wav"] for plan in plans.values()
    ]


def test_what_is_drawn_is_other_speech_and_another_seed_draws_other(librimix_tree, tmp_path):
    for seed in (1, 2):
        index(librimix_tree, tmp_path / str(seed), seed=seed)
        for target, enrollment in enrolled(tmp_path / str(seed)).items():
            said, heard = (
                name.split("/")[1].split("_")[int(name[1]) - 1] for name in (target, enrollment)
            )
            assert said[0] == heard[0]
            assert said != heard
    assert enrolled(tmp_path / "1") != enrolled(tmp_path / "2")


def test_a_map_that_was_drawn_can_be_given_again(librimix_tree, tmp_path):
    index(librimix_tree, tmp_path / "one", seed=3)
    maps = [tmp_path / "one" / part / "map_mixture2enrollment" for part in ("test", "dev")]
    index(librimix_tree, tmp_path / "two", *maps, seed=4)
    for part in ("dev", "test"):
        for name in ("mixtures.jsonl", "map_mixture2enrollment", "jobs.tsv", "utterances.jsonl"):
            one, two = (tmp_path / folder / part / name for folder in ("one", "two"))
            assert one.read_text() == two.read_text()
    assert about(tmp_path / "two")["enrollments"] == "map_mixture2enrollment, 8 of 8 fixed"
    assert about(tmp_path / "two", "dev")["enrollments"] == "map_mixture2enrollment, 6 of 6 fixed"


def test_enrollments_are_those_of_the_map(librimix_tree, data, map_file):
    index(librimix_tree, data, map_file)
    assert (data / "test/map_mixture2enrollment").read_text() == MAP
    assert list(enrolled(data).values()) == [line.split()[2] for line in MAP.splitlines()]
    assert about(data, "dev")["enrollments"] == "drawn with seed 1"


def test_what_the_map_leaves_open_is_drawn(librimix_tree, data, map_file):
    map_file.write_text("\n".join(MAP.splitlines()[:-3]) + "\n")
    with pytest.warns(
        UserWarning,
        match=r"map_mixture2enrollment: says nothing of 3 of the 8 targets of test, the first "
        r"s2/8-80-01_9-90-00\. Theirs are drawn",
    ):
        index(librimix_tree, data, map_file)
    assert len(plans_of(data)) == 8
    assert about(data)["enrollments"] == (
        "map_mixture2enrollment, 5 of 8 fixed, the others drawn with seed 1"
    )


def test_an_enrollment_that_is_the_target_is_kept_as_published(librimix_tree, data, map_file):
    # The published map of the test set has both: the file itself, and the words in another mixture.
    lines = MAP.splitlines()
    lines[1] = f"{TEST[0]} 8-80-00 s2/{TEST[0]}"
    lines[2] = f"{TEST[1]} 7-70-00 s1/{TEST[0]}"
    map_file.write_text("\n".join(lines))
    with pytest.warns(UserWarning, match=r"enrollment:2: .* says in the mixture; so in 2 of 8 lin"):
        index(librimix_tree, data, map_file)
    assert enrolled(data)[f"s2/{TEST[0]}"] == f"s2/{TEST[0]}"
    assert about(data)["enrollments"] == (
        "map_mixture2enrollment, 8 of 8 fixed (2 with what the target says)"
    )


def test_a_map_may_name_files(librimix_tree, tmp_path, data, map_file, write_wav):
    other = write_wav("other voice.wav", 0.2, 16000)
    map_file.write_text(MAP.replace("s2/9-90-01_7-70-01", str(other)))
    index(librimix_tree, data, map_file)
    assert plans_of(data)[f"s1/{TEST[0]}"].enrollment.clip.path == str(other)
    again = data / "test/map_mixture2enrollment"
    assert again.read_text() == map_file.read_text()
    index(librimix_tree, tmp_path / "again", again)
    assert plans_of(tmp_path / "again") == plans_of(data)


def test_the_maps_of_wesep(librimix_tree, data, tmp_path, tree):
    lists = tmp_path / "lists"
    lists.mkdir()
    for number in (1, 2):
        lines = [line.split() for line in MAP.splitlines()][number - 1 :: 2]
        text = "".join(f"{mixture} {name}.wav\n" for mixture, _, name in lines)
        write(lists / f"spk{number}.enroll", text)
    # One by its path, one by what spk2enroll.json calls it, one that is to be drawn.
    text = (lists / "spk2.enroll").read_text()
    text = text.replace("s1/8-80-01_9-90-00.wav", str(tree / "s1" / "8-80-01_9-90-00.wav"))
    text = text.replace("s1/9-90-01_7-70-01.wav", "nine")
    write(lists / "spk2.enroll", text.replace("s1/7-70-00_8-80-00.wav", "*7-70-01 7"))
    nine = str(tree / "s1" / "9-90-01_7-70-01.wav")
    write(lists / "spk2enroll.json", json.dumps({"9": [["nine", nine]]}))
    with pytest.warns(UserWarning, match="says nothing of 1 of the 8 targets"):
        index(librimix_tree, data, lists / "spk1.enroll", lists / "spk2.enroll")
    assert about(data)["enrollments"] == (
        "spk1.enroll, spk2.enroll, 7 of 8 fixed, the others drawn with seed 1"
    )
    # What could be drawn for the last one is one of two files of one utterance, the longer.
    assert (data / "test/map_mixture2enrollment").read_text() == MAP


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a b", r"enrollment:9: expected 'MIXTURE UTTERANCE ENROLLMENT', got 'a b'"),
        ("1-1_2-2 1-1 s1/x", r"enrollment:9: no mixture is called '1-1_2-2' in dev or test"),
        ("7-70-00_8-80-00 9-90-00 s1/x", r"enrollment:9: '9-90-00' is not in the mixture '7-70-00"),
        ("7-70-00_8-80-00 7-70-00 s1/x", r":9: '7-70-00_8-80-00' and this target are already in .*"
         r"enrollment:1"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_a_map_is_told(librimix_tree, data, map_file, line, message):
    map_file.write_text(f"{MAP}{line}\n")
    with pytest.raises(ManifestError, match=message):
        index(librimix_tree, data, map_file)


@pytest.mark.parametrize(
    ("enrollment", "message"),
    [
        ("s1/nothing", r"enrollment:2: 's1/nothing' is nothing that the set has, and no file, or "),
        ("s3/8-80-01_9-90-00", r"enrollment:2: 's3/8-80-01_9-90-00' is nothing that the set has"),
        ("s2/8-80-01_9-90-00", r"enrollment:2: 's2/8-80-01_9-90-00' is of speaker '9'\. Expected "),
    ],
)
def test_a_wrong_enrollment_is_told(librimix_tree, data, map_file, enrollment, message):
    map_file.write_text(MAP.replace("8-80-00 s1/8-80-01_9-90-00", f"8-80-00 {enrollment}"))
    with pytest.raises(ManifestError, match=message):
        index(librimix_tree, data, map_file)


def test_a_map_that_is_none(librimix_tree, data, tmp_path, map_file):
    with pytest.raises(
        ManifestError, match=r"none: cannot be read .* Give a map_mixture2enrollmen"
    ):
        index(librimix_tree, data, tmp_path / "none")
    with pytest.raises(ManifestError, match=r"empty: no lines in it\. Expected 'MIXTURE UTT"):
        index(librimix_tree, data, write(tmp_path / "empty", "\n"))
    map_file.write_text("1-1_2-2 1-1 s1/x\n1-1_2-2 2-2 s1/x\n")
    with pytest.raises(
        ManifestError, match=r"names no mixture of dev or test, but '1-1_2-2' and others\. Give the"
    ):
        index(librimix_tree, data, map_file)
    for part in ("dev", "test"):
        shutil.rmtree(librimix_tree / "wav8k/min" / part)
    with pytest.raises(ManifestError, match="names no mixture of dev or test, for there is none, "):
        index(librimix_tree, data, map_file)


@pytest.mark.parametrize("kind", ["mix_clean", "mix_both", "mix_single"])
def test_any_kind_of_mixtures(librimix_tree, tree, data, kind, map_file):
    index(librimix_tree, data, map_file, mixtures=kind)
    plans = plans_of(data)
    assert len(plans) == (4 if kind == "mix_single" else 8)
    assert about(data)["variant"] == f"wav8k/min/test/{kind}"
    batch = render(collate([FixedMixtures(list(plans.values()), AudioStore(8000))[0]]))
    mixture, s1, s2, noise = (
        soundfile.read(tree / part / f"{TEST[0]}.wav", dtype="float32")[0]
        for part in (kind, "s1", "s2", "noise")
    )
    assert np.array_equal(batch.mixture[0].numpy(), mixture)
    assert np.array_equal(batch.target[0].numpy(), s1)
    rest = {"mix_clean": s2, "mix_both": s2 + noise, "mix_single": noise}[kind]
    assert np.abs(batch.interference[0].numpy() - rest).max() < 1e-6


def test_any_rate_mode_and_training_set(librimix_tree, make_librimix, data):
    train = {"train_100": ("1-1-0_2-2-0",), "train_360": ("3-3-0_4-4-0", "4-4-1_3-3-1")}
    root = make_librimix(16000, "max", **train)
    options = {"sample_rate": 16000, "mode": "max"}
    for train_set, num in (("train-100", 1), ("train-360", 2), ("both", 3)):
        with pytest.warns(
            UserWarning, match=r"^left out: (dev|test)\. There is no .*/max/(dev|test)"
        ):
            numbers = index(root, data, train_set=train_set, **options).num_records
        assert numbers == {"train/premixed.jsonl": num, "train/utterances.jsonl": 2 * num}


@pytest.mark.filterwarnings("ignore:left out")
def test_a_set_to_train_on_that_is_asked_for_must_be_there(librimix_tree, data):
    with pytest.raises(
        ManifestError, match=r"train-360/mix_clean: no such folder, but train-360 is"
    ):
        index(librimix_tree, data, train_set="train-360")


def test_three_speakers(make_librimix, data):
    names = ("1-1-0_2-2-0_3-3-0", "3-3-1_1-1-1_2-2-1")
    root = make_librimix(test=names)
    with pytest.warns(UserWarning, match="left out"):
        index(root, data)
    assert list(enrolled(data).items()) == [
        ("s1/1-1-0_2-2-0_3-3-0", "s2/3-3-1_1-1-1_2-2-1"),
        ("s2/1-1-0_2-2-0_3-3-0", "s3/3-3-1_1-1-1_2-2-1"),
        ("s3/1-1-0_2-2-0_3-3-0", "s1/3-3-1_1-1-1_2-2-1"),
        ("s1/3-3-1_1-1-1_2-2-1", "s3/1-1-0_2-2-0_3-3-0"),
        ("s2/3-3-1_1-1-1_2-2-1", "s1/1-1-0_2-2-0_3-3-0"),
        ("s3/3-3-1_1-1-1_2-2-1", "s2/1-1-0_2-2-0_3-3-0"),
    ]
    assert about(data)["corpus"] == "Libri3Mix"


def test_names_of_other_forms(make_librimix, data):
    with pytest.warns(UserWarning, match="left out"):
        index(make_librimix(test=("anna-1_ben", "ben-2_anna")), data)
    mixtures = read_premixed(data / "test/premixed.jsonl")
    assert [(s.speaker, s.utterance) for s in mixtures[0].sources] == [
        ("anna", "anna-1"),
        ("ben", "ben"),
    ]


def test_sexes_are_known_from_librispeechs_table(librimix_tree, data, tmp_path):
    lines = [f"{speaker} | {'FM'[speaker % 2]} | x | 1 | Name\n" for speaker in range(1, 9)]
    speakers = write(tmp_path / "SPEAKERS.TXT", "".join(lines))
    with pytest.warns(UserWarning, match=r"SPEAKERS\.TXT: says nothing of 1 speakers, the first 9"):
        index(librimix_tree, data, speakers=speakers)
    found = read_manifest(data / "test/utterances.jsonl", Utterance)
    assert {u.speaker: u.sex for u in found} == {"7": "M", "8": "F", "9": None}
    with pytest.raises(
        ManifestError, match=r"nowhere: cannot be read .* Give LibriSpeech's SPEAKERS"
    ):
        index(librimix_tree, data, speakers=tmp_path / "nowhere")


def broken(tree, how):
    """Spoils one of the four mixtures of test; what is said of it."""
    path = tree / "s2" / f"{TEST[1]}.wav"
    samples, rate = soundfile.read(path)
    if how == "missing":
        path.unlink()
    elif how == "silent":
        soundfile.write(path, 0 * samples, rate)
    elif how == "short":
        soundfile.write(path, samples[:-1], rate)
    elif how == "other rate":
        for part in ("mix_clean", "s1", "s2"):
            soundfile.write(tree / part / f"{TEST[1]}.wav", samples, 16000)
    elif how == "without mixture":
        (tree / "mix_clean" / path.name).unlink()
    elif how == "one name":
        for part in ("mix_clean", "s1", "s2"):
            (tree / part / path.name).rename(tree / part / "7-70-00.wav")
    elif how == "one speaker":
        for part in ("mix_clean", "s1", "s2"):
            (tree / part / path.name).rename(tree / part / "7-70-00_7-70-09.wav")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", r"^skipped: .*s2/7-70-00_9-90-02\.wav: there is no such file"),
        ("silent", r"^skipped: .*s2/7-70-00_9-90-02\.wav: is silent \(all of its 1900 samples are"),
        ("short", r"^skipped: .*mix_clean/7-70-00_9-90-02\.wav: has 1900 samples at 8000 Hz, but .*"
         r"s2/7-70-00_9-90-02\.wav has 1899 samples at 8000 Hz"),
        ("other rate", r"^skipped: .*9-90-02\.wav: is at 16000 Hz\. Expected 8000 Hz, as its fol"),
        ("without mixture", r"^skipped: .*mix_clean/7-70-00_9-90-02\.wav: there is no such file"),
        ("one name", r"^skipped: .*7-70-00\.wav: is called after other than 2 utterances"),
        ("one speaker", r"^skipped: .*7-70-09\.wav: speaker '7' is in it twice"),
    ],
)  # fmt: skip
def test_a_mixture_that_cannot_be_used_is_left_out(librimix_tree, tree, data, how, message):
    broken(tree, how)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        index(librimix_tree, data)
    first, *others = (str(warning.message) for warning in caught if "names 4" not in str(warning))
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(first)
    assert others == [f"{tree / 'mix_clean'}: 1 of 4 mixtures are left out"]
    assert [m.id for m in read_premixed(data / "test/premixed.jsonl")] == [TEST[0], *TEST[2:]]


@pytest.mark.parametrize("part", ["s2", "?*"])
def test_a_map_may_name_a_mixture_that_is_left_out(librimix_tree, tree, data, map_file, part):
    for path in tree.glob(f"{part}/{TEST[1]}.wav"):
        path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        index(librimix_tree, data, map_file)
    assert about(data)["enrollments"] == "map_mixture2enrollment, 6 of 6 fixed"


def test_ten_mixtures_are_named_and_the_rest_counted(make_librimix, data):
    names = tuple(f"1-1-{n:02}_2-2-{n:02}" for n in range(14))
    root = make_librimix(test=names)
    for name in names[:13]:
        soundfile.write(root / "wav8k/min/test/s1" / f"{name}.wav", np.ones(9), 8000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ManifestError, match="no speaker in it has an utterance beside"):
            index(root, data)
    messages = [str(warning.message) for warning in caught][2:]
    assert len(messages) == 12
    assert "1-1-09_2-2-09.wav: has" in messages[9]
    assert messages[10] == "skipped: 3 more mixtures"


def test_what_the_metadata_name_and_is_not_there_is_told(librimix_tree, tree, data):
    for part in ("mix_clean", "s1", "s2"):
        (tree / part / f"{TEST[1]}.wav").unlink()
    with pytest.warns(
        UserWarning,
        match=r"mixture_test_mix_clean\.csv: names 4 mixtures, and of 1 there is no file, as of "
        r"7-70-00_9-90-02",
    ):
        index(librimix_tree, data)
    assert len(plans_of(data)) == 6
    write(tree.parent / "metadata/mixture_test_mix_clean.csv", "mixture,length\n")
    with pytest.raises(
        ManifestError, match=r"clean\.csv:1: expected a column mixture_ID, got mixt"
    ):
        index(librimix_tree, data)


def test_nothing_is_left_of_a_set(librimix_tree, tree, data):
    for path in (tree / "s2").iterdir():
        path.unlink()
    with (
        pytest.warns(UserWarning, match="there is no such file"),
        pytest.raises(
            ManifestError, match=r"test/mix_clean: of no mixture in it can all files be "
        ),
    ):
        index(librimix_tree, data)


def test_no_such_variant(librimix_tree, tree, data):
    with pytest.raises(
        ManifestError,
        match=r"Libri2Mix: has no wav16k/min/{train-100,dev,test}/mix_clean\. Expected wav16k\|wav8"
        r".*There is: wav8k/min/dev/mix_both, wav8k/min/dev/mix_clean, ",
    ):
        prepare("libri2mix", librimix_tree, data)
    with pytest.raises(
        ManifestError, match=r"There is: metadata, test, train-100|There is: dev, me"
    ):
        index(tree.parent, data)
    with pytest.raises(ManifestError, match=r"There is: Libri2Mix"):
        index(librimix_tree.parent, data)
    shutil.rmtree(tree / "noise")
    index(librimix_tree, data)
    with pytest.raises(
        ManifestError, match=r"test: has mix_both, but no folder noise\. There is: m"
    ):
        index(librimix_tree, data, mixtures="mix_both")
    shutil.rmtree(tree / "s2")
    with pytest.raises(
        ManifestError, match=r"test: has mix_clean, but no folder s2\. There is: mix"
    ):
        index(librimix_tree, data)


def test_options_that_are_none(librimix_tree, data):
    for name, value, message in (
        ("sample_rate", 44100, "sample_rate: expected 16000 or 8000, got 44100"),
        ("mode", "mim", "mode: expected 'min' or 'max', got 'mim'"),
        ("mixtures", "clean", "mixtures: expected 'mix_clean', 'mix_both' or 'mix_single', got"),
        ("train_set", "train", "train_set: expected 'train-100', 'train-360', 'both' or null, got"),
    ):
        with pytest.raises(ConfigError, match=f"^{message}"):
            index(librimix_tree, data, **{name: value})


def test_a_tree_and_its_data_can_be_moved_together(librimix_tree, tmp_path):
    index(librimix_tree, librimix_tree / "data")
    moved = librimix_tree.rename(tmp_path / "moved")
    plan = plans_of(moved / "data")[f"s1/{TEST[0]}"]
    assert soundfile.info(plan.mixture.path).frames == 2000
    job = (moved / "data/test/jobs.tsv").read_text().splitlines()[1].split("\t")
    assert job[0] == f"../../wav8k/min/test/mix_clean/{TEST[0]}.wav"
    assert (moved / "data/test" / job[1]).is_file()
    assert job[2] == f"s1/{TEST[0]}.wav"
