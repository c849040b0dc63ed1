"""YAML files, one level of base, and `key.path=value` from a command line."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wesep_like.config.atomic import atomic_path
from wesep_like.config.sections import key_path
from wesep_like.errors import ConfigError

_EXPONENT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
_KEY = re.compile(r"\w+(\.\w+)*")


class _Loader(yaml.SafeLoader):
    """Plain YAML, without the two traps of PyYAML: `1e-3` as text, and a key given twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[Hashable, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            # A merge key may come twice; any other scalar is compared as it is written.
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in lines:
                first = lines[key.value]
                raise ConfigError(
                    f"{key.start_mark.name}:{line}: key {key.value!r} is already on line {first}"
                )
            lines[key.value] = line
        return node


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads back as it was."""


for _class in (_Loader, _Dumper):
    # YAML 1.2 reads 1e-3 and 1.0e3 as numbers; PyYAML keeps to 1.1, which wants 1.0e+3.
    _class.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def read_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The mapping in a YAML file, laid over its base, with overrides laid over both.

    A section whose `name` changes, in a file over its base or by an override, replaces the old
    section whole, so that no option of the old class survives in the new one. Overrides to
    different keys do not depend on their order.

    Args:
        path: The file. Its key `base`, if any, names one other file, relative to this one; that
            file has no base.
        overrides: `key.path=value` each; the value is read as YAML.

    Raises:
        ConfigError: If a file cannot be read or is not a YAML mapping, or an override is malformed.
    """
    config = _read_yaml(path)
    if "base" in config:
        base = config.pop("base")
        if not isinstance(base, str):
            raise ConfigError(f"{path}: base: expected the path of one file, got {base!r}")
        base_path = Path(path).parent / base
        if not base_path.is_file():
            raise ConfigError(f"{path}: base: there is no file {base_path}")
        below = _read_yaml(base_path)
        if "base" in below:
            raise ConfigError(
                f"{base_path}: base: a base has no base itself, and this file is one for {path}. "
                "Write out what it needs"
            )
        config = _overlay(below, config, str(path))
    return with_overrides(config, overrides, str(path))


def with_overrides(
    config: Mapping[str, Any], overrides: Sequence[str], name: str = ""
) -> dict[str, Any]:
    """The mapping with `key.path=value` each laid over it.

    Args:
        config: Stays as it is.
        overrides: See `read_config`.
        name: Of the mapping, for messages.

    Raises:
        ConfigError: If an override is malformed.
    """
    return _overlay(config, _read_overrides(overrides), name)


def write_config(path: str | os.PathLike[str], mapping: Mapping[str, Any]) -> None:
    """The file holds the mapping as YAML, keys in their order; it is never there half written.

    Raises:
        OutputError: If it cannot be written.
    """
    text = yaml.dump(
        dict(mapping), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: is not UTF-8 text ({error.reason}, byte {error.start})"
        ) from error
    config = _parse(text, str(path))
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ConfigError(f"{path}: expected lines of 'key: value', got {_brief(config)}")
    return config


def _parse(text: str, name: str) -> object:
    try:
        loader = _Loader(text)
        loader.name = name
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except ConfigError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: is not YAML ({error.problem})") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2001-02-31
        raise ConfigError(f"{name}: is not YAML ({' '.join(str(error).split())})") from error


def _read_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """All overrides as one mapping, to be laid over a config as a file is over its base."""
    result: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not _KEY.fullmatch(key):
            raise ConfigError(
                f"override {override!r}: expected key.path=value, such as model.fusion.name=film"
            )
        *parents, last = key.split(".")
        section = result
        for depth, parent in enumerate(parents, start=1):
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                taken = ".".join(parents[:depth])
                raise ConfigError(
                    f"override {override!r}: another override sets {taken} to {section!r}. "
                    "Leave one out"
                )
        if isinstance(section.get(last), dict):
            raise ConfigError(
                f"override {override!r}: another override sets {section[last]!r} in {key}. "
                "Leave one out"
            )
        section[last] = _parse(text, f"override {override!r}")
    return result


def _overlay(
    below: Mapping[str, Any], above: Mapping[str, Any], file: str, where: str = ""
) -> dict:
    """A new mapping: `above`, and what it does not mention from `below`."""
    result = dict(copy.deepcopy(below))
    for key, new in above.items():
        old = result.get(key)
        path = key_path(where, key)
        if isinstance(old, list) and isinstance(new, Mapping):
            raise ConfigError(
                f"{file}: {path}: is a list, of which no part can be set. Give the whole list"
            )
        if isinstance(old, Mapping) and isinstance(new, Mapping) and not _is_renamed(old, new):
            result[key] = _overlay(old, new, file, path)
        else:
            result[key] = copy.deepcopy(new)
    return result


def _is_renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "name" in new and new["name"] != old.get("name")


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
