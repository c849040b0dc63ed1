"""A section of a config, read into a frozen dataclass; the checks here serve `registry` too.

A dataclass may check itself further in `__post_init__` by raising a `ConfigError` that begins with
the name of its field (`"mixture_seconds: expected more than 0, got -1.0"`); the path of the section
is put before it.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from wesep_like.errors import ConfigError

D = TypeVar("D")

_SCALARS = {bool: "bool", int: "int", float: "float", str: "text", Path: "path"}


class Problems:
    """Gathers what is wrong, so that a user sees all of it and not only the first.

    Example:
        >>> problems = Problems()
        >>> with problems.collecting():
        ...     raise ConfigError("seed: missing")
        >>> problems.lines
        ['seed: missing']
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        """One more thing is wrong."""
        self.lines.append(line)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """A block whose `ConfigError`, if any, is kept and not raised."""
        try:
            yield
        except ConfigError as error:
            self.lines.extend(error.problems)

    def raise_if_any(self) -> None:
        """Goes on only if nothing was wrong.

        Raises:
            ConfigError: With every line gathered.
        """
        if self.lines:
            raise ConfigError(self.lines)


@dataclasses.dataclass(frozen=True)
class Option:
    """One key that a section may have; `default` counts where it is not required."""

    name: str
    annotation: object
    required: bool
    default: object = None


def read_section(cls: type[D], mapping: object, where: str) -> D:
    """The dataclass that a section of a config stands for.

    Args:
        cls: A dataclass; its fields are the keys, and those without a default are required.
        mapping: What the config says.
        where: Key path of the section; empty for the whole config.

    Raises:
        ConfigError: With every unknown or missing key and every value of a wrong type.
    """
    values = read_options(_options_of(cls), mapping, where)
    with located(where):
        return cls(**values)


