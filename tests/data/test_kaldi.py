"""`prepare kaldi`: lists of voices, and of mixtures."""

import json
import warnings
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from wesep_like.data.corpora import prepare
from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.data.premixed import read_premixed
from wesep_like.data.simulation.plans import read_plans
from wesep_like.errors import ManifestError


def write_lists(folder, **lists):
    folder.mkdir(exist_ok=True)
    for name, lines in lists.items():
        (folder / name.replace("_", ".")).write_text("".join(f"{line}\n" for line in lines))
    return folder


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def utterances_of(folder):
    return read_manifest(folder / "utterances.jsonl", Utterance)


@pytest.fixture
def voices(tmp_path, write_wav):
    """Lists of three utterances of two speakers, one with a space in its path."""
    paths = [write_wav(name, 0.1, 8000) for name in ("a1.wav", "a 2.flac", "b1.wav")]
    return write_lists(
        tmp_path / "lists",
        wav_scp=[f"a-1 {paths[0]}", f"a-2 {paths[1]}", "", f"b-1\t{paths[2]}"],
        utt2spk=["b-1 b", "a-1 a", "a-2 a", "gone c"],
        spk2gender=["a f", "b m"],
    )


def test_a_list_of_voices(voices, tmp_path):
    prepared = prepare("kaldi", voices, tmp_path / "data")
    assert prepared.num_records == {"utterances.jsonl": 3}
    assert utterances_of(tmp_path / "data") == [
        Utterance("a-1", "a", str(tmp_path / "a1.wav"), 800, 8000, "F"),
        Utterance("a-2", "a", str(tmp_path / "a 2.flac"), 800, 8000, "F"),
        Utterance("b-1", "b", str(tmp_path / "b1.wav"), 800, 8000, "M"),
    ]


def test_speakers_may_be_in_spk2utt(voices, tmp_path):
    prepare("kaldi", voices, tmp_path / "one")
    (voices / "utt2spk").unlink()
    write_lists(voices, spk2utt=["a a-1 a-2", "b b-1"])
    prepare("kaldi", voices, tmp_path / "other")
    assert utterances_of(tmp_path / "one") == utterances_of(tmp_path / "other")


def test_relative_paths_count_from_where_the_command_runs(voices, tmp_path, monkeypatch):
    write_lists(voices, wav_scp=["a-1 a1.wav", "b-1 lists/../b1.wav"])
    monkeypatch.chdir(tmp_path)
    prepare("kaldi", "lists", "data")
    paths = [u.path for u in utterances_of(tmp_path / "data")]
    assert paths == [str(tmp_path / "a1.wav"), str(tmp_path / "b1.wav")]


def test_voices_in_a_kaldi_archive(tmp_path):
    samples = np.random.default_rng(0).integers(-9999, 9999, (3, 700)).astype(np.int16)
    lists = write_lists(tmp_path / "lists", utt2spk=[f"u{n} s" for n in range(3)])
    with kaldiio.WriteHelper(f"ark,scp:{tmp_path / 'wav.ark'},{lists / 'wav.scp'}") as writer:
        for number, one in enumerate(samples):
            writer(f"u{number}", (8000, one))
    prepare("kaldi", lists, tmp_path / "data")
    utterances = utterances_of(tmp_path / "data")
    assert [(u.id, u.num_samples, u.sample_rate) for u in utterances] == [
        (f"u{n}", 700, 8000) for n in range(3)
    ]
    assert utterances[0].path == f"{tmp_path / 'wav.ark'}:3"


def test_a_file_that_cannot_be_read_is_left_out_with_a_warning(voices, tmp_path):
    (tmp_path / "b1.wav").unlink()
    with pytest.warns(UserWarning, match=r"skipped: .*b1\.wav: there is no such file"):
        assert prepare("kaldi", voices, tmp_path / "data").num_skipped == 1
    assert [u.id for u in utterances_of(tmp_path / "data")] == ["a-1", "a-2"]


