import itertools
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.data.corpora import prepare
from wesep_like.data.dataset import FixedMixtures, OnlineMixtures
from wesep_like.data.manifest import Noise, Room, Utterance, read_manifest, read_speech
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import read_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError, ManifestError, OutputError


def sound(path, seconds=0.1, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.random.default_rng(len(str(path))).standard_normal(round(seconds * rate))
    soundfile.write(path, samples, rate)
    return path


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def voices(tmp_path):
    root = tmp_path / "voices"
    sound(root / "ann" / "1.wav")
    sound(root / "ann" / "deep" / "down" / "1.flac", rate=16000)
    sound(root / "bob ü" / "x.WAV", seconds=0.2)
    return root


def test_a_folder_a_speaker(voices, tmp_path):
    seen = []
    progress = lambda done, total: seen.append((done, total))  # noqa: E731
    prepared = prepare("folder", voices, tmp_path / "data", progress=progress)
    assert prepared.folder == tmp_path / "data"
    assert prepared.num_records == {"utterances.jsonl": 3}
    assert prepared.num_skipped == 0
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert read_manifest(tmp_path / "data" / "utterances.jsonl", Utterance) == [
        Utterance("ann/1.wav", "ann", str(voices / "ann" / "1.wav"), 800, 8000),
        Utterance("ann/deep/down/1.flac", "ann", str(voices / "ann/deep/down/1.flac"), 1600, 16000),
        Utterance("bob ü/x.WAV", "bob ü", str(voices / "bob ü" / "x.WAV"), 1600, 8000),
    ]


def test_sounds_of_which_nothing_is_known(voices, tmp_path):
    sound(voices / "loose.wav")
    assert prepare("folder", voices, tmp_path, unlabelled=True).num_records == {
        "utterances.jsonl": 4
    }
    utterances = read_speech(tmp_path / "utterances.jsonl")
    assert [utterance.id for utterance in utterances][-1] == "loose.wav"
    assert {utterance.speaker for utterance in utterances} == {""}
    assert "speaker" not in (tmp_path / "utterances.jsonl").read_text()
    # Whoever wants speakers says what is missing, in one line.
    message = r"utterances\.jsonl: each of its 4 lines: 'speaker' is missing"
    with pytest.raises(ManifestError, match=message):
        read_manifest(tmp_path / "utterances.jsonl", Utterance)


def test_files_without_sound_or_a_speaker_are_left_out_with_a_warning(voices, tmp_path):
    (voices / "ann" / "empty.wav").touch()
    (voices / "ann" / "text.flac").write_text("no sound")
    (voices / "ann" / "notes.txt").write_text("no sound either")
    sound(voices / "ann" / ".hidden.wav")
    sound(voices / ".cache" / "1.wav")
    sound(voices / "loose.wav")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prepared = prepare("folder", voices, tmp_path / "data")
    assert prepared.num_skipped == 2
    assert prepared.num_records == {"utterances.jsonl": 3}
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 3
    assert messages[0].startswith(f"skipped: {voices / 'ann' / 'empty.wav'}: is empty")
    assert messages[1].startswith(f"skipped: {voices / 'ann' / 'text.flac'}: cannot be read")
    assert messages[2] == (
        "skipped: 1 sound files beside the speakers' folders, the first loose.wav"
    )


def test_ten_broken_files_are_named_and_the_rest_counted(voices, tmp_path):
    for number in range(13):
        (voices / "ann" / f"broken{number:02}.wav").touch()
    with pytest.warns(UserWarning, match="skipped: ") as caught:
        assert prepare("folder", voices, tmp_path / "data").num_skipped == 13
    assert len(caught) == 11
    assert "broken09.wav" in str(caught[9].message)
    assert str(caught[10].message) == "skipped: 3 more files"


def test_linked_folders_are_followed_but_not_in_circles(voices, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    sound(tmp_path / "elsewhere" / "y.wav")
    (voices / "eve").symlink_to(tmp_path / "elsewhere")
    (voices / "ann" / "up").symlink_to(voices)
    prepare("folder", voices, tmp_path / "data")
    ids = [u.id for u in read_manifest(tmp_path / "data" / "utterances.jsonl", Utterance)]
    assert ids == ["ann/1.wav", "ann/deep/down/1.flac", "bob ü/x.WAV", "eve/y.wav"]


@pytest.mark.parametrize("place", ["voices/data", "."])
def test_a_data_folder_and_its_corpus_can_be_moved_together(voices, tmp_path, place):
    prepare("folder", voices, tmp_path / place)
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name} moved"))
    for utterance in read_manifest(moved / place / "utterances.jsonl", Utterance):
        assert soundfile.info(utterance.path).frames == utterance.num_samples


def test_paths_are_absolute_where_the_two_are_apart(voices, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare("folder", "voices", "data")
    monkeypatch.chdir("/")
    for utterance in read_manifest(tmp_path / "data" / "utterances.jsonl", Utterance):
        assert Path(utterance.path).is_absolute()
        assert Path(utterance.path).is_file()


def test_what_cannot_be_prepared(voices, tmp_path):
    data = tmp_path / "data"
    with pytest.raises(
        ConfigError, match=r"'foldr' \(did you mean 'folder'\?\)\. Known: libri2mix, "
    ):
        prepare("foldr", voices, data)
    with pytest.raises(ConfigError, match=r"^sed: there is no such option \(did you mean 'seed'"):
        prepare("kaldi", voices, data, sed=1)
    with pytest.raises(ManifestError, match=r"none: there is no such folder\. Give the folder of"):
        prepare("folder", tmp_path / "none", data)
    (tmp_path / "bare").mkdir()
    with pytest.raises(ManifestError, match=r"bare: has no sound files\. Give the folder of"):
        prepare("folder", tmp_path / "bare", data)
    sound(tmp_path / "flat" / "1.wav")
    with pytest.raises(ManifestError, match=r"flat: has 1 sound files, but no speaker's folder wi"):
        prepare("folder", tmp_path / "flat", data)
    (tmp_path / "broken" / "ann").mkdir(parents=True)
    (tmp_path / "broken" / "ann" / "1.wav").touch()
    with (
        pytest.warns(UserWarning, match="is empty"),
        pytest.raises(ManifestError, match=r"broken: has 1 sound files and none can be read"),
    ):
        prepare("folder", tmp_path / "broken", data)
    with pytest.raises(ManifestError, match=r"voices: no sound files in LibriSpeech/train-clean-1"):
        prepare("mini", voices, data)
    assert contents(data) == {}
    data.rmdir()
    data.write_text("a file")
    with pytest.raises(OutputError, match=r"data: cannot be made a folder \(File exists\)"):
        prepare("folder", voices, data)


@pytest.fixture(scope="session")
def mini(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mini")
    with warnings.catch_warnings():
        # Two files of the corpus end without the mark that says so.
        warnings.filterwarnings("ignore", message=r"skipped: .*so9616.* is cut short")
        return prepare("mini", shared / "corpus", folder)


def utterances_of(mini, part):
    return read_manifest(mini.folder / part / "utterances.jsonl", Utterance)


def test_mini_has_what_there_is(mini):
    num_speech = sum(len(utterances_of(mini, part)) for part in ("train", "dev", "test"))
    assert num_speech + mini.num_skipped == 959 + 50 + 4520
    assert mini.num_skipped <= 2
    assert len(read_manifest(mini.folder / "train/noise.jsonl", Noise)) == 401
    rooms = read_manifest(mini.folder / "train/rooms.jsonl", Room)
    assert len(rooms) == 10
    assert {(room.room, room.num_channels) for room in rooms} == {("surrey_roomA", 2)}
    for name, number in mini.num_records.items():
        assert len((mini.folder / name).read_text().splitlines()) == number


def test_mini_trains_on_no_speaker_of_dev_or_test(mini):
    train, dev, test = (
        {u.speaker for u in utterances_of(mini, part)} for part in ("train", "dev", "test")
    )
    assert (len(train), len(dev), len(test)) == (445, 20, 5)
    assert not train & dev
    assert not (train | dev) & test
    assert sum(speaker.startswith("so") for speaker in dev) == 8
    assert train >= {"19", "26", "4088", "4406", "5652", "8226"}  # most of LibriSpeech's part
    heard_in_dev = [
        source.speaker
        for plan in read_plans(mini.folder / "dev/mixtures.jsonl")
        for source in plan.sources
    ]
    assert set(heard_in_dev) == dev
    sexes = {u.speaker: u.sex for u in utterances_of(mini, "train")}
    assert (sexes["19"], sexes["26"]) == ("F", "M")
    assert {sex for speaker, sex in sexes.items() if speaker.startswith("so")} == {None}


def test_mini_tests_each_utterance_as_the_target_once(mini):
    utterances = {u.path: u for u in utterances_of(mini, "test")}
    plans = read_plans(mini.folder / "test/mixtures.jsonl")
    assert sorted(plan.target.clip.path for plan in plans) == sorted(utterances)
    for plan in plans:
        (interferer,) = plan.interferers
        enrollment = utterances[plan.enrollment.clip.path]
        assert enrollment.speaker == plan.target.speaker != interferer.speaker
        assert enrollment.path != plan.target.clip.path
        assert plan.enrollment.clip.num_samples == enrollment.num_samples >= 3 * 16000
        assert -5 <= interferer.sir_db <= 5
        lengths = [utterances[s.clip.path].num_samples for s in plan.sources]
        assert plan.num_samples == min(lengths)
        assert plan.noise is plan.target.response is None
    assert len({plan.interferers[0].sir_db for plan in plans}) == 50


@pytest.mark.parametrize("part", ["dev", "test"])
def test_mini_trials_are_all_pairs(mini, part):
    path = mini.folder / part / "trials.txt"
    trials = [line.split() for line in path.read_text().splitlines()]
    speakers = {u.id: u.speaker for u in utterances_of(mini, part)}
    assert len(trials) == len(speakers) * (len(speakers) - 1) // 2
    pairs = {frozenset(trial[1:]) for trial in trials}
    assert pairs == set(map(frozenset, itertools.combinations(speakers, 2)))
    for label, first, second in trials:
        assert label == str(int(speakers[first] == speakers[second]))
    counts = Counter(trial[0] for trial in trials)
    assert part == "dev" or counts == {"1": 5 * 45, "0": 1000}
    assert counts["1"] > 100


@pytest.mark.parametrize("part", ["dev", "test"])
def test_mini_mixtures_can_be_heard(mini, part):
    mixtures = FixedMixtures(read_plans(mini.folder / part / "mixtures.jsonl"), AudioStore(16000))
    assert len(mixtures) == {"dev": 60, "test": 50}[part]
    batch = render(collate([mixtures[number] for number in range(0, len(mixtures), 5)]))
    assert (batch.mixture - batch.target - batch.interference).abs().max() < 1e-6
    assert batch.target.square().mean(-1).min() > 1e-6


def test_mini_can_be_trained_on(mini):
    train = mini.folder / "train"
    options = SimulationOptions(
        str(train / "utterances.jsonl"),
        noise=str(train / "noise.jsonl"),
        rooms=str(train / "rooms.jsonl"),
        room_probability=0.5,
        noise_probability=0.5,
        target_kind="reverberant",
    )
    planner = MixturePlanner.from_manifests(options, 16000)
    mixtures = OnlineMixtures(planner, AudioStore(16000), 1)
    batch = render(collate([mixtures[number] for number in range(8)]))
    assert (batch.mixture - batch.target - batch.interference - batch.noise).abs().max() < 1e-6
    assert batch.mixture.shape == (8, 48000)


@pytest.mark.slow
def test_mini_is_prepared_alike_again_and_otherwise_with_another_seed(shared, mini, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepare("mini", shared / "corpus", tmp_path / "again")
        prepare("mini", shared / "corpus", tmp_path / "other", seed=2)
    assert contents(tmp_path / "again") == contents(mini.folder)
    other = contents(tmp_path / "other")
    changed = {str(n) for n, text in contents(mini.folder).items() if text != other[n]}
    assert changed == {
        "train/utterances.jsonl",
        "dev/utterances.jsonl",
        "dev/mixtures.jsonl",
        "test/mixtures.jsonl",
    }
