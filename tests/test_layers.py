"""Packages are layers: imports point down only, and wait inside functions only where they may."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "wesep_like"
# In one tuple are siblings: none imports another. The last one is the front door.
LAYERS = [
    ("errors", "bundle"),
    ("config",),
    ("audio",),
    ("metrics", "data", "models"),
    ("losses", "interop", "scoring"),
    ("tasks", "inference"),
    ("training", "evaluation"),
    ("experiment",),
    ("cli",),
    ("__init__", "__main__"),
]
RANKS = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
# Optional, or slow to import and seldom needed.
HEAVY = {
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pesq",
    "pyroomacoustics",
    "pystoi",
    "silero_vad",
    "speechmos",
    "transformers",
}


def imported(node: ast.AST) -> list[str]:
    """The full names that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return [f"{module}.{alias.name}" for alias in node.names]
    return []


def room_of(name: str) -> str | None:
    """The room of an imported name; None for other packages, and for the package's version."""
    package, _, rest = name.partition(".")
    if package != "wesep_like" or rest in ("", "__version__"):
        return None
    room = rest.partition(".")[0]
    return room if room in RANKS else "__init__"  # wesep_like.load_model


def violations(room: str, source: str) -> list[str]:
    """What a file of `room` imports and may not, a line each."""
    found = []
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    late = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        for name in imported(node):
            other = room_of(name)
            if other not in (None, room) and RANKS[other] >= RANKS[room]:
                found.append(f"line {node.lineno}: {room} may not import {other}")
            if name.startswith("."):
                found.append(f"line {node.lineno}: {name} is relative")
            if id(node) not in late and name.partition(".")[0] in HEAVY:
                found.append(f"line {node.lineno}: {name} is not imported inside a function")
            if id(node) in late and room != "cli" and name.partition(".")[0] not in HEAVY:
                found.append(f"line {node.lineno}: {name} is imported inside a function")
    return found


def test_imports_point_down():
    paths = sorted(PACKAGE.rglob("*.py"))
    assert len(paths) > 50
    for path in paths:
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        assert room in RANKS, f"{room}: a room without a layer"
        assert violations(room, path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("data", "import wesep_like.models.tse", "line 1: data may not import models"),
        ("data", "from wesep_like import models", "line 1: data may not import models"),
        ("audio", "if 1:\n  from wesep_like.cli import app", "line 2: audio may not import cli"),
        ("tasks", "from wesep_like import load_model", "line 1: tasks may not import __init__"),
        ("data", "from .. import models", "line 1: ...models is relative"),
        ("data", "def f():\n  import scipy", "line 2: scipy is imported inside a function"),
        ("models", "from wesep_like.models.tse import TSEModel", None),
        ("metrics", "def f():\n  import pesq", None),
        ("metrics", "import pesq", "line 1: pesq is not imported inside a function"),
        ("cli", "def f():\n  from wesep_like import experiment", None),
    ],
)
def test_a_planted_import_is_found(room, source, found):
    assert violations(room, source) == ([] if found is None else [found])


def test_importing_the_package_imports_no_torch():
    check = "import sys, wesep_like, wesep_like.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
