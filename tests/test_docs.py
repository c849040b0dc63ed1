"""What the documents tell users to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from wesep_like.cli.app import app
from wesep_like.experiment import read_experiment

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "recipes/mini/README.md"]


def commands(text: str) -> list[str]:
    """The command lines in blocks of shell."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def parse(line: str) -> tuple[str, dict]:
    """The subcommand that `wesep-like ...` runs, and its parameters; nothing is run."""
    program, *arguments = shlex.split(line, comments=True)
    assert program == "wesep-like"
    command, name = typer.main.get_command(app), "wesep-like"
    while hasattr(command, "commands"):
        name = arguments.pop(0)
        command = command.commands[name]
    return name, command.make_context(name, arguments).params


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_are_understood(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    lines = [line for line in commands(text) if line.startswith("wesep-like ")]
    assert lines or document == "CONTRIBUTING.md"
    for line in lines:
        name, params = parse(line)
        if name in ("train", "check"):
            read_experiment(ROOT / params["config"], params["overrides"] or [])


def test_an_unknown_option_would_be_found():
    with pytest.raises(typer.BadParameter.__base__, match="--enrol"):
        parse("wesep-like extract mixture.wav --enrol voice.wav -o target.wav")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_are_there(document):
    path = ROOT / document
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if not (path.parent / link).exists()]
    assert missing == []


def test_the_script_of_the_recipe_is_its_commands():
    text = (ROOT / "recipes/mini/README.md").read_text(encoding="utf-8")
    recipe = text[text.index("## Commands") : text.index("Other parts")]
    script = (ROOT / "recipes/mini/run.sh").read_text(encoding="utf-8")
    assert script.endswith("\n\n" + "\n".join(commands(recipe)) + "\n")