def test_mixtures_as_wesep_lists_them(wesep_lists, tmp_path):
    data, tree = tmp_path / "data", tmp_path / "Libri2Mix" / "test"
    prepared = prepare("kaldi", wesep_lists, data)
    assert prepared.num_records == {"premixed.jsonl": 4, "utterances.jsonl": 7, "mixtures.jsonl": 8}
    mixture = read_premixed(data / "premixed.jsonl")[0]
    name = "1-10-00_2-20-00"
    assert (mixture.id, mixture.num_samples, mixture.sample_rate) == (name, 8000, 8000)
    assert mixture.path == str(tree / "mix_clean" / f"{name}.wav")
    first, second = mixture.sources
    assert (first.speaker, first.utterance) == ("1", "1-10-00")
    assert (second.speaker, second.utterance) == ("2", "2-20-00")
    assert second.path == str(tree / "s2" / f"{name}.wav")
    # Each once; of the one that is in two mixtures the longer file.
    utterances = {u.id: u for u in utterances_of(data)}
    assert len(utterances) == 7
    assert utterances["1-10-00"].path == first.path
    assert utterances["3-30-02"].speaker == "3"


def test_each_speaker_of_a_mixture_is_a_target_once_with_its_fixed_enrollment(
    wesep_lists, tmp_path
):
    prepare("kaldi", wesep_lists, tmp_path / "data")
    plans = {plan.id: plan for plan in read_plans(tmp_path / "data" / "mixtures.jsonl")}
    assert len(plans) == 8
    tree = tmp_path / "Libri2Mix" / "test"
    for number in (1, 2):
        for line in (wesep_lists / f"spk{number}.enroll").read_text().splitlines():
            name, enrollment = line.split()
            plan = plans[f"s{number}/{name}"]
            assert plan.target.clip.path == str(tree / f"s{number}" / f"{name}.wav")
            assert plan.target.speaker == name.split("_")[number - 1].split("-")[0]
            assert plan.mixture.path == str(tree / "mix_clean" / f"{name}.wav")
            assert plan.enrollment.clip.path == str(tree / enrollment)
            about = soundfile.info(plan.enrollment.clip.path)
            assert plan.enrollment.clip.num_samples == about.frames
            assert plan.num_samples == soundfile.info(plan.mixture.path).frames


def test_without_a_map_an_enrollment_is_drawn_and_is_other_speech(wesep_lists, tmp_path):
    # So WeSep asks for it in training lists.
    names = [line.split()[0] for line in (wesep_lists / "wav.scp").read_text().splitlines()]
    write_lists(wesep_lists, spk1_enroll=[f"{n} *{n.split('_')[0]} x" for n in names])
    (wesep_lists / "spk2.enroll").unlink()
    for seed in (1, 1, 2):
        prepare("kaldi", wesep_lists, tmp_path / f"data{seed}", seed=seed)
    plans, others = (read_plans(tmp_path / f"data{n}" / "mixtures.jsonl") for n in (1, 2))
    assert len(plans) == 8
    assert plans != others
    utterances = {u.path: u for u in utterances_of(tmp_path / "data1")}
    for plan in plans:
        enrollment = utterances[plan.enrollment.clip.path]
        assert enrollment.speaker == plan.target.speaker
        number, name = plan.id.split("/")
        assert enrollment.id != name.split("_")[int(number[1]) - 1]


def test_only_wav_scp_and_utt2spk_are_needed(wesep_lists, tmp_path):
    for path in wesep_lists.iterdir():
        if path.name not in ("wav.scp", "utt2spk"):
            path.unlink()
    numbers = prepare("kaldi", wesep_lists, tmp_path / "data").num_records
    assert numbers == {"premixed.jsonl": 4, "utterances.jsonl": 7, "mixtures.jsonl": 8}


def test_mixtures_of_other_names_and_of_three_speakers(tmp_path, write_wav):
    for number in (1, 2):
        for kind in ("mix", "x", "y", "z"):
            write_wav(f"{kind}{number}.wav", 0.1, 8000)
    (tmp_path / "z1.wav").unlink()
    lists = write_lists(
        tmp_path / "lists",
        wav_scp=[
            f"m1 {tmp_path}/mix1.wav {tmp_path}/x1.wav {tmp_path}/y1.wav",
            f"m2 {tmp_path}/mix2.wav {tmp_path}/x2.wav {tmp_path}/y2.wav {tmp_path}/z2.wav",
        ],
        utt2spk=["m1 x y", "m2 x y z"],
    )
    with pytest.warns(UserWarning, match=r"so never a target: 1 of 5 .*, the first 'z' in 'm2'"):
        prepare("kaldi", lists, tmp_path / "data")
    assert [u.id for u in utterances_of(tmp_path / "data")] == [
        "s1/m1", "s1/m2", "s2/m1", "s2/m2", "s3/m2",
    ]  # fmt: skip
    plans = read_plans(tmp_path / "data" / "mixtures.jsonl")
    assert [plan.id for plan in plans] == ["s1/m1", "s2/m1", "s1/m2", "s2/m2"]
    assert [source.speaker for source in plans[3].sources] == ["y", "x", "z"]


