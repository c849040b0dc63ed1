import pytest

from wesep_like.data.shards.lists import find_shards
from wesep_like.errors import ManifestError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with shards in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for number in range(3):
        (tmp_path / f"data/s{number}.tar").touch()
    return tmp_path


def test_a_list_has_paths_relative_to_itself_or_to_the_working_folder(place):
    (place / "data/shards.list").write_text(f"s1.tar\n\ndata/s0.tar\n{place}/data/s2.tar\n")
    assert find_shards("data/shards.list") == ["data/s1.tar", "data/s0.tar", f"{place}/data/s2.tar"]


def test_a_list_may_have_urls(place):
    (place / "l.txt").write_text("https://host/a.tar\npipe:cat x\nfile:data/s0.tar\n")
    found = find_shards("l.txt", trust_pipes=True)
    assert found == ["https://host/a.tar", "pipe:cat x", "file:data/s0.tar"]


@pytest.mark.usefixtures("place")
def test_braces_stand_for_several():
    assert find_shards("data/s{0..2}.tar") == ["data/s0.tar", "data/s1.tar", "data/s2.tar"]
    several = find_shards(["https://host/{008..010}.tar", "data/s{0,2}.tar"])
    assert several == [
        *(f"https://host/{n}.tar" for n in ("008", "009", "010")),
        "data/s0.tar",
        "data/s2.tar",
    ]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("shards", ["pipe:cat data/s0.tar", "list.txt"])
def test_a_pipe_runs_only_if_it_is_trusted(place, shards):
    (place / "list.txt").write_text("pipe:cat data/s0.tar\n")
    message = r"data/s0\.tar runs a command\. If you trust .* data\.train\.trust_pipes to true"
    with pytest.raises(ManifestError, match=message):
        find_shards(shards)
    assert find_shards(shards, trust_pipes=True) == ["pipe:cat data/s0.tar"]


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ("nowhere.list", r"nowhere\.list: cannot be read \(No such file .*wesep-like shard"),
        ("binary.list", r"binary\.list: not a text file in UTF-8"),
        ("empty.list", r"empty\.list: no shards in it"),
        ("data/s{2..3}.tar", r"data/s\{2\.\.3\}\.tar: data/s3\.tar: there is no such file"),
        (["data/s0.tar", "data/s{0,1}.tar"], r"shards: data/s0\.tar is there 2 times"),
        ("ftq://host/a.tar", r"ftq://host/a\.tar cannot be opened\. Known: paths, file, pipe, "),
        ("data/x{1..12}.tar", r"x10\.tar: there is no such file\n.*: and 2 more bad lines$"),
    ],
)
def test_shards_that_are_none(place, shards, message):
    (place / "binary.list").write_bytes(b"\xff\xfe\x00")
    (place / "empty.list").write_text("\n")
    with pytest.raises(ManifestError, match=message):
        find_shards(shards)
