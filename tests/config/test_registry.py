import sys
import types
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from wesep_like.config.registry import Registry
from wesep_like.errors import ConfigError


class Shape:
    sides: int


@pytest.fixture
def shapes():
    registry = Registry("shape", Shape)

    @registry.register("square")
    class Square(Shape):
        def __init__(
            self,
            width: int,
            colour: str = "red",
            *,
            scale: float,
            corners: Literal["round", "sharp"] = "sharp",
            offsets: tuple[int, ...] = (),
            filled: bool = False,
            border: int | None = None,
        ) -> None:
            if width > 99:
                raise ConfigError(f"scale: too large for width {width}")
            self.width, self.colour, self.scale, self.corners = width, colour, scale, corners
            self.offsets, self.filled, self.border = offsets, filled, border

    @registry.register("point")
    class Point(Shape):
        pass

    return registry


@pytest.fixture
def elsewhere(monkeypatch):
    """A module of somebody else's, with a shape and other things."""

    class Star(Shape):
        def __init__(self, width: int, *, num_points: int = 5) -> None:
            self.width, self.num_points = width, num_points

    class Loose(Shape):
        def __init__(self, *args: int) -> None:
            pass

    module = types.ModuleType("my_lab.shapes")
    module.Star, module.Loose, module.Other, module.number = Star, Loose, dict, 3
    monkeypatch.setitem(sys.modules, "my_lab", types.ModuleType("my_lab"))
    monkeypatch.setitem(sys.modules, "my_lab.shapes", module)
    return module


def test_options_come_from_the_section_and_sizes_from_the_code(shapes):
    section = {"name": "square", "scale": 2, "offsets": [1, 2], "border": None}
    square = shapes.build(section, "model.shape", width=7, unasked="for")
    assert (square.width, square.colour, square.corners) == (7, "red", "sharp")
    assert isinstance(square.scale, float)
    assert square.offsets == (1, 2)
    assert shapes.names() == ["point", "square"]


def test_a_class_without_a_constructor_takes_nothing(shapes):
    assert isinstance(shapes.build({"name": "point"}, "model.shape", width=7), Shape)
    assert shapes.problems({"name": "point", "a": 1}, "shape") == [
        "shape.a: 'point' has no such option. Options: none"
    ]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("square", "m: expected a section with a name, got 'square'. Known: point, square"),
        ({}, "m.name: missing. Known: point, square"),
        (
            {"name": "sqare"},
            "m.name: no shape is called 'sqare' (did you mean 'square'?). Known: point, square",
        ),
        ({"name": "xyz"}, "m.name: no shape is called 'xyz'. Known: point, square"),
        (
            {"name": ["point"]},
            "m.name: no shape is called ['point'] (did you mean 'point'?). Known: point, square",
        ),
        (
            {"name": "square", "scale": 1, "fill": True},
            "m.fill: 'square' has no such option (did you mean 'filled'?). "
            "Options: scale, corners, offsets, filled, border",
        ),
        ({"name": "square", "scale": "2"}, "m.scale: expected float, got '2'"),
        ({"name": "square", "scale": True}, "m.scale: expected float, got True"),
        ({"name": "square", "scale": 1, "filled": 1}, "m.filled: expected bool, got 1"),
        (
            {"name": "square", "scale": 1, "border": 2.0},
            "m.border: expected int or null, got 2.0",
        ),
        (
            {"name": "square", "scale": 1, "corners": "soft"},
            "m.corners: expected 'round' or 'sharp', got 'soft'",
        ),
        (
            {"name": "square", "scale": 1, "offsets": [1, "2"]},
            "m.offsets[1]: expected int, got '2'",
        ),
        (
            {"name": "square", "scale": 1, "width": 12},
            "m.width: set by the code, not by a config. Remove it",
        ),
        ({"name": "square"}, "m.scale: missing. Expected float"),
    ],
)
def test_messages(shapes, section, message):
    assert shapes.problems(section, "m") == [message]
    with pytest.raises(ConfigError) as raised:
        shapes.build(section, "m", width=7)
    assert raised.value.problems == (message,)


def test_all_problems_are_told_at_once(shapes):
    section = {"name": "square", "width": 1, "fill": True, "border": "x"}
    assert [line.split(":")[0] for line in shapes.problems(section, "m")] == [
        "m.width",
        "m.fill",
        "m.border",
        "m.scale",
    ]


def test_what_a_constructor_refuses_is_told_with_its_place(shapes):
    with pytest.raises(ConfigError, match=r"^model\.shape\.scale: too large for width 100$"):
        shapes.build({"name": "square", "scale": 2}, "model.shape", width=100)


def test_a_size_that_nobody_wires(shapes):
    with pytest.raises(
        ConfigError,
        match="m.name: 'square' asks for width, which no shape is given. Given: height$",
    ):
        shapes.build({"name": "square", "scale": 2}, "m", height=100)


