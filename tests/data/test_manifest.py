import json
from dataclasses import asdict

import pytest

from wesep_like.data.manifest import Noise, Room, Utterance, read_manifest, write_manifest
from wesep_like.errors import ManifestError, OutputError

LINE = {"id": "0-0", "speaker": "0", "path": "0/0.wav", "num_samples": 8000, "sample_rate": 8000}


def manifest(tmp_path, *lines):
    path = tmp_path / "u.jsonl"
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    )
    return path


@pytest.mark.parametrize(
    "record",
    [
        Utterance("ü-1", "ü", "/a/b c.wav", 3, 16000, "F"),
        Utterance("u", "s", "/a/b.wav", 3, 16000),
        Noise("n", "/n.wav", 1, 8000),
        Room("r", "/r.wav", 5, 16000, 2, "kitchen"),
    ],
)
def test_a_record_is_read_as_it_was_written(tmp_path, record):
    path = tmp_path / "new" / "folder" / "m.jsonl"
    write_manifest(path, [record])
    assert read_manifest(path, type(record)) == [record]
    assert [p.name for p in path.parent.iterdir()] == ["m.jsonl"]


def test_relative_paths_are_relative_to_the_manifest(tmp_path):
    (utterance,) = read_manifest(manifest(tmp_path, LINE), Utterance)
    assert utterance.path == str(tmp_path / "0" / "0.wav")


def test_empty_lines_are_no_records(tmp_path):
    path = manifest(tmp_path, "", LINE, "  ", {**LINE, "id": "1"}, "")
    assert [u.id for u in read_manifest(path, Utterance)] == ["0-0", "1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"u\.jsonl:2: not JSON \(Expecting property name"),
        ("[1]", r"u\.jsonl:2: expected a JSON object, got \[1\]"),
        (LINE, r"u\.jsonl:2: id '0-0' is already on line 1"),
        (
            {**LINE, "id": "1", "speker": "0"},
            r"no field is called 'speker' \(did you mean 'speaker'\?\)",
        ),
        ({"id": "1"}, r"u\.jsonl:2: 'speaker' is missing"),
        ({**LINE, "id": "1", "num_samples": "8"}, r"num_samples: expected int, got '8'"),
        ({**LINE, "id": "1", "num_samples": 8.0}, r"num_samples: expected int, got 8\.0"),
        ({**LINE, "id": "1", "num_samples": True}, r"num_samples: expected int, got True"),
        ({**LINE, "id": "1", "num_samples": 0}, r"num_samples: expected more than 0, got 0"),
        ({**LINE, "id": 1}, r"id: expected str, got 1"),
        ('{"id": NaN}', r"u\.jsonl:2: not JSON \(NaN\)\. Expected finite numbers"),
    ],
)
def test_a_bad_line_is_told_with_its_number(tmp_path, line, message):
    with pytest.raises(ManifestError, match=message):
        read_manifest(manifest(tmp_path, LINE, line), Utterance)


def test_ten_bad_lines_are_told_and_the_rest_counted(tmp_path):
    with pytest.raises(
        ManifestError, match=r":11: .*\n.*u\.jsonl: and 3 more bad lines$"
    ) as raised:
        read_manifest(manifest(tmp_path, LINE, *(13 * ["{"])), Utterance)
    assert len(str(raised.value).splitlines()) == 11


def test_what_is_wrong_with_all_lines_alike_is_told_once(tmp_path):
    """As of a manifest of another kind."""
    path = manifest(tmp_path, *({**LINE, "id": str(number)} for number in range(13)))
    with pytest.raises(
        ManifestError,
        match=r"^[^\n]*u\.jsonl: each of its 13 lines: no field is called 'speaker'[^\n]*$",
    ):
        read_manifest(path, Noise)


def test_a_manifest_that_is_none(tmp_path):
    with pytest.raises(ManifestError, match=r"u\.jsonl: no records in it"):
        read_manifest(manifest(tmp_path), Utterance)
    with pytest.raises(ManifestError, match=r"none\.jsonl: cannot be read \(No such file"):
        read_manifest(tmp_path / "none.jsonl", Utterance)
    (tmp_path / "sound.wav").write_bytes(b"RIFF\xff\xfe")
    with pytest.raises(ManifestError, match=r"sound\.wav: not a text file in UTF-8"):
        read_manifest(tmp_path / "sound.wav", Utterance)


def test_a_manifest_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").write_text("a file")
    record = Noise("n", "/n.wav", 1, 8000)
    with pytest.raises(OutputError, match="taken: cannot be made a folder"):
        write_manifest(tmp_path / "taken" / "m.jsonl", [record])
    (tmp_path / "m.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"m\.jsonl: is a folder"):
        write_manifest(tmp_path / "m.jsonl", [record])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.jsonl", "taken"]


def test_none_is_left_out(tmp_path):
    write_manifest(tmp_path / "m.jsonl", [Utterance("u", "s", "u.wav", 3, 16000)])
    line = json.loads((tmp_path / "m.jsonl").read_text())
    assert line == {
        k: v for k, v in asdict(Utterance("u", "s", "u.wav", 3, 16000)).items() if k != "sex"
    }


def test_places_of_the_direct_path_come_back(tmp_path):
    room = Room("a", "a.wav", 100, 8000, 2, "hall", direct_samples=(3, 99))
    write_manifest(tmp_path / "rooms.jsonl", [room])
    (read,) = read_manifest(tmp_path / "rooms.jsonl", Room)
    assert read.direct_samples == (3, 99)


@pytest.mark.parametrize("places", [[3], [3, 100], [-1, 3]])
def test_places_of_the_direct_path_must_lie_in_each_channel(tmp_path, places):
    record = {"id": "a", "path": "a.wav", "num_samples": 100, "sample_rate": 8000}
    record |= {"num_channels": 2, "room": "hall", "direct_samples": places}
    (tmp_path / "rooms.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(
        ManifestError, match=r"rooms\.jsonl:1: direct_samples: expected 2 places from 0 to 99"
    ):
        read_manifest(tmp_path / "rooms.jsonl", Room)
