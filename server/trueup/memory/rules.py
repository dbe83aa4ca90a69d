"""The machine-checkable part of a decision, one value per kind of rule.

Values only: `fields` reads them, `judges` evaluates them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SPACED: Final = re.compile(r" ?([^\w\s$]) ?")


class Kind(StrEnum):
    FORBID_PATTERN = "forbid-pattern"
    REQUIRE_PATTERN = "require-pattern"
    FORBID_IMPORT = "forbid-import"
    REQUIRE_IMPORT = "require-import"
    LAYERS = "layers"
    NAMING = "naming"
    REQUIRE = "require"
    LOCATION = "location"


class Named(StrEnum):
    """What has a name that a rule can be about."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"
    ARGUMENT = "argument"
    VARIABLE = "variable"
    CONSTANT = "constant"
    MODULE = "module"


class Style(StrEnum):
    SNAKE_CASE = "snake_case"
    CAP_WORDS = "CapWords"
    UPPER_CASE = "UPPER_CASE"


class Required(StrEnum):
    ANNOTATIONS = "annotations"
    DOCSTRING = "docstring"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of ast-grep: Python with `$NAME` for one node and `$$$NAME` for any number.

    `text` is "" where only `kind` (a node type of tree-sitter-python) says what matches. Where a
    part of Python does not stand alone, `text` holds it in its context and `selector` names the
    node type that is meant.
    """

    text: str
    selector: str = ""
    kind: str = ""

    @property
    def normal(self) -> str:
        """The same for two patterns that differ only in spaces."""
        plain = _SPACED.sub(r"\1", " ".join(self.text.split()))
        return f"{self.kind} {self.selector} {plain}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What every rule has. `exempt` are globs of files it does not hold for; `bad` and `good` are
    texts of Python that it must, and must not, find something in; `line` is 1-based, of its block.
    """

    message: str = ""
    exempt: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True, slots=True)
class ForbidPattern:
    terms: Terms
    patterns: tuple[Pattern, ...]
    within: Pattern | None = None
    """Only inside of what matches this."""


@dataclass(frozen=True, slots=True)
class RequirePattern:
    """One of the patterns stands in every file, or in everything that matches `within`."""

    terms: Terms
    patterns: tuple[Pattern, ...]
    within: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ForbidImport:
    """Modules by dotted name, each with all below it."""

    terms: Terms
    modules: tuple[str, ...]
    typing_too: bool = True
    """Whether imports under `if TYPE_CHECKING:` count."""


@dataclass(frozen=True, slots=True)
class RequireImport:
    """Every file that holds code imports each of these modules, or something below it."""

    terms: Terms
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers from high to low, in the notation of import-linter: `a | b` are independent siblings,
    `a : b` siblings, `(a)` optional; below each of `containers` where there are any.
    """

    terms: Terms
    layers: tuple[str, ...]
    containers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Naming:
    """Names have a style, or match a regular expression from end to end."""

    terms: Terms
    what: Named
    style: Style | None = None
    regex: str = ""


@dataclass(frozen=True, slots=True)
class Require:
    """Functions, classes or modules have annotations or a docstring; public ones, unless
    `private_too`.
    """

    terms: Terms
    what: Required
    of: tuple[Named, ...]
    private_too: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """What matches lives in files that match one of `places`, and nowhere else.

    It is a definition whose name matches `regex` from end to end, or one of `patterns`.
    """

    terms: Terms
    places: tuple[str, ...]
    what: Named | None = None
    regex: str = ""
    patterns: tuple[Pattern, ...] = ()


Rule = (
    ForbidPattern
    | RequirePattern
    | ForbidImport
    | RequireImport
    | Layers
    | Naming
    | Require
    | Location
)

KINDS: dict[type[Rule], Kind] = {
    ForbidPattern: Kind.FORBID_PATTERN,
    RequirePattern: Kind.REQUIRE_PATTERN,
    ForbidImport: Kind.FORBID_IMPORT,
    RequireImport: Kind.REQUIRE_IMPORT,
    Layers: Kind.LAYERS,
    Naming: Kind.NAMING,
    Require: Kind.REQUIRE,
    Location: Kind.LOCATION,
}
