import os

import pytest

from wesep_like.config.atomic import atomic_path, check_writable
from wesep_like.errors import OutputError


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
        assert draft.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_block_that_fails_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    # A failure of the system is the user's to mend; any other goes through as it is.
    expected = OutputError if error is OSError else error

    def fail():
        with atomic_path(path) as draft:
            draft.write_text("half")
            raise error("no luck")

    with pytest.raises(expected, match="no luck"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_with_the_name_that_the_user_gave(tmp_path):
    path = tmp_path / "a.txt"
    with (
        pytest.raises(OutputError, match=r"a\.txt: cannot be written \(No space left on device\)$"),
        atomic_path(path),
    ):
        raise OSError(28, "No space left on device")


def test_links_are_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with atomic_path(tmp_path / "link.txt") as draft:
        draft.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_where_no_file_can_be(tmp_path):
    with pytest.raises(OutputError, match=r"no/a\.txt: there is no folder .*no\. Make it first$"):
        check_writable(tmp_path / "no" / "a.txt")
    with pytest.raises(OutputError, match="is a folder. Give the name of a file in it$"):
        check_writable(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/a\.txt: there is no folder"):
        check_writable(tmp_path / "file" / "a.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="pipe: is not a plain file"):
        check_writable(tmp_path / "pipe")


def test_a_name_that_the_system_refuses(tmp_path):
    path = tmp_path / ("n" * 300)
    message = r"nnn: cannot be written \(File name too long\)$"
    with pytest.raises(OutputError, match=message), atomic_path(path) as draft:
        draft.touch()
    assert list(tmp_path.iterdir()) == []


def test_a_circle_of_links_is_replaced(tmp_path):
    path = tmp_path / "circle"
    path.symlink_to("circle")
    with atomic_path(path) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"


def test_a_folder_without_permission(tmp_path, monkeypatch):
    # Root may write anywhere, so the answer of the system is made up here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match=r"a\.txt: the folder .* may not be written to$"):
        check_writable(tmp_path / "a.txt")
