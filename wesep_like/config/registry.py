"""Names to classes; the only place where a name in a config becomes a class.

A constructor says itself what a config may say of it. What stands left of `*` is wired by the code,
what stands right of it is an option:

    @FUSIONS.register("film")
    class FiLM(Fusion):
        def __init__(self, feature_dim: int, embed_dim: int, *, layer_norm: bool = False) -> None:

A constructor may refuse options by a `ConfigError` that begins with the name of one
(`"num_heads: expected a divisor of 12, got 5"`); the path of the section is put before it.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, get_type_hints

from wesep_like.config.sections import (
    Option,
    Problems,
    describe,
    key_path,
    located,
    nearest,
    read_options,
)
from wesep_like.errors import ConfigError

T = TypeVar("T")
S = TypeVar("S")


@dataclasses.dataclass(frozen=True)
class _Signature:
    """What a constructor takes: by name from the code, and by option from a config."""

    wired: dict[str, bool]  # name -> required
    options: list[Option]


class Registry(Generic[T]):
    """The classes of one kind, by the names that configs call them.

    Args:
        kind: What one of them is, in a message: "fusion".
        base: What each must derive from.
    """

    def __init__(self, kind: str, base: type[T]) -> None:
        self.kind = kind
        self.base = base
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[S]], type[S]]:
        """Decorates a class, which is then known by `name`.

        Raises:
            ValueError: If the name is taken, or has a colon.
            TypeError: If the class is of another kind, or its constructor has `*args`, `**kwargs`,
                a parameter without a type, or an option of a type that no config can hold.
        """

        def add(cls: type[S]) -> type[S]:
            if ":" in name:
                raise ValueError(f"{name!r}: a colon in a name means a class from elsewhere")
            if name in self._classes:
                taken = self._classes[name].__qualname__
                raise ValueError(f"{name!r}: already the name of {self.kind} {taken}")
            member: type = cls  # mypy would narrow `cls` below, and so what is returned
            if not issubclass(member, self.base):
                raise TypeError(
                    f"{cls.__qualname__}: {name!r} must derive from {self.base.__name__}"
                )
            self._signature(member)
            self._classes[name] = member
            return cls

        return add

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return sorted(self._classes)

    def find(self, section: object, where: str, *, trust_code: bool = True) -> type[T]:
        """The class that a section names.

        Args:
            section: Has a key `name`: a registered one, or `package.module:Class` from anywhere.
            where: Key path of the section.
            trust_code: Whether a name with a colon may be imported, which runs code.

        Raises:
            ConfigError: If there is no name, or no such class.
        """
        known = ", ".join(self.names())
        if not isinstance(section, Mapping):
            raise ConfigError(
                f"{where}: expected a section with a name, got {section!r}. Known: {known}"
            )
        where = key_path(where, "name")
        if "name" not in section:
            raise ConfigError(f"{where}: missing. Known: {known}")
        name = section["name"]
        if isinstance(name, str) and ":" in name:
            return self._import(name, where, trust_code)
        if not isinstance(name, str) or name not in self._classes:
            hint = nearest(name, self._classes)
            raise ConfigError(f"{where}: no {self.kind} is called {name!r}{hint}. Known: {known}")
        return self._classes[name]

    def problems(self, section: object, where: str, *, trust_code: bool = True) -> list[str]:
        """Everything that is wrong with a section, one line each; nothing is built."""
        problems = Problems()
        with problems.collecting():
            self._read(section, where, trust_code)
        return problems.lines

    def resolved(self, section: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The section with each default written out, so that it means the same for ever.

        An option that is a section of its own may have a method `resolved`, which gives it with
        what it takes from elsewhere, say a file, written out.

        Raises:
            ConfigError: With everything wrong in the section.
        """
        cls, said = self._read(section, where, trust_code=True)
        options = self._signature(cls).options
        defaults = {option.name: option.default for option in options if not option.required}
        written = {"name": section["name"], **defaults, **said}
        for name, value in written.items():
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                with located(key_path(where, name)):
                    resolve = getattr(value, "resolved", None)
                    written[name] = dataclasses.asdict(resolve() if resolve else value)
        return written

    def asks(self, section: object, where: str, *, trust_code: bool = True) -> set[str]:
        """What the class that a section names wants from the code, by name.

        Raises:
            ConfigError: If there is no such class.
        """
        return set(self._signature(self.find(section, where, trust_code=trust_code)).wired)

    def build(
        self, section: Mapping[str, Any], where: str, *, trust_code: bool = True, **wired: object
    ) -> T:
        """The object that a section describes.

        Args:
            section: Its `name` and options.
            where: Key path of the section.
            trust_code: Whether a name with a colon may be imported.
            **wired: What the code has to offer; the constructor gets what it asks for by name.

        Raises:
            ConfigError: With everything wrong in the section, or what the constructor refuses.
        """
        cls, options = self._read(section, where, trust_code)
        asked = self._signature(cls).wired
        lacking = [name for name, required in asked.items() if required and name not in wired]
        if lacking:
            raise ConfigError(
                f"{key_path(where, 'name')}: {section['name']!r} asks for {', '.join(lacking)}, "
                f"which no {self.kind} is given. Given: {', '.join(wired) or 'nothing'}"
            )
        given = {name: wired[name] for name in asked if name in wired}
        with located(where):
            return cls(**given, **options)

    def _read(
        self, section: object, where: str, trust_code: bool
    ) -> tuple[type[T], dict[str, Any]]:
        cls = self.find(section, where, trust_code=trust_code)
        assert isinstance(section, Mapping)
        signature = self._signature(cls)
        problems = Problems()
        said = {}
        for key, value in section.items():
            if key in signature.wired:
                problems.add(f"{key_path(where, key)}: set by the code, not by a config. Remove it")
            elif key != "name":
                said[key] = value
        options: dict[str, Any] = {}
        with problems.collecting():
            options = read_options(signature.options, said, where, owner=section["name"])
        problems.raise_if_any()
        return cls, options

    def _import(self, name: str, where: str, trust_code: bool) -> type[T]:
        if not trust_code:
            raise ConfigError(
                f"{where}: {name!r} is code from outside this package, which is not run unasked. "
                "Pass trust_code=True (--trust-code) if you trust who wrote it"
            )
        module_name, _, class_name = name.partition(":")
        try:
            cls = getattr(importlib.import_module(module_name), class_name)
        except (ImportError, AttributeError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{where}: {name!r} cannot be imported ({error}). "
                "Expected package.module:Class, with the package installed or on PYTHONPATH"
            ) from error
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            base = f"{self.base.__module__}.{self.base.__qualname__}"
            raise ConfigError(f"{where}: {name!r} is no {self.kind}. Derive it from {base}")
        try:
            self._signature(cls)
        except TypeError as error:
            raise ConfigError(f"{where}: {name!r} cannot be configured. {error}") from error
        return cls

    def _signature(self, cls: type) -> _Signature:
        """Reads the constructor; refuses one from which a config could not be checked."""
        owner = next(parent for parent in cls.__mro__ if "__init__" in vars(parent))
        if not issubclass(owner, self.base):
            # Nothing between the class and its base has a constructor: it takes nothing.
            return _Signature({}, [])
        _, *parameters = inspect.signature(owner.__init__).parameters.values()
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(
                    f"{cls.__qualname__}: {parameter} hides the options. Write each one out"
                )
            if parameter.annotation is parameter.empty:
                raise TypeError(f"{cls.__qualname__}: parameter {parameter.name!r} needs a type")
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise TypeError(
                    f"{cls.__qualname__}: parameter {parameter.name!r} must have a name"
                )
            if parameter.name == "name":
                raise TypeError(f"{cls.__qualname__}: 'name' is what a config calls the class")
        try:
            hints = get_type_hints(owner.__init__)
        except NameError as error:
            raise TypeError(
                f"{cls.__qualname__}: a type cannot be looked up ({error}). "
                "Import it at run time and not only for type checking"
            ) from error
        wired, options = {}, []
        for parameter in parameters:
            required = parameter.default is parameter.empty
            if parameter.kind is parameter.KEYWORD_ONLY:
                hint = hints[parameter.name]
                options.append(Option(parameter.name, hint, required, parameter.default))
            else:
                wired[parameter.name] = required
        for option in options:
            try:
                describe(option.annotation)
            except TypeError as error:
                raise TypeError(f"{cls.__qualname__}: option {option.name!r}: {error}") from error
        return _Signature(wired, options)
