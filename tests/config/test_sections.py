from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from wesep_like.config.sections import Problems, check_sizes, read_section, read_value
from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ConfigError(f"low: expected at most high, {self.high}, got {self.low}")


@dataclass(frozen=True)
class Options:
    steps: int
    limits: Limits = field(default_factory=Limits)
    more_limits: tuple[Limits, ...] = ()
    maybe: Limits | None = None
    note: str = ""


def test_a_section_becomes_a_dataclass():
    options = read_section(
        Options,
        {"steps": 3, "limits": {"high": 2}, "more_limits": [{}, {"low": 0.5}], "maybe": None},
        "data",
    )
    assert options == Options(3, Limits(0.0, 2.0), (Limits(), Limits(0.5)), None)
    assert isinstance(options.limits.high, float)


def test_all_problems_at_once_each_with_its_place():
    mapping = {
        "limits": {"low": 3, "hihg": 2},
        "more_limits": [{"low": 2}, {"low": "x"}],
        "maybe": {"low": True},
        "note": 5,
        "stepps": 1,
    }
    with pytest.raises(ConfigError) as raised:
        read_section(Options, mapping, "data.train")
    nearest = "there is no such option (did you mean 'high'?). Options: low, high"
    options = "Options: steps, limits, more_limits, maybe, note"
    assert raised.value.problems == (
        f"data.train.limits.hihg: {nearest}",
        "data.train.more_limits[0].low: expected at most high, 1.0, got 2.0",
        "data.train.more_limits[1].low: expected float, got 'x'",
        "data.train.maybe.low: expected float, got True",
        "data.train.note: expected text, got 5",
        f"data.train.stepps: there is no such option (did you mean 'steps'?). {options}",
        "data.train.steps: missing. Expected int",
    )
    assert str(raised.value).count("\n") == 6


def test_at_the_top_of_a_config_a_path_has_no_dot():
    with pytest.raises(ConfigError, match="^steps: missing. Expected int$"):
        read_section(Options, {}, "")
    with pytest.raises(ConfigError, match=r"^config: expected a section of keys, got \[\]$"):
        read_section(Options, [], "")


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, float, 3.0),
        (3, float | int, 3),
        (3, int | float, 3),
        (None, int | None, None),
        ([1, 2], tuple[float, float], (1.0, 2.0)),
        ([1, 2], int | tuple[int, int], (1, 2)),
        (4, int | tuple[int, int], 4),
        ([[1, 2], [3]], list[tuple[int, ...]], [(1, 2), (3,)]),
        ([], tuple[int, ...], ()),
        ([1, "a"], tuple, (1, "a")),
        ([1, "a"], list, [1, "a"]),
        ("a/b", Path, Path("a/b")),
        ("every", Literal["first", "every"] | list[int], "every"),
        ([0, 2], Literal["first", "every"] | list[int], [0, 2]),
        ({"a": 1}, dict[str, Any], {"a": 1}),
        ({"a": [1]}, Any, {"a": [1]}),
    ],
)
def test_values(value, annotation, expected):
    result = read_value(value, annotation, "key")
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (True, int, "int, got True"),
        (1, bool, "bool, got 1"),
        (1.0, int, "int, got 1.0"),
        ("1e-3", float, "float, got '1e-3'"),
        (None, int, "int, got None"),
        (True, Literal[1, 2], "1 or 2, got True"),
        ([1], tuple[int, int], r"\[int, int\], got \[1\]"),
        (5, tuple[int, ...], "a list of int, got 5"),
        ("12", list[str], "a list of text, got '12'"),
        ("x", int | tuple[int, int] | None, r"int, \[int, int\] or null, got 'x'"),
        (3, Path, "path, got 3"),
        (3, Limits, "a section of keys, got 3"),
        (3, dict[str, int], "a section of keys, got 3"),
    ],
)
def test_values_of_a_wrong_type(value, annotation, expected):
    with pytest.raises(ConfigError, match=f"^model.key: expected {expected}$"):
        read_value(value, annotation, "model.key")


def test_sizes():
    check_sizes(channels=1, hidden_dim=None)
    with pytest.raises(ConfigError) as raised:
        check_sizes(channels=0, hidden_dim=None, num_blocks=-2, embed_dim=3)
    assert raised.value.problems == (
        "channels: expected at least 1, got 0",
        "num_blocks: expected at least 1, got -2",
    )


def test_problems_are_gathered():
    problems = Problems()
    with problems.collecting():
        pass
    problems.raise_if_any()
    with problems.collecting():
        raise ConfigError(["a: one", "b: two"])
    problems.add("c: three")
    with pytest.raises(ConfigError, match="^a: one\nb: two\nc: three$"):
        problems.raise_if_any()
    with pytest.raises(KeyError), problems.collecting():
        raise KeyError("not a user's mistake")


@dataclass(frozen=True)
class Circle:
    radius: float
    colour: str = "red"


@dataclass(frozen=True)
class Box:
    width: float
    height: float
    colour: str = "red"
    depth: float = 1.0


def test_of_two_sections_that_is_meant_whose_needed_keys_are_there():
    assert read_value({"radius": 2}, Circle | Box, "shape") == Circle(2.0)
    box = {"width": 1, "height": 2, "colour": "blue"}
    assert read_value(box, Circle | Box, "shape") == Box(1.0, 2.0, "blue")
    assert read_value(None, Circle | Box | None, "shape") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"width": 1},
            r"^shape: expected the keys radius or width and height, got \['width'\]$",
        ),
        (
            {"radius": 1, "width": 1, "height": 1},
            "expected the keys radius or width and height, got more. To replace a s",
        ),
        ({"radius": 1, "depth": 2}, r"^shape\.depth: does not go with radius\. Remove it$"),
        (
            {"radius": 1, "depht": 2},
            r"^shape\.depht: there is no such option\. Options: radius, colo",
        ),
        ({"radius": "x"}, r"^shape\.radius: expected float, got 'x'$"),
    ],
)
def test_what_is_neither_of_two_sections(value, message):
    with pytest.raises(ConfigError, match=message):
        read_value(value, Circle | Box, "shape")