def test_a_class_from_elsewhere(shapes, elsewhere):
    section = {"name": "my_lab.shapes:Star", "num_points": 6}
    star = shapes.build(section, "m", width=7)
    assert isinstance(star, elsewhere.Star)
    assert (star.width, star.num_points) == (7, 6)
    section = {"name": "my_lab.shapes:Star", "num_point": 6}
    assert shapes.problems(section, "m") == [
        "m.num_point: 'my_lab.shapes:Star' has no such option (did you mean 'num_points'?). "
        "Options: num_points"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_lab.shapes:Nothing", "cannot be imported .*has no attribute 'Nothing'"),
        ("my_lab.colours:Red", "cannot be imported .*Expected package.module:Class"),
        (":Red", "cannot be imported"),
        (".shapes:Red", "cannot be imported"),
        ("my_lab.shapes:Other", r"is no shape\. Derive it from .*Shape$"),
        ("my_lab.shapes:number", r"is no shape\."),
        ("my_lab.shapes:Loose", r"cannot be configured\. .*\*args: .* hides the options"),
    ],
)
def test_no_class_from_elsewhere(shapes, elsewhere, name, message):
    with pytest.raises(ConfigError, match=f"^m.name: '{name}' {message}"):
        shapes.find({"name": name}, "m")


def test_code_from_elsewhere_is_not_run_unasked(shapes):
    section = {"name": "surely_not_imported:Star"}
    with pytest.raises(ConfigError, match="m.name: .* is not run unasked. Pass trust_code=True"):
        shapes.build(section, "m", trust_code=False, width=7)
    assert shapes.problems(section, "m", trust_code=False)
    assert "surely_not_imported" not in sys.modules
    # A registered name is no outside code.
    assert shapes.build({"name": "point"}, "m", trust_code=False)


def test_a_name_is_given_once(shapes):
    class Other(Shape):
        pass

    with pytest.raises(ValueError, match="'square': already the name of shape .*Square"):
        shapes.register("square")(Other)
    with pytest.raises(ValueError, match="'a:b': a colon in a name"):
        shapes.register("a:b")(Other)
    assert shapes.names() == ["point", "square"]


class Foreign:
    pass


class Positional(Shape):
    def __init__(self, *sizes: int) -> None:
        pass


class Keywords(Shape):
    def __init__(self, **options: int) -> None:
        pass


class Untyped(Shape):
    def __init__(self, width) -> None:
        pass


class Nameless(Shape):
    def __init__(self, width: int, /) -> None:
        pass


class Named(Shape):
    def __init__(self, *, name: str) -> None:
        pass


class Unreadable(Shape):
    def __init__(self, *, other: Shape) -> None:
        pass


class Unresolved(Shape):
    def __init__(self, *, other: "Nowhere") -> None:  # noqa: F821
        pass


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Foreign, "'x' must derive from Shape"),
        (Positional, r"\*sizes: .* hides the options"),
        (Keywords, r"\*\*options: .* hides the options"),
        (Untyped, "parameter 'width' needs a type"),
        (Nameless, "parameter 'width' must have a name"),
        (Named, "'name' is what a config calls the class"),
        (Unreadable, "option 'other': a config has no values of type"),
        (Unresolved, "a type cannot be looked up .*'Nowhere' is not defined"),
    ],
)
def test_a_class_that_no_config_could_describe_is_not_registered(shapes, cls, message):
    with pytest.raises(TypeError, match=f"^{cls.__name__}: {message}"):
        shapes.register("x")(cls)
    assert "x" not in shapes.names()


@dataclass(frozen=True)
class Lid:
    """A section in a section."""

    colour: str = "red"


@dataclass(frozen=True)
class Print:
    """One that takes what it is from elsewhere."""

    file: str
    ink: str | None = None

    def resolved(self):
        if self.file == "lost":
            raise ConfigError("file: lost")
        return replace(self, ink="blue")


def test_a_resolved_section_says_what_its_sections_say():
    shapes = Registry("shape", Shape)

    @shapes.register("box")
    class Box(Shape):
        def __init__(self, *, print: Print, lid: Lid = Lid(), none: Lid | None = None) -> None:
            self.parts = (print, lid, none)

    resolved = shapes.resolved({"name": "box", "print": {"file": "f"}}, "shape")
    assert resolved == {
        "name": "box",
        "print": {"file": "f", "ink": "blue"},
        "lid": {"colour": "red"},
        "none": None,
    }
    assert shapes.build(resolved, "").parts == (Print("f", "blue"), Lid(), None)
    with pytest.raises(ConfigError, match="^shape.print.file: lost$"):
        shapes.resolved({"name": "box", "print": {"file": "lost"}}, "shape")


def test_a_resolved_section_says_its_defaults_and_builds_the_same():
    shapes = Registry("shape", Shape)

    @shapes.register("box")
    class Box(Shape):
        def __init__(
            self, depth: int, *, width: float, height: float = 2.0, tags: tuple[int, ...] = (1,)
        ) -> None:
            self.sizes = (depth, width, height, tags)

    resolved = shapes.resolved({"name": "box", "width": 3}, "shape")
    assert resolved == {"name": "box", "width": 3.0, "height": 2.0, "tags": (1,)}
    section = {"name": "box", "width": 3}
    assert shapes.build(resolved, "", depth=1).sizes == shapes.build(section, "", depth=1).sizes