def test_a_mixture_with_a_missing_file_is_left_out(wesep_lists, tmp_path):
    (tmp_path / "Libri2Mix/test/s2/2-20-01_3-30-00.wav").unlink()
    edit(wesep_lists / "spk1.enroll", "s2/2-20-01_3-30-00", "s2/1-10-00_3-30-02")
    edit(wesep_lists / "spk2.enroll", "s2/2-20-01_3-30-00", "s1/3-30-01_1-10-01")
    with pytest.warns(UserWarning, match=r"skipped: .*2-20-01_3-30-00\.wav: there is no such file"):
        prepare("kaldi", wesep_lists, tmp_path / "data")
    assert len(read_premixed(tmp_path / "data" / "premixed.jsonl")) == 3


def test_data_in_the_folder_of_the_lists_keep_the_paths_of_sounds_elsewhere(wesep_lists, tmp_path):
    prepare("kaldi", wesep_lists, tmp_path / "data")
    prepare("kaldi", wesep_lists, wesep_lists / "data")
    for name in ("premixed.jsonl", "utterances.jsonl", "mixtures.jsonl"):
        assert (tmp_path / "data" / name).read_text() == (wesep_lists / "data" / name).read_text()


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("wav.scp", "c", r"wav\.scp:5: expected 'UTT PATH, or UTT MIXTURE .*', got 'c'"),
        ("wav.scp", "a-1 x.wav", r"wav\.scp:5: 'a-1' is already on line 1"),
        ("wav.scp", "c-1 x.wav", r"wav\.scp:5: 'c-1' has no speaker in utt2spk"),
        ("wav.scp", "gone sox x.wav -t wav - |", r"wav\.scp:5: is a command, and none is run\."),
        ("wav.scp", "gone |touch hacked", r"wav\.scp:5: is a command, and none is run\."),
        ("utt2spk", "c", r"utt2spk:5: expected 'UTT SPK, or UTT SPK1 SPK2', got 'c'"),
        ("utt2spk", "a-1 b", r"utt2spk:5: 'a-1' is already on line 2"),
        ("spk2gender", "c", r"spk2gender:3: expected 'SPK SEX', got 'c'"),
    ],
)
def test_a_wrong_line_of_a_list_of_voices_is_told(voices, tmp_path, name, line, message):
    with (voices / name).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ManifestError, match=message):
        prepare("kaldi", voices, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_ten_wrong_lines_are_told_and_the_rest_counted(voices, tmp_path):
    write_lists(voices, wav_scp=[f"u{n} x.wav" for n in range(13)])
    with pytest.raises(ManifestError, match=r"wav\.scp:10: .*\n.*wav\.scp: and 3 more bad lines$"):
        prepare("kaldi", voices, tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("utt2spk", "00_2-20-00 1 2", "00_2-20-00 1 2 3",
         r"wav\.scp:1: expected a mixture and a source for each of the 3 speakers of '1-10-00_2-20-"
         r"00', got 3 paths"),
        ("utt2spk", "00_2-20-00 1 2", "00_2-20-00 2 2",
         r"wav\.scp:1: speaker '2' is in it twice\. No enrollment tells which"),
        ("wav.scp", "../s2/2-20-01_3-30-00", "../s2/1-10-00_2-20-00",
         r"wav\.scp:2: the mixture has 7500 samples at 8000 Hz, but .*s2/1-10-00_2-20-00\.wav has "
         r"8000 samples at 8000 Hz\. Expected the same"),
        ("wav.scp", ".wav\n", ".wav |\n", r"wav\.scp:1: is a command"),
        ("single.wav.scp", ".wav\n", ".wav |\n", r"single\.wav\.scp:1: is a command"),
        ("spk1.enroll", "s2/3-30-01_1-10-01", "s2/nobody",
         r"spk1\.enroll:1: 's2/nobody\.wav' is nothing that single\.wav\.scp or spk2enroll\.json"),
        ("spk1.enroll", "2-20-00 s2/3-30-01_1-10-01", "2-20-00 s2/2-20-01_3-30-00",
         r"spk1\.enroll:1: 's2/2-20-01_3-30-00\.wav' is of speaker '3'\. Expected one of '1'"),
        ("spk2.enroll", "1-10-00_2-20-00 s1/2-20-01_3-30-00.wav\n", "1-10-00_2-20-00\n",
         r"spk2\.enroll:1: expected 'MIXTURE ENROLLMENT', got '1-10-00_2-20-00'"),
        ("spk2enroll.json", "{", "", r"spk2enroll\.json:1: not JSON \(Extra data\)\. Expected "),
        ("spk2enroll.json", '"1": ', '"0": [["u"]], "1": ',
         r"spk2enroll\.json: speaker '0': expected .*, got \"\[\['u'\]\]"),
        ("spk2enroll.json", '.wav"]', '.wav |"]', r"spk2enroll\.json: speaker '1': is a command"),
        ("spk2enroll.json", '["2-20-00"', '["3-30-00"',
         r"wav\.scp: utterance '3-30-00' is of speaker '2' in .*, but of '3' in "),
    ],
)  # fmt: skip
def test_a_wrong_line_of_a_list_of_mixtures_is_told(wesep_lists, tmp_path, name, old, new, message):
    edit(wesep_lists / name, old, new)
    with pytest.raises(ManifestError, match=message):
        prepare("kaldi", wesep_lists, tmp_path / "data")


