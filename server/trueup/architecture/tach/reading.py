"""Reads tach's configuration files. Texts in, values and Problems out; no disk.

tach refuses a file with an unknown key or a value of another kind. Here this is a Problem at its
line with the nearest key that exists, and what can be read is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from trueup.architecture.contracts import Severity, Source
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
from trueup.architecture.tach.values import Reader, opened

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


def read(path: str, text: str) -> TachConfig | None:
    """The configuration in the file at `path`; None where a `pyproject.toml` has none, or cannot
    be read.

    Read `tach.toml` where there is one, else `pyproject.toml`. A `tach.toml` that is not TOML gives
    a configuration of nothing but the Problem.
    """
    table, reader = opened(path, text, CONTRACT)
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
    rules, sources = _rules(reader, table, within)
    source_roots = reader.texts(table, within, "source_roots")
    return TachConfig(
        source=reader.source(within),
        modules=_modules(reader, table, within),
        interfaces=reader.each(table, within, "interfaces", partial(_interface, reader)),
        layers=reader.each(table, within, "layers", partial(_layer, reader)),
        source_roots=(".",) if source_roots is None else source_roots,
        exclude=reader.texts(table, within, "exclude") or (),
        respect_gitignore=_gitignore(reader, table, within),
        root_module=RootModule(reader.choice(table, within, "root_module", tuple(RootModule))),
        rules=rules,
        rule_sources=sources,
        # Last, for all that reading the others has gathered.
        problems=tuple(reader.problems),
        **switches,
    )


def read_domain(path: str, text: str) -> DomainConfig:
    """The configuration in the `tach.domain.toml` at `path`."""
    table, reader = opened(path, text, CONTRACT)
    reader.known(table, (), ("root", "modules", "interfaces"))
    root = None
    if "root" in table:
        root = _module(reader, reader.table(table["root"], ("root",)), ("root",), "", _MODULE)
    return DomainConfig(
        source=reader.top,
        root=root,
        modules=_modules(reader, table, ()),
        interfaces=reader.each(table, (), "interfaces", partial(_interface, reader)),
        problems=tuple(reader.problems),
    )


def _dependency(reader: Reader, value: object, at: places.Key) -> Dependency | None:
    read_value = reader.named(value, at, "path", "deprecated")
    return read_value and Dependency(read_value[0], reader.source(at), read_value[1])


def _layer(reader: Reader, value: object, at: places.Key) -> Layer | None:
    read_value = reader.named(value, at, "name", "closed")
    return read_value and Layer(read_value[0], reader.source(at), read_value[1])


def _modules(reader: Reader, table: Mapping[str, Any], at: places.Key) -> tuple[Module, ...]:
    read_tables = reader.each(table, at, "modules", partial(_listed, reader))
    return tuple(module for modules in read_tables for module in modules)


def _listed(reader: Reader, value: object, at: places.Key) -> tuple[Module, ...]:
    """The module of `path`, or those of `paths`, which share all else."""
    if not isinstance(value, dict):
        reader.wrong(at, "a module must be a table")
        return ()
    if "paths" in value:
        keys = ("paths", *_MODULE)
        paths = reader.texts(value, at, "paths") or ()
        # tach says nothing of an unknown key where `paths` stands.
        reader.known(value, at, keys, Severity.WARNING)
    else:
        paths = tuple(filter(None, (reader.text(value, at, "path"),)))
        if not value.get("path"):
            reader.wrong(at, "a module needs its 'path' or 'paths'")
        if value.get("strict") is not None:
            message = "'strict' is not a key of tach any more; write interfaces instead"
            reader.wrong((*at, "strict"), message, Severity.WARNING)
        reader.known(value, at, ("path", "strict", *_MODULE))
    if not paths:
        return ()
    first = _module(reader, value, at, paths[0], ())
    return tuple(replace(first, path=path) for path in paths)


def _module(
    reader: Reader, table: Mapping[str, Any], at: places.Key, path: str, keys: tuple[str, ...]
) -> Module:
    if keys:
        reader.known(table, at, keys)
    depends_on = None
    if "depends_on" in table and reader.is_list(table, at, "depends_on"):
        depends_on = reader.each(table, at, "depends_on", partial(_dependency, reader))
    return Module(
        path=path,
        source=reader.source(at),
        depends_on=depends_on,
        declared=None if depends_on is None else reader.source((*at, "depends_on")),
        cannot_depend_on=reader.each(table, at, "cannot_depend_on", partial(_dependency, reader)),
        depends_on_external=reader.texts(table, at, "depends_on_external"),
        cannot_depend_on_external=reader.texts(table, at, "cannot_depend_on_external") or (),
        layer=reader.text(table, at, "layer"),
        visibility=reader.texts(table, at, "visibility"),
        utility=reader.flag(table, at, "utility", default=False),
        unchecked=reader.flag(table, at, "unchecked", default=False),
    )


def _interface(reader: Reader, value: object, at: places.Key) -> Interface | None:
    if not isinstance(value, dict):
        reader.wrong(at, "an interface must be a table")
        return None
    reader.known(value, at, _INTERFACE)
    expose = reader.texts(value, at, "expose")
    if expose is None:
        reader.wrong(at, "an interface must say what it exposes, in 'expose'")
        return None
    modules = reader.texts(value, at, "from")
    return Interface(
        expose=expose,
        source=reader.source(at),
        modules=(".*",) if modules is None else modules,
        visibility=reader.texts(value, at, "visibility"),
        primitive=reader.choice(value, at, "data_types", ("all", "primitive")) == "primitive",
        exclusive=reader.flag(value, at, "exclusive", default=False),
    )


def _gitignore(reader: Reader, table: Mapping[str, Any], at: places.Key) -> bool | str:
    value = table.get("respect_gitignore", True)
    if isinstance(value, bool) or value == "if_git_repo":
        return value  # type: ignore[no-any-return]
    reader.wrong((*at, "respect_gitignore"), "this must be true, false or 'if_git_repo'")
    return True


def _rules(
    reader: Reader, table: Mapping[str, Any], at: places.Key
) -> tuple[Rules, tuple[tuple[str, Source], ...]]:
    if "rules" not in table:
        return Rules(), ()
    at = (*at, "rules")
    rules = reader.table(table["rules"], at)
    reader.known(rules, at, _RULES, Severity.WARNING)
    settings = {}
    for name in (name for name in _RULES if name in rules):
        if rules[name] in tuple(Setting):
            settings[name] = Setting(rules[name])
        else:
            reader.wrong((*at, name), f"'{name}' must be one of 'error', 'warn', 'off'")
    return Rules(**settings), tuple((name, reader.source((*at, name))) for name in settings)