def _options_of(cls: Any) -> list[Option]:
    hints = get_type_hints(cls)
    return [
        Option(
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
        if field.init
    ]


def read_options(
    options: Sequence[Option], mapping: object, where: str, owner: str = ""
) -> dict[str, object]:
    """What the config says about each option, as the option's type; those left out are left out.

    Args:
        options: All that may be said.
        mapping: What was said.
        where: Key path of the section.
        owner: Registered name of the class whose options these are, for the messages.

    Raises:
        ConfigError: With everything that is wrong.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{where or 'config'}: expected a section of keys, got {mapping!r}")
    problems = Problems()
    known = {option.name: option for option in options}
    values = {}
    for key, value in mapping.items():
        if key not in known:
            whose = f"{owner!r} has no such option" if owner else "there is no such option"
            listed = ", ".join(known) or "none"
            problems.add(f"{key_path(where, key)}: {whose}{nearest(key, known)}. Options: {listed}")
            continue
        with problems.collecting():
            values[key] = read_value(value, known[key].annotation, key_path(where, key))
    for option in options:
        if option.required and option.name not in mapping:
            wanted = describe(option.annotation)
            problems.add(f"{key_path(where, option.name)}: missing. Expected {wanted}")
    problems.raise_if_any()
    return values


def read_value(value: object, annotation: object, where: str) -> object:
    """A value from a config as the annotated type: lists become tuples, ints become floats.

    Nothing else is converted; a quoted number is a text and not a number.

    Raises:
        ConfigError: If it is of another type; for a section, with everything wrong inside.
    """
    origin, choices = get_origin(annotation), get_args(annotation)
    if annotation in (Any, object):
        return value
    if origin in (Union, types.UnionType):
        return _read_union(value, choices, where)
    if dataclasses.is_dataclass(annotation):
        return read_section(annotation, value, where)  # type: ignore[arg-type]
    if (origin in (tuple, list) or annotation in (tuple, list)) and isinstance(value, list | tuple):
        return _read_list(value, annotation, where)
    if origin is Literal and any(type(value) is type(c) and value == c for c in choices):
        return value
    if annotation in (None, type(None)) and value is None:
        return None
    if _is_mapping(annotation) and isinstance(value, Mapping):
        return value
    if annotation is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]
    if annotation is Path and isinstance(value, str | Path):
        return Path(value)
    if annotation in (bool, int, str) and type(value) is annotation:
        return value
    raise ConfigError(f"{where}: expected {describe(annotation)}, got {value!r}")


def _read_union(value: object, choices: Sequence[Any], where: str) -> object:
    if isinstance(value, Mapping):
        sections = [choice for choice in choices if dataclasses.is_dataclass(choice)]
        if sections:
            # Its own messages say more than that neither choice fits.
            return read_value(value, _section_meant(value, sections, where), where)
    # An exact type goes first: 3 under `float | int` is an int.
    for choice in sorted(choices, key=lambda choice: type(value) is not choice):
        try:
            return read_value(value, choice, where)
        except ConfigError:
            continue
    words = dict.fromkeys(word for choice in choices for word in _alternatives(choice))
    raise ConfigError(f"{where}: expected {_either(list(words))}, got {value!r}")


def _section_meant(value: Mapping[Any, Any], sections: Sequence[Any], where: str) -> Any:
    """Of several sections the one whose required keys are there."""
    if len(sections) == 1:
        return sections[0]
    options = {section: _options_of(section) for section in sections}
    keys = {s: [option.name for option in options[s] if option.required] for s in sections}
    meant = [section for section in sections if all(key in value for key in keys[section])]
    listed = " or ".join(" and ".join(keys[section]) for section in sections)
    if len(meant) != 1:
        found = "more. To replace a section, set its name too" if meant else list(value)
        raise ConfigError(f"{where}: expected the keys {listed}, got {found}")
    names = {option.name for option in options[meant[0]]}
    foreign = {o.name for section in sections for o in options[section]} - names
    chosen = " and ".join(keys[meant[0]])
    if wrong := [key for key in value if key in foreign]:
        raise ConfigError(f"{where}.{key}: does not go with {chosen}. Remove it" for key in wrong)
    return meant[0]


def _read_list(value: Sequence[object], annotation: object, where: str) -> Sequence[object]:
    items = get_args(annotation)
    kind: Any = get_origin(annotation) or annotation
    if kind is list:
        items = (items[0] if items else Any, ...)
    if not items:
        items = (Any, ...)
    if items[-1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(items) != len(value):
        raise ConfigError(f"{where}: expected {describe(annotation)}, got {list(value)!r}")
    problems = Problems()
    result = []
    for number, (entry, item) in enumerate(zip(value, items, strict=True)):
        with problems.collecting():
            result.append(read_value(entry, item, f"{where}[{number}]"))
    problems.raise_if_any()
    return kind(result)


def _alternatives(annotation: object) -> list[str]:
    """A type in words, each thing that it may be."""
    origin, choices = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return [word for choice in choices for word in _alternatives(choice)]
    if origin is Literal:
        return [repr(choice) for choice in choices]
    return [describe(annotation)]


def describe(annotation: object) -> str:
    """A type in the words of a message, such as "int, 'all' or null".

    Raises:
        TypeError: If no value in a config can be of this type.
    """
    origin, choices = get_origin(annotation), get_args(annotation)
    if annotation in (Any, object):
        return "anything"
    if origin in (Union, types.UnionType, Literal):
        return _either(_alternatives(annotation))
    if annotation in (None, type(None)):
        return "null"
    if dataclasses.is_dataclass(annotation) or _is_mapping(annotation):
        return "a section of keys"
    if annotation in (tuple, list):
        return "a list"
    if origin is list or (origin is tuple and choices[-1] is Ellipsis):
        inner = describe(choices[0])
        return f"a list of {inner.replace('a section', 'sections', 1)}"
    if origin is tuple:
        return f"[{', '.join(describe(choice) for choice in choices)}]"
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    raise TypeError(f"a config has no values of type {annotation!r}")


def check_sizes(**sizes: int | None) -> None:
    """Goes on only if every size is at least 1; for a constructor or a `__post_init__`.

    Args:
        **sizes: By the names of the options; those that are None are left out.

    Raises:
        ConfigError: With every size that is not.
    """
    wrong = {name: size for name, size in sizes.items() if size is not None and size < 1}
    if wrong:
        raise ConfigError(f"{name}: expected at least 1, got {wrong[name]}" for name in wrong)


def _is_mapping(annotation: object) -> bool:
    return (get_origin(annotation) or annotation) in (dict, Mapping)


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def key_path(where: str, key: object) -> str:
    """`where.key`, or `key` at the top of a config."""
    return f"{where}.{key}" if where else str(key)


def nearest(word: object, known: Collection[str]) -> str:
    """A question, "did you mean 'film'?", in brackets; nothing if no known word is near."""
    found = difflib.get_close_matches(str(word), known, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


@contextmanager
def located(where: str) -> Iterator[None]:
    """A block whose `ConfigError` gets the path of its section put before each line."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(key_path(where, line) for line in error.problems) from error