@pytest.mark.parametrize("enrollment", ["s1/1-10-00_3-30-02", "s1/1-10-00_2-20-00"])
def test_an_enrollment_that_is_the_target_is_kept_as_published(wesep_lists, tmp_path, enrollment):
    edit(wesep_lists / "spk1.enroll", "2-20-00 s2/3-30-01_1-10-01", f"2-20-00 {enrollment}")
    with pytest.warns(
        UserWarning, match=r"spk1\.enroll:1: 's1/.*' is what the target says in the m"
    ):
        prepare("kaldi", wesep_lists, tmp_path / "data")
    plan, *_ = read_plans(tmp_path / "data" / "mixtures.jsonl")
    assert plan.id == "s1/1-10-00_2-20-00"
    assert plan.enrollment.clip.path.endswith(f"{enrollment}.wav")


def test_lists_that_are_none(tmp_path, wesep_lists):
    data = tmp_path / "data"
    with pytest.raises(ManifestError, match=r"wav\.scp: cannot be read \(No such file.* Give a f"):
        prepare("kaldi", write_lists(tmp_path / "empty"), data)
    write_lists(tmp_path / "empty", wav_scp=["a a.wav"])
    with pytest.raises(ManifestError, match=r"utt2spk: cannot be read \(No such file"):
        prepare("kaldi", tmp_path / "empty", data)
    write_lists(tmp_path / "empty", wav_scp=[])
    with pytest.raises(ManifestError, match=r"wav\.scp: no lines in it\. Expected 'UTT PATH, or"):
        prepare("kaldi", tmp_path / "empty", data)
    (wesep_lists / "spk2enroll.json").write_text("[]")
    with pytest.raises(
        ManifestError, match=r"spk2enroll\.json: expected \{\"SPK\": .*, got '\[\]'"
    ):
        prepare("kaldi", wesep_lists, data)
    (wesep_lists / "spk2enroll.json").unlink()
    for path in (tmp_path / "Libri2Mix/test/mix_clean").iterdir():
        path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ManifestError, match=r"wav\.scp: of no mixture in it can all files be"):
            prepare("kaldi", wesep_lists, data)


def test_nobody_has_another_utterance(tmp_path, write_wav):
    paths = [write_wav(f"{name}.wav", 0.1, 8000) for name in "mab"]
    lists = write_lists(
        tmp_path / "lists", wav_scp=[f"m {' '.join(map(str, paths))}"], utt2spk=["m a b"]
    )
    with pytest.raises(ManifestError, match=r"wav\.scp: no speaker in it has an utterance beside"):
        prepare("kaldi", lists, tmp_path / "data")


def test_what_is_prepared_is_the_same_again(wesep_lists, tmp_path):
    for name in ("one", "two"):
        prepare("kaldi", wesep_lists, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_text() == (tmp_path / "two" / path.name).read_text()
        for line in path.read_text().splitlines():
            assert Path(json.loads(line).get("path", "/")).is_absolute()
