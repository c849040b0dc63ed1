import inspect
import json
import logging
import re
import subprocess
import sys
import warnings
from dataclasses import fields

import pytest
import typer

import wesep_like
from wesep_like.cli import app as module
from wesep_like.cli.app import run
from wesep_like.cli.prepare import COMMANDS as COMMANDS_OF_PREPARE
from wesep_like.data.corpora import CORPORA
from wesep_like.errors import ConfigError

COMMANDS = [
    "extract",
    "evaluate",
    "train",
    "average",
    "prepare",
    "info",
    "embed",
    "verify",
    "score",
    "eer",
]
LEAVES = [*COMMANDS, "config", "config check", *(f"prepare {corpus}" for corpus in CORPORA)]


@pytest.fixture
def faulty(monkeypatch):
    """Makes `wesep-like faulty` do what is given."""

    def make(function):
        group = typer.Typer()
        group.callback()(module._options)
        group.command("faulty")(function)
        monkeypatch.setattr(module, "app", group)

    return make


@pytest.mark.parametrize("line", ["", "--help", "-h"])
def test_help_lists_the_commands(cli, line):
    said = cli(line)
    assert said.code == 0
    assert said.err == ""
    for command in [*COMMANDS, "config"]:
        assert f"\n  {command} " in said.out


@pytest.mark.parametrize("command", LEAVES)
def test_every_help_shows_examples_whose_options_exist(cli, command):
    said = cli(f"{command} --help")
    assert (said.code, said.err) == (0, "")
    _, examples = said.out.split("\n  Example:\n")
    for example in examples.strip().splitlines():
        example = example.strip()
        assert example.startswith(f"wesep-like {command}")
        # Options are looked up before help is given.
        said = cli(f"{example.removeprefix('wesep-like ')} --help")
        assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize("group", ["", "config", "prepare", "baseline"])
def test_no_summary_of_a_command_is_cut_short(cli, group):
    assert not re.search(r"[a-z,]\.\.\.$", cli(f"{group} --help").out, re.MULTILINE)


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_corpus_is_a_command_that_has_its_options(cli, corpus):
    assert f"\n  {corpus} " in cli("prepare --help").out
    function, _ = COMMANDS_OF_PREPARE[corpus]
    options = {
        name: parameter.default or ()
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("root", "output")
    }
    assert options == {field.name: field.default or () for field in fields(CORPORA[corpus])}


def test_no_help_imports_anything_heavy():
    code = (
        "import sys; from wesep_like.cli.app import run\n"
        f"codes = [run([*line.split(), '--help']) for line in {['', *LEAVES]}]\n"
        "heavy = {'torch', 'numpy', 'soundfile', 'lightning', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not any(codes), codes"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_a_reader_that_stops_reading_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "wesep_like", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 1


def test_version(cli):
    assert cli("--version").out == f"{wesep_like.__version__}\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "extrat",
            "error: No such command 'extrat'.",
        ),
        ("extract --enrol a.wav", "error: No such option: --enrol"),
        ("train a.yaml", "error: --output: missing. Name the folder that the run is kept in, or"),
        ("verify a.wav", "error: Missing argument 'B'. See 'wesep-like verify --help'"),
        ("verify a b c", "error: Got unexpected extra argument"),
        ("extract a.wav --channel left", "error: Invalid value for '--channel'"),
        (
            "extract",
            "error: expected MIXTURE --enroll WAV -o OUT.wav, or --list TSV",
        ),
        ("extract a.wav --enroll b.wav", "error: expected MIXTURE --enroll WAV -o OUT.wav"),
        ("extract a.wav -o b.wav", "error: expected MIXTURE --enroll WAV -o OUT.wav"),
        ("extract --list a.tsv", "error: expected MIXTURE --enroll WAV -o OUT.wav"),
        (
            "extract a.wav --list a.tsv -o b",
            "error: --list has its own mixtures. Leave out",
        ),
    ],
)
def test_wrong_usage_is_one_line(cli, line, error):
    said = cli(line)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith(error)
    assert said.err.count("\n") == 1


def test_the_traceback_of_an_error_is_shown_on_request(cli, tmp_path):
    line = f"info {tmp_path}/nowhere"
    assert "Traceback" not in cli(line).err
    for asked in (f"--traceback {line}", f"{line} --traceback"):
        said = cli(asked)
        assert said.code == 2
        assert said.err.startswith("Traceback")
        assert "\nerror: " in said.err


def test_all_problems_are_told_a_line_each(cli, faulty):
    def command():
        raise ConfigError(["a.b: wrong", "c: wrong too"])

    faulty(command)
    assert cli("faulty") == type(cli("faulty"))(2, "", "error: a.b: wrong\nerror: c: wrong too\n")


def test_our_own_mistakes_keep_their_traceback(faulty):
    def command():
        raise ZeroDivisionError

    faulty(command)
    with pytest.raises(ZeroDivisionError):
        run(["faulty"])


def test_an_interrupt_is_quiet(cli, faulty):
    def command():
        raise KeyboardInterrupt

    faulty(command)
    said = cli("faulty")
    assert (said.code, said.out, said.err) == (130, "", "")


@pytest.mark.filterwarnings("default")
def test_warnings_and_logs_are_lines_on_standard_error(cli, faulty):
    def command():
        warnings.warn("x.wav: is\nodd", UserWarning, stacklevel=1)
        logging.getLogger("wesep_like.training").info("step %d", 1)
        logging.getLogger("wesep_like").warning("slow")
        logging.getLogger("other").info("nothing of ours")
        typer.echo("result")

    faulty(command)
    shown = warnings.showwarning
    said = cli("faulty")
    assert said.out == "result\n"
    assert said.err == "warning: x.wav: is odd\nstep 1\nwarning: slow\n"
    assert warnings.showwarning is shown
    assert not logging.getLogger("wesep_like").handlers


def test_info(cli, tiny_model):
    said = cli(f"info {tiny_model}")
    assert said.code == 0
    assert "task: extraction\nsample rate: 16000 Hz\n" in said.out
    assert "separator: name bsrnn, channels 8, num_blocks 1\n" in said.out
    result = json.loads(cli(f"info {tiny_model} --json").out)
    assert result["num_parameters"] == sum(result["num_parameters_of"].values()) > 0
    assert set(result["num_parameters_of"]) == {"speaker", "separator", "fusions"}
    assert result["num_bytes"] == (tiny_model / "model.safetensors").stat().st_size
    assert result["config"]["fusion"] == {"name": "multiply"}


def test_without_a_name_it_is_the_bundled_model(cli, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(wesep_like.bundle, "path", lambda: tmp_path)
    said = cli("info")
    assert said.code == 2
    assert "extraction: the bundled model is missing. Install wesep-like anew" in said.err
    (tmp_path / "extraction").symlink_to(tiny_model)
    assert cli("info").out == cli("info bundled").out != ""
