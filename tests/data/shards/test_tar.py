import functools
import gzip
import http.server
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from wesep_like.data.shards.tar import read_tar
from wesep_like.errors import AudioError

SAMPLES = [{"__key__": f"u{n}", "wav": bytes([n]) * 700} for n in range(3)]
CONTENTS = {f"u{n}.wav": bytes([n]) * 700 for n in range(3)}


def test_files_are_what_was_written(write_tar):
    assert read_tar(write_tar("a.tar", *SAMPLES)) == (CONTENTS, [])


def test_a_compressed_tar(write_tar, tmp_path):
    plain = Path(write_tar("a.tar", *SAMPLES))
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert read_tar(str(tmp_path / "a.tar.gz")) == (CONTENTS, [])


def test_a_tar_from_a_command(write_tar):
    assert read_tar(f"pipe:cat {write_tar('a.tar', *SAMPLES)}") == (CONTENTS, [])


# Each file takes a header of 512 bytes and two blocks of them.
@pytest.mark.parametrize(
    ("num_bytes", "num_left"),
    [(0, 0), (300, 0), (1000, 0), (1536, 1), (1700, 1), (2500, 1), (4608, 3)],
)
def test_of_a_tar_that_is_cut_short_what_is_whole_is_kept(write_tar, num_bytes, num_left):
    path = Path(write_tar("a.tar", *SAMPLES))
    path.write_bytes(path.read_bytes()[:num_bytes])
    contents, problems = read_tar(str(path))
    assert contents == dict(list(CONTENTS.items())[:num_left])
    (problem,) = problems
    assert problem.startswith(f"{path}: is cut short or broken after {num_left} files (")


def test_a_header_that_is_broken_is_not_taken_for_the_end(write_tar):
    path = Path(write_tar("a.tar", *SAMPLES))
    content = bytearray(path.read_bytes())
    content[1536:1600] = b"x" * 64
    path.write_bytes(content)
    contents, (problem,) = read_tar(str(path))
    assert list(contents) == ["u0.wav"]
    assert "a.tar: is cut short or broken after 1 files (" in problem


def test_what_is_no_tar(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no tar " * 200)
    contents, (problem,) = read_tar(str(tmp_path / "a.tar"))
    assert not contents
    assert "after 0 files" in problem


def test_of_two_files_of_one_name_the_first_counts(write_tar):
    path = write_tar("a.tar", {"__key__": "u", "wav": b"1"}, {"__key__": "u", "wav": b"2"})
    contents, problems = read_tar(path)
    assert contents == {"u.wav": b"1"}
    assert problems == [f"{path}:u.wav: is there twice. The first is used"]


def test_folders_and_links_are_passed_over(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE):
            member = tarfile.TarInfo(f"{kind!r}.wav")
            member.type = kind
            tar.addfile(member)
    assert read_tar(str(tmp_path / "a.tar")) == ({}, [])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nowhere.tar", "No such file or directory"),
        ("pipe:false", "exit code 1"),
        ("pipe:head -c 1600 {tar}; exit 3", "exit code 3"),
    ],
)
def test_a_shard_that_cannot_be_fetched_is_an_error(write_tar, url, reason):
    url = url.format(tar=write_tar("a.tar", *SAMPLES))
    with pytest.raises(AudioError, match=rf"cannot be fetched \({reason}\)") as caught:
        read_tar(url)
    assert str(caught.value).startswith(url)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.mark.skipif(shutil.which("curl") is None, reason="webdataset fetches with curl")
def test_a_tar_from_a_web_server(write_tar, tmp_path):
    write_tar("a.tar", *SAMPLES)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            assert read_tar(f"{url}/a.tar") == (CONTENTS, [])
            with pytest.raises(AudioError, match=r"b\.tar: cannot be fetched \(exit code 22\)"):
                read_tar(f"{url}/b.tar")
        finally:
            server.shutdown()
            thread.join()
