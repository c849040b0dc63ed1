import pytest

from wesep_like.data.librimix.metadata import find_metadata, read_metadata
from wesep_like.errors import ManifestError

HEADER = "mixture_ID,source_1_path,source_1_gain,source_2_path,source_2_gain,noise_path,noise_gain"
LINE = (
    "1580-141083-0046_7127-75947-0026,test-clean/1580/141083/1580-141083-0046.flac,"
    "0.6522426013163469,test-clean/7127/75947/7127-75947-0026.flac,0.4052135302314628,"
    "tt/421c0206_0.01983_440o0307_-0.01983.wav,3.278939726509671"
)


def written(folder, *lines, name="libri2mix_test-clean.csv"):
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return find_metadata(folder)[0]


def test_a_published_line_is_read(tmp_path):
    (row,) = read_metadata(written(tmp_path, HEADER, LINE))
    assert row.mixture_id == "1580-141083-0046_7127-75947-0026"
    first, second = row.sources
    assert first.path == "test-clean/1580/141083/1580-141083-0046.flac"
    assert (first.gain, second.gain) == (0.6522426013163469, 0.4052135302314628)
    assert row.noise.path == "tt/421c0206_0.01983_440o0307_-0.01983.wav"
    assert row.where == f"{tmp_path / 'libri2mix_test-clean.csv'}:2"


def test_what_was_written_is_read(corpus):
    for file in find_metadata(corpus.metadata):
        name = {"dev": "dev-clean", "test": "test-clean"}[file.set_name]
        assert read_metadata(file) == corpus.rows[name]


def test_a_line_ends_where_files_end_lines(tmp_path):
    """Not at U+2028 and the like, which a name may have."""
    named = LINE.replace("tt/421c", "tt/\u20284\x8521\x1cc")
    (row, last) = read_metadata(written(tmp_path, HEADER, named, "x" + LINE))
    assert row.noise.path == "tt/\u20284\x8521\x1cc0206_0.01983_440o0307_-0.01983.wav"
    assert last.where.endswith(":3")


def test_sets_are_called_as_in_the_tree(tmp_path):
    for name in ("2mix_train-clean-100", "2mix_dev-clean", "3mix_dev-clean", "2mix_mine"):
        (tmp_path / f"libri{name}.csv").touch()
    for name in ("libri2mix_dev-clean_info.csv", "storage_info.txt", "notes.csv"):
        (tmp_path / name).touch()
    found = [(file.num_sources, file.set_name) for file in find_metadata(tmp_path)]
    assert found == [(2, "dev"), (2, "mine"), (2, "train-100"), (3, "dev")]
    assert [file.num_sources for file in find_metadata(tmp_path, ["dev"])] == [2, 3]


def test_what_is_wrong_with_a_folder(tmp_path, corpus):
    with pytest.raises(ManifestError, match="nowhere: there is no such folder. Give LibriMix's"):
        find_metadata(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="called libri2mix_SET.csv. There are some in .*data"):
        find_metadata(tmp_path)
    with pytest.raises(ManifestError, match=r"no metadata of a set 'tset' \(did you mean 'test'\?"):
        find_metadata(corpus.metadata, ["dev", "tset"])
    (corpus.metadata / "libri2mix_test.csv").touch()
    with pytest.raises(
        ManifestError, match="test.csv: would become the set 'test', as libri2mix_t"
    ):
        find_metadata(corpus.metadata)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            [HEADER.replace("source_2_gain", "gain")],
            ":1: has no column source_2_gain. Expected mix",
        ),
        ([HEADER], ": no mixtures in it"),
        ([HEADER, LINE, LINE], ":3: '1580-141083-0046_7127-75947-0026' is already on line 2"),
        ([HEADER, f"../{LINE}"], ":2: mixture_ID: expected the name of a file, got '../1580"),
        ([HEADER, LINE.replace("0.652", "x")], ":2: source_1_gain: expected a number above 0, got"),
        ([HEADER, LINE.replace("3.27", "-3.27")], ":2: noise_gain: expected a number above 0"),
        ([HEADER, "a,b.flac,1"], ":2: source_2_path: there is none"),
        ([HEADER, '"a"b,c.flac'], ":2: not CSV"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, lines, problem):
    file = written(tmp_path, *lines)
    with pytest.raises(ManifestError) as caught:
        read_metadata(file)
    assert str(caught.value).startswith(f"{file.path}{problem}")


def test_ten_bad_lines_are_told_then_counted(tmp_path):
    file = written(tmp_path, HEADER, *[f"{n},a.flac,0" for n in range(14)])
    with pytest.raises(ManifestError) as caught:
        read_metadata(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == f"{file.path}: and 4 more bad lines"
