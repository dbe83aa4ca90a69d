"""What tach's files say: `tach.toml` or `[tool.tach]`, and `tach.domain.toml` beside packages.

Values, each with its line. One wrong entry is a Problem at its line, and all others hold; tach
itself would refuse the whole file. Knows no modules: whether a path exists is not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from trueup.architecture.contracts import Problem, Severity, Source

ROOT: Final = "<root>"
"""The module that owns every file that no other module owns."""
DOMAIN_ROOT: Final = "<domain_root>"


class RootModule(StrEnum):
    """What may be said of `<root>`; only IGNORE also says that its files are not judged."""

    IGNORE = "ignore"
    ALLOW = "allow"
    DEPENDENCIES_ONLY = "dependenciesonly"
    FORBID = "forbid"


class Setting(StrEnum):
    """How much a rule matters."""

    ERROR = "error"
    WARN = "warn"
    OFF = "off"

    @property
    def severity(self) -> Severity | None:
        """None where nothing is to be said."""
        levels = {Setting.ERROR: Severity.ERROR, Setting.WARN: Severity.WARNING}
        return levels.get(self)


@dataclass(frozen=True, slots=True)
class Dependency:
    """An entry of `depends_on` or `cannot_depend_on`: a dotted name or a glob of such."""

    path: str
    source: Source
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A part of the project with a boundary. `path` may be a glob until it meets the files."""

    path: str
    source: Source
    depends_on: tuple[Dependency, ...] | None = None
    """None where anything may be imported."""
    declared: Source | None = None
    """The line of `depends_on`."""
    cannot_depend_on: tuple[Dependency, ...] = ()
    depends_on_external: tuple[str, ...] | None = None
    cannot_depend_on_external: tuple[str, ...] = ()
    layer: str | None = None
    visibility: tuple[str, ...] | None = None
    """Globs of the modules that may depend on this one; None for all."""
    utility: bool = False
    unchecked: bool = False
    glob: str = ""
    """The pattern that this module was made from."""

    @property
    def is_root(self) -> bool:
        return self.path == ROOT


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    source: Source
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """What modules expose: regular expressions of members, and of the modules that it is of."""

    expose: tuple[str, ...]
    source: Source
    modules: tuple[str, ...] = (".*",)
    visibility: tuple[str, ...] | None = None
    """The modules that this interface is for, by their full names; None for all."""
    primitive: bool = False
    """`data_types = "primitive"`: only variables and functions of plain types."""
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    unused_ignore_directives: Setting = Setting.WARN
    require_ignore_directive_reasons: Setting = Setting.OFF
    unused_external_dependencies: Setting = Setting.ERROR
    local_imports: Setting = Setting.ERROR


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """A `tach.domain.toml` as it is written; its names are relative to the package beside it."""

    source: Source
    root: Module | None = None
    modules: tuple[Module, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class TachConfig:
    """One configuration, domains not included."""

    source: Source
    modules: tuple[Module, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    layers: tuple[Layer, ...] = ()
    source_roots: tuple[str, ...] = (".",)
    exclude: tuple[str, ...] = ()
    respect_gitignore: bool | str = True
    """True, False or "if_git_repo"."""
    exact: bool = False
    forbid_circular_dependencies: bool = False
    ignore_type_checking_imports: bool = True
    include_string_imports: bool = False
    layers_explicit_depends_on: bool = False
    root_module: RootModule = RootModule.IGNORE
    rules: Rules = Rules()
    rule_sources: tuple[tuple[str, Source], ...] = ()
    """Where rules are set that are."""
    problems: tuple[Problem, ...] = ()

    def source_of(self, rule: str) -> Source:
        return dict(self.rule_sources).get(rule, self.source)


def located(domain: DomainConfig, package: str) -> tuple[tuple[Module, ...], tuple[Interface, ...]]:
    """What `domain` says with full names, where the dotted name of its folder is `package`.

    `//a.b` is the full name `a.b`, `<domain_root>` the package itself.
    """

    def resolved(name: str) -> str:
        if name.startswith("//"):
            return name[2:]
        return package if name == DOMAIN_ROOT else f"{package}.{name}"

    def dependencies(entries: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
        return tuple(replace(entry, path=resolved(entry.path)) for entry in entries)

    def names(written: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if written is None else tuple(map(resolved, written))

    def module(written: Module, path: str) -> Module:
        return replace(
            written,
            path=path,
            depends_on=None if written.depends_on is None else dependencies(written.depends_on),
            cannot_depend_on=dependencies(written.cannot_depend_on),
            visibility=names(written.visibility),
        )

    def interface(written: Interface) -> Interface:
        # `//` has no meaning here, as in tach.
        modules = (
            package if name == DOMAIN_ROOT else f"{package}.{name}" for name in written.modules
        )
        return replace(written, modules=tuple(modules), visibility=names(written.visibility))

    modules = tuple(module(each, f"{package}.{each.path}") for each in domain.modules)
    root = () if domain.root is None else (module(domain.root, package),)
    return (*root, *modules), tuple(map(interface, domain.interfaces))
