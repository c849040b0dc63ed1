import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wesep_like.audio import io

HEADER = "mixture\tenroll\toutput"


@pytest.fixture
def listed(cli, place):
    """Extracts the rows of a list that lies in a folder of its own."""
    (place / "jobs").mkdir()

    def call(*rows, header=HEADER, output="out", more=""):
        Path("jobs/jobs.tsv").write_text("\n".join([header, *rows]) + "\n")
        return cli(f"extract --list jobs/jobs.tsv -o {output} --model model --device cpu {more}")

    return call


def row(output, mixture="../mixture.wav", enroll="../enroll.wav"):
    return f"{mixture}\t{enroll}\t{output}"


def test_many_at_once(listed, cli):
    said = listed(row("a.wav"), row("deep/er/b.flac", mixture="../enroll.wav"))
    assert (said.code, said.err) == (0, "")
    *lines, last = said.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["out/a.wav", "out/deep/er/b.flac"]
    assert last == "2 extracted, 0 failed"
    assert io.info("out/deep/er/b.flac").num_samples == 32000
    cli("extract mixture.wav --enroll enroll.wav -o one.wav --model model --device cpu")
    assert Path("one.wav").read_bytes() == Path("out/a.wav").read_bytes()


def test_columns_come_in_any_order_and_enrollments_in_any_number(listed, cli, make_wav):
    make_wav("other.wav", 1.2, seed=3)
    said = listed(
        "a.wav\t../enroll.wav\t../mixture.wav\t../other.wav",
        "b.wav\t../enroll.wav\t../mixture.wav\t",
        header="output\tenroll\tmixture\tenroll",
        more="--json",
    )
    assert said.code == 0
    first, second = json.loads(said.out)["results"]
    assert first["enrollments"] == ["jobs/../enroll.wav", "jobs/../other.wav"]
    assert second["enrollments"] == ["jobs/../enroll.wav"]
    assert first["similarity"] != second["similarity"]


def test_a_bad_row_is_reported_and_skipped(listed, place):
    said = listed(
        row("a.wav", mixture="nowhere.wav"),
        row("b.mp3"),
        "",
        row("c.wav"),
        "../mixture.wav\t../enroll.wav",
        row("", enroll=""),
        row("../d.wav"),
        row("./c.wav"),
        row(f"{place}/e.wav"),
        more="--json",
    )
    assert said.code == 1
    result = json.loads(said.out)
    assert [done["output"] for done in result["results"]] == ["out/c.wav"]
    assert sorted(result["errors"]) == [
        f"jobs/jobs.tsv:10: output '{place}/e.wav' lies outside out",
        "jobs/jobs.tsv:2: jobs/nowhere.wav: there is no such file",
        "jobs/jobs.tsv:3: out/b.mp3: no format to write has the suffix '.mp3'. Known: .wav, .flac",
        "jobs/jobs.tsv:6: expected 3 cells between tabs, got 2",
        "jobs/jobs.tsv:7: enroll and output: expected a path, got nothing",
        "jobs/jobs.tsv:8: output '../d.wav' lies outside out",
        "jobs/jobs.tsv:9: output out/c.wav is already that of jobs/jobs.tsv:5",
    ]
    assert said.err == "".join(f"error: {error}\n" for error in result["errors"])
    assert [path.name for path in Path("out").rglob("*")] == ["c.wav"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "there is no such file"),
        (b"", "is empty (0 bytes)"),
        (b"a letter " * 100, "cannot be read as sound ("),
    ],
)
def test_an_enrollment_that_cannot_be_read_is_told_with_its_row(listed, place, content, problem):
    if content is not None:
        (place / "jobs/bad.wav").write_bytes(content)
    said = listed(
        row("a.wav").replace("\ta", "\tbad.wav\ta"),
        row("b.wav").replace("\tb", "\t../enroll.wav\tb"),
        header="mixture\tenroll\tenroll\toutput",
    )
    assert said.code == 1
    assert said.err.startswith(f"error: jobs/jobs.tsv:2: jobs/bad.wav: {problem}")
    assert said.err.count("\n") == 1
    assert said.out.endswith("1 extracted, 1 failed\n")


def test_an_enrollment_without_speech_is_told_with_its_row(listed):
    soundfile.write("jobs/click.wav", 0.5 * (np.arange(32000) // 50 == 77), 16000)
    said = listed(row("a.wav", enroll="click.wav"), row("b.wav"), more="--vad energy")
    assert said.code == 1
    assert said.err.startswith("error: jobs/jobs.tsv:2: jobs/click.wav: no speech was found in it")


def test_no_row_overwrites_what_another_reads(listed, files):
    before = files()
    said = listed(row("mixture.wav", mixture="../enroll.wav"), row("enroll.wav"), output=".")
    assert said.code == 1
    assert "jobs.tsv:2: mixture.wav: is an input, jobs/../mixture.wav. Give" in said.err
    assert "jobs.tsv:3: enroll.wav: is an input, jobs/../enroll.wav. Give" in said.err
    assert {name: data for name, data in files().items() if name in before} == before


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("mixture\tenrol\toutput", "got mixture, enrol, output"),
        ("mixture\toutput", "got mixture, output"),
        ("mixture\tmixture\tenroll\toutput", "got mixture, mixture, enroll, output"),
        ("mixture enroll output", "got mixture enroll output"),
        ("../mixture.wav\t../enroll.wav\ta.wav", "got ../mixture.wav, ../enroll.wav, a.wav"),
    ],
)
def test_columns_must_be_named(listed, header, error):
    said = listed(row("a.wav"), header=header)
    assert said.code == 2
    assert said.err == (
        "error: jobs/jobs.tsv:1: expected the columns mixture, enroll and output between tabs, "
        f"enroll once or more; {error}\n"
    )


def test_a_list_that_is_none(cli, listed, place):
    said = listed()
    assert (said.code, said.out) == (2, "")
    assert (
        said.err
        == "error: jobs/jobs.tsv: no rows in it. Expected one job a line below the columns\n"
    )
    for name, error in {
        "nowhere.tsv": "nowhere.tsv: cannot be read (No such file or directory)",
        "jobs": "jobs: cannot be read (Is a directory)",
        "mixture.wav": "mixture.wav: not UTF-8 text. Expected tab-separated rows",
        "empty.tsv": "empty.tsv: is empty. Expected the columns mixture, enroll and output",
    }.items():
        (place / "empty.tsv").touch()
        said = cli(f"extract --list {name} -o out --model model")
        assert (said.code, said.out, said.err) == (2, "", f"error: {error}\n")
    assert not Path("out").exists()


def test_a_folder_that_cannot_be(listed):
    said = listed(row("a.wav"), output="mixture.wav")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "error: mixture.wav: cannot be made a folder (File exists). "
        "Name a folder, or what is not yet\n"
    )
