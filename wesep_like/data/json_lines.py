"""JSON Lines files of frozen dataclasses: one record a line, checked when read."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from wesep_like.config.atomic import atomic_path, make_folder
from wesep_like.config.sections import nearest
from wesep_like.data.text_lines import numbered_lines, raise_problems, read_text
from wesep_like.errors import ManifestError

D = TypeVar("D")


@dataclass(frozen=True)
class _RecordField:
    """One field of a record: its type and whether a line may leave it out."""

    annotation: Any
    is_required: bool


def read_json_lines(path: str | Path, cls: type[D]) -> list[D]:
    """Read and check one record of `cls` from each line; ids are unique.

    Raises:
        ManifestError: If the file is missing or empty, or lines are wrong; tells up to ten of them,
            then a count, and what is wrong with all alike once.
    """
    path = Path(path)
    text = read_text(path, "JSON Lines", "Write it with 'wesep-like prepare'.")
    records: list[D] = []
    problems: list[str] = []
    line_of_id: dict[str, int] = {}
    for number, line in numbered_lines(text):
        where = f"{path}:{number}"
        try:
            record = _from_json(cls, _parse(line))
        except ValueError as error:
            problems.append(f"{where}: {error}")
            continue
        record_id = record.id  # type: ignore[attr-defined]
        if record_id in line_of_id:
            problems.append(f"{where}: id {record_id!r} is already on line {line_of_id[record_id]}")
            continue
        line_of_id[record_id] = number
        records.append(record)

    whats = {problem.partition(": ")[2] for problem in problems}
    if len(problems) > 1 and not records and len(whats) == 1:  # another kind of file
        problems = [f"{path}: each of its {len(problems)} lines: {whats.pop()}"]
    raise_problems(path, problems)
    if not records:
        raise ManifestError(f"{path}: no records in it. Expected one JSON object a line.")
    return records


def write_json_lines(path: str | Path, records: Iterable[object]) -> None:
    """Write one dataclass a line, whole or not at all; fields that are None are left out.

    Raises:
        OutputError: If the file cannot be written there.
    """
    mappings = [_without_none(asdict(record)) for record in records]  # type: ignore[call-overload]
    lines = [json.dumps(mapping, ensure_ascii=False) + "\n" for mapping in mappings]
    write_text(path, "".join(lines))


def write_text(path: str | Path, text: str) -> None:
    """Write a text file beside its place, then rename it; its folder is made if need be.

    Raises:
        OutputError: If the file cannot be written there.
    """
    make_folder(Path(path).parent)
    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _parse(line: str) -> Mapping[str, object]:
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at column {error.colno})") from error
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a JSON object, got {value!r}")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON ({name}). Expected finite numbers")


def _from_json(cls: type[D], mapping: Mapping[str, object], prefix: str = "") -> D:
    """Build one record; ValueError says what is wrong, without where."""
    known = _fields(cls)  # type: ignore[arg-type]  # mypy: a type variable has no hash
    for name in mapping:
        if name not in known:
            hint = nearest(name, known)
            raise ValueError(
                f"no field is called {prefix + name!r}{hint}. Fields: {', '.join(known)}"
            )
    values = {}
    for name, field in known.items():
        if name in mapping:
            values[name] = _value(field.annotation, mapping[name], prefix + name)
        elif field.is_required:
            raise ValueError(f"{prefix + name!r} is missing")
    return cls(**values)


def _value(annotation: Any, value: object, name: str) -> object:
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (arg for arg in get_args(annotation) if arg is not type(None))
        if value is None:
            return None
    if is_dataclass(annotation) and isinstance(value, Mapping):
        return _from_json(annotation, value, f"{name}.")  # type: ignore[arg-type]
    if get_origin(annotation) is tuple and isinstance(value, list):
        item_type = get_args(annotation)[0]
        return tuple(_value(item_type, item, f"{name}[{i}]") for i, item in enumerate(value))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation is float and is_number:
        return float(value)  # type: ignore[arg-type]
    if annotation is int and is_number and isinstance(value, int):
        return value
    if annotation in (str, bool) and isinstance(value, annotation):
        return value
    raise ValueError(
        f"{name}: expected {getattr(annotation, '__name__', annotation)}, got {value!r}"
    )


@cache
def _fields(cls: type) -> dict[str, _RecordField]:
    hints = get_type_hints(cls)
    return {
        field.name: _RecordField(hints[field.name], _has_no_default(field)) for field in fields(cls)
    }


def _has_no_default(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_none(item) for item in value]
    return value
