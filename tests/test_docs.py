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
RECIPES = ["mini", "libri2mix", "mini_verification", "voxceleb"]
PROGRAMS = ("wesep-like ", "python ")
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(f"recipes/{name}/README.md" for name in RECIPES)]


def commands(text: str) -> list[str]:
    """The command lines in blocks of shell."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def variables(lines: list[str]) -> dict[str, str]:
    """What lines such as `RATE=16000` set; of the shell, `"$@"` is nothing."""
    return {"@": "", **dict(line.split("=", 1) for line in lines if re.match(r"\w+=\S+$", line))}


def filled_in(line: str, values: dict[str, str]) -> str:
    """The line with the variables' values; one that the document does not set keeps its name."""
    return re.sub(r"\$(@|\w+)", lambda found: values.get(found[1], found[1]), line)


def parse(line: str) -> tuple[str, dict]:
    """The subcommand that `wesep-like ...` runs, and its parameters; nothing is run."""
    program, *arguments = shlex.split(line, comments=True)
    if program == "torchrun":
        arguments = arguments[arguments.index("wesep_like") + 1 :]
    else:
        assert program == "wesep-like"
    arguments = [argument for argument in arguments if argument]
    command, name = typer.main.get_command(app), "wesep-like"
    while hasattr(command, "commands"):
        name = arguments.pop(0)
        command = command.commands[name]
    return name, command.make_context(name, arguments).params


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_are_understood(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    said = commands(text)
    lines = [
        filled_in(line, variables(said))
        for line in said
        if line.startswith(("wesep-like ", "torchrun "))
    ]
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


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_script_of_a_recipe_is_its_commands(recipe):
    text = (ROOT / "recipes" / recipe / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Commands") :]
    told = commands(section[: section.index("```\n\n")] + "```\n")
    script = (ROOT / "recipes" / recipe / "run.sh").read_text(encoding="utf-8")
    script = script[script.rindex("\n\n") :]
    # Before a command may stand when it runs: its indentation, the branch of a case, what is there.
    check = r'(?:unless_there "?\S+?"? |unless_newer "?\S+?"? "?\S+?"? )?'
    before = rf"^ *(?:[\w|* ]+\) )?{check}(?=wesep-like |python )"
    lines = [
        line.removesuffix(" ;;") for line in re.sub(before, "", script, flags=re.M).split("\n")
    ]
    run = [line for line in lines if line.startswith(PROGRAMS)]
    # In the order of the commands; what is optional is told anywhere else.
    assert [line for line in run if line in told] == told
    assert set(run) <= set(commands(text))
