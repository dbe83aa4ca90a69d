"""Reads tach's configuration files. Texts in, values and Problems out; no disk.

tach refuses a file with an unknown key or a value of another kind. Here this is a Problem at its
line with the nearest key that exists, and what can be read is read.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.tach import places
from trueup.architecture.tach.config import (
    Dependency,
    DomainConfig,
    Interface,
    Layer,
    Module,
    RootModule,
    Rules,
    Setting,
    TachConfig,
)

CONTRACT: Final = "tach:configuration"
_OTHER_TABLES: Final = ("cache", "external", "map", "plugins", "deadcode")
"""Known to tach, and of no consequence for which import may stand."""
_SWITCHES: Final = (
    "exact",
    "forbid_circular_dependencies",
    "ignore_type_checking_imports",
    "include_string_imports",
    "layers_explicit_depends_on",
)
_TOP: Final = (
    *("modules", "interfaces", "layers", "source_roots", "exclude", "respect_gitignore"),
    *("root_module", "rules", *_SWITCHES, *_OTHER_TABLES),
)
_MODULE: Final = (
    *("depends_on", "cannot_depend_on", "depends_on_external", "cannot_depend_on_external"),
    *("layer", "visibility", "utility", "unchecked"),
)
_INTERFACE: Final = ("expose", "from", "visibility", "data_types", "exclusive")
_RULES: Final = tuple(Rules.__dataclass_fields__)
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")

Item = TypeVar("Item")


def read(path: str, text: str) -> TachConfig | None:
    """The configuration in the file at `path`; None where a `pyproject.toml` has none.

    Read `tach.toml` where there is one, else `pyproject.toml`. A text that is not TOML gives a
    configuration of nothing but the Problem.
    """
    table, reader = _opened(path, text)
    within: places.Key = ()
    if path.rpartition("/")[2] == "pyproject.toml":
        tool = table.get("tool")
        if not isinstance(tool, dict) or "tach" not in tool:
            return None
        within, table = ("tool", "tach"), reader.table(tool["tach"], ("tool", "tach"))
    reader.known(table, within, _TOP)
    switches = {
        name: reader.flag(table, within, name, default=getattr(TachConfig(reader.top), name))
        for name in _SWITCHES
    }
    rules, sources = reader.rules(table, within)
    source_roots = reader.texts(table, within, "source_roots")
    return TachConfig(
        source=reader.source(within),
        modules=reader.modules(table, within),
        interfaces=reader.each(table, within, "interfaces", reader.interface),
        layers=reader.each(table, within, "layers", reader.layer),
        source_roots=(".",) if source_roots is None else source_roots,
        exclude=reader.texts(table, within, "exclude") or (),
        respect_gitignore=reader.gitignore(table, within),
        root_module=RootModule(reader.choice(table, within, "root_module", tuple(RootModule))),
        rules=rules,
        rule_sources=sources,
        problems=tuple(reader.problems),
        **switches,
    )


def read_domain(path: str, text: str) -> DomainConfig:
    """The configuration in the `tach.domain.toml` at `path`."""
    table, reader = _opened(path, text)
    reader.known(table, (), ("root", "modules", "interfaces"))
    root = None
    if "root" in table:
        root = reader.module(reader.table(table["root"], ("root",)), ("root",), "", _MODULE)
    return DomainConfig(
        source=reader.top,
        root=root,
        modules=reader.modules(table, ()),
        interfaces=reader.each(table, (), "interfaces", reader.interface),
        problems=tuple(reader.problems),
    )


def _opened(path: str, text: str) -> tuple[dict[str, Any], _Reader]:
    # As files are read on any system; TOML knows no other line ends.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return tomllib.loads(text), _Reader(path, places.lines(text))
    except tomllib.TOMLDecodeError as error:
        reader = _Reader(path, {})
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        reason = _AT_LINE.sub("", str(error)).removesuffix(" (at end of document)")
        sentence = f"this is not TOML: {reason[:1].lower()}{reason[1:]}"
        reader.problems.append(Problem(Source(path, line), sentence, contract=CONTRACT))
        return {}, reader


@dataclass(slots=True)
class _Reader:
    """Reads values of one file, and gathers what is wrong with them."""

    path: str
    lines: Mapping[places.Key, int]
    problems: list[Problem] = field(default_factory=list)

    @property
    def top(self) -> Source:
        return Source(self.path, 1)

    def source(self, at: places.Key) -> Source:
        """The line of `at`, or of the nearest that it is in."""
        while at and at not in self.lines:
            at = at[:-1]
        return Source(self.path, self.lines.get(at, 1))

    def wrong(self, at: places.Key, message: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(self.source(at), message, severity, CONTRACT))

    def known(
        self,
        table: Mapping[str, Any],
        at: places.Key,
        keys: tuple[str, ...],
        severity: Severity = Severity.ERROR,
    ) -> None:
        for key in table:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                self.wrong((*at, key), f"tach knows no key '{key}' here{hint}", severity)

    def table(self, value: object, at: places.Key) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(at, f"'{at[-1]}' must be a table")
        return {}

    def flag(self, table: Mapping[str, Any], at: places.Key, key: str, *, default: bool) -> bool:
        value = table.get(key, default)
        if isinstance(value, bool):
            return value
        self.wrong((*at, key), f"'{key}' must be true or false")
        return default

    def text(self, table: Mapping[str, Any], at: places.Key, key: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        self.wrong((*at, key), f"'{key}' must be a string")
        return None

    def choice(
        self, table: Mapping[str, Any], at: places.Key, key: str, choices: tuple[str, ...]
    ) -> str:
        """One of `choices`, the first where nothing is said."""
        value = table.get(key, choices[0])
        if value in choices:
            return str(value)
        listed = ", ".join(f"'{choice}'" for choice in choices)
        self.wrong((*at, key), f"'{key}' must be one of {listed}")
        return choices[0]

    def texts(self, table: Mapping[str, Any], at: places.Key, key: str) -> tuple[str, ...] | None:
        if key not in table:
            return None
        return tuple(
            value
            for index, value in self.array(table, at, key)
            if self._is_text(value, (*at, key, index))
        )

    def _is_text(self, value: object, at: places.Key) -> bool:
        if not isinstance(value, str):
            self.wrong(at, f"'{at[-2]}' must be a list of strings")
        return isinstance(value, str)

    def array(
        self, table: Mapping[str, Any], at: places.Key, key: str
    ) -> Iterator[tuple[int, Any]]:
        value = table.get(key, [])
        if isinstance(value, list):
            yield from enumerate(value)
        else:
            self.wrong((*at, key), f"'{key}' must be a list")

    def each(
        self,
        table: Mapping[str, Any],
        at: places.Key,
        key: str,
        read_one: Callable[[Any, places.Key], Item | None],
    ) -> tuple[Item, ...]:
        """All that can be read of an array."""
        found = (read_one(value, (*at, key, i)) for i, value in self.array(table, at, key))
        return tuple(one for one in found if one is not None)

    def named(
        self, value: object, at: places.Key, name: str, switch: str
    ) -> tuple[str, bool] | None:
        """What may be written as a string, or as a table of a name and a switch."""
        if isinstance(value, str):
            return value, False
        if not isinstance(value, dict):
            self.wrong(at, f"this must be a string, or a table with '{name}' and '{switch}'")
            return None
        self.known(value, at, (name, switch))
        written = self.text(value, at, name)
        if written is None and name not in value:
            self.wrong(at, f"'{name}' is missing")
        on = self.flag(value, at, switch, default=False)
        return None if written is None else (written, on)

    def dependency(self, value: object, at: places.Key) -> Dependency | None:
        read_value = self.named(value, at, "path", "deprecated")
        return read_value and Dependency(read_value[0], self.source(at), read_value[1])

    def layer(self, value: object, at: places.Key) -> Layer | None:
        read_value = self.named(value, at, "name", "closed")
        return read_value and Layer(read_value[0], self.source(at), read_value[1])

    def modules(self, table: Mapping[str, Any], at: places.Key) -> tuple[Module, ...]:
        read_tables = self.each(table, at, "modules", self._listed)
        return tuple(module for modules in read_tables for module in modules)

    def _listed(self, value: object, at: places.Key) -> tuple[Module, ...]:
        """The module of `path`, or those of `paths`, which share all else."""
        if not isinstance(value, dict):
            self.wrong(at, "a module must be a table")
            return ()
        if "paths" in value:
            keys = ("paths", *_MODULE)
            paths = self.texts(value, at, "paths") or ()
            # tach says nothing of an unknown key where `paths` stands.
            self.known(value, at, keys, Severity.WARNING)
        else:
            paths = tuple(filter(None, (self.text(value, at, "path"),)))
            if not value.get("path"):
                self.wrong(at, "a module needs its 'path' or 'paths'")
            if value.get("strict") is not None:
                message = "'strict' is not a key of tach any more; write interfaces instead"
                self.wrong((*at, "strict"), message, Severity.WARNING)
            self.known(value, at, ("path", "strict", *_MODULE))
        if not paths:
            return ()
        first = self.module(value, at, paths[0], ())
        return tuple(replace(first, path=path) for path in paths)

    def module(
        self, table: Mapping[str, Any], at: places.Key, path: str, keys: tuple[str, ...]
    ) -> Module:
        if keys:
            self.known(table, at, keys)
        depends_on = None
        if "depends_on" in table:
            depends_on = self.each(table, at, "depends_on", self.dependency)
        return Module(
            path=path,
            source=self.source(at),
            depends_on=depends_on,
            cannot_depend_on=self.each(table, at, "cannot_depend_on", self.dependency),
            depends_on_external=self.texts(table, at, "depends_on_external"),
            cannot_depend_on_external=self.texts(table, at, "cannot_depend_on_external") or (),
            layer=self.text(table, at, "layer"),
            visibility=self.texts(table, at, "visibility"),
            utility=self.flag(table, at, "utility", default=False),
            unchecked=self.flag(table, at, "unchecked", default=False),
        )

    def interface(self, value: object, at: places.Key) -> Interface | None:
        if not isinstance(value, dict):
            self.wrong(at, "an interface must be a table")
            return None
        self.known(value, at, _INTERFACE)
        expose = self.texts(value, at, "expose")
        if expose is None:
            self.wrong(at, "an interface must say what it exposes, in 'expose'")
            return None
        modules = self.texts(value, at, "from")
        return Interface(
            expose=expose,
            source=self.source(at),
            modules=(".*",) if modules is None else modules,
            visibility=self.texts(value, at, "visibility"),
            primitive=self.choice(value, at, "data_types", ("all", "primitive")) == "primitive",
            exclusive=self.flag(value, at, "exclusive", default=False),
        )

    def gitignore(self, table: Mapping[str, Any], at: places.Key) -> bool | str:
        value = table.get("respect_gitignore", True)
        if isinstance(value, bool) or value == "if_git_repo":
            return value  # type: ignore[no-any-return]
        self.wrong((*at, "respect_gitignore"), "this must be true, false or 'if_git_repo'")
        return True

    def rules(
        self, table: Mapping[str, Any], at: places.Key
    ) -> tuple[Rules, tuple[tuple[str, Source], ...]]:
        if "rules" not in table:
            return Rules(), ()
        at = (*at, "rules")
        rules = self.table(table["rules"], at)
        self.known(rules, at, _RULES, Severity.WARNING)
        settings = {}
        for name in (name for name in _RULES if name in rules):
            if rules[name] in tuple(Setting):
                settings[name] = Setting(rules[name])
            else:
                self.wrong((*at, name), f"'{name}' must be one of 'error', 'warn', 'off'")
        return Rules(**settings), tuple((name, self.source((*at, name))) for name in settings)
