"""Whether one module may import from another, by tach's rules; and what a finding is.

Values in, values out: knows neither texts nor files. Layers are asked first, then what is
forbidden, then what is declared, as tach does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trueup.architecture.contracts import Severity, Source
from trueup.architecture.scan import Imported
from trueup.architecture.tach import globs
from trueup.architecture.tach.config import Module, TachConfig
from trueup.architecture.tach.interfaces import Refusal


class Rule(StrEnum):
    """What an import breaks; by the names that tach's own reports use."""

    UNDECLARED = "undeclared-dependency"
    FORBIDDEN = "forbidden-dependency"
    DEPRECATED = "deprecated-dependency"
    LAYER = "layer-violation"
    CLOSED_LAYER = "closed-layer-violation"
    PRIVATE = "private-dependency"
    DATA_TYPE = "invalid-data-type-export"
    UNUSED_IGNORE = "unused-ignore-directive"
    MISSING_REASON = "missing-ignore-directive-reason"

    @property
    def contract(self) -> str:
        """The contract that the rule is part of."""
        return _CONTRACTS[self]


_CONTRACTS: Final = {
    Rule.UNDECLARED: "tach:modules",
    Rule.FORBIDDEN: "tach:modules",
    Rule.DEPRECATED: "tach:modules",
    Rule.LAYER: "tach:layers",
    Rule.CLOSED_LAYER: "tach:layers",
    Rule.PRIVATE: "tach:interfaces",
    Rule.DATA_TYPE: "tach:interfaces",
    Rule.UNUSED_IGNORE: "tach:ignores",
    Rule.MISSING_REASON: "tach:ignores",
}


@dataclass(frozen=True, slots=True)
class TachFinding:
    """One import that breaks one rule, or one ignore directive that does."""

    rule: Rule
    message: str
    severity: Severity
    importer: str
    """The dotted name of the file."""
    imported: str
    """The dotted name that is asked for, "" for a directive."""
    usage: str
    """The configured module of the importer."""
    definition: str
    """The configured module of what is imported, "" for a directive."""
    line: int
    """The 1-based line of the name or of the directive."""
    statement: int
    """The 1-based line where the statement begins."""
    place: Imported | None
    """Where in the text, None for a directive."""
    source: Source
    """The line that says so."""

    @property
    def contract(self) -> str:
        return self.rule.contract


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an import would break, wherever it stands."""

    rule: Rule
    message: str
    source: Source


def breach(
    config: TachConfig, usage: Module, definition: Module, name: str, *, declared: bool = True
) -> Breach | None:
    """What the module `usage` breaks by importing `name` from the other module `definition`.

    Without `declared`, as if every `depends_on` were empty.
    """
    if usage.layer is not None and definition.layer is not None:
        names = {layer.name for layer in config.layers}
        if not {usage.layer, definition.layer} <= names:
            # A layer that is not defined decides nothing; the configuration has a Problem.
            return None
        if usage.layer != definition.layer:
            found = _between_layers(config, usage, definition, name)
            explicit = config.layers_explicit_depends_on and not definition.utility
            if found is not None or not explicit:
                return found
    return _between_modules(usage, definition, name, declared=declared)


def _between_layers(
    config: TachConfig, usage: Module, definition: Module, name: str
) -> Breach | None:
    names = [layer.name for layer in config.layers]
    at, to = names.index(usage.layer or ""), names.index(definition.layer or "")
    if at > to:
        message = (
            f"'{usage.path}' may not import '{name}': its layer '{usage.layer}' is below "
            f"layer '{definition.layer}' of '{definition.path}'"
        )
        return Breach(Rule.LAYER, message, usage.source)
    closed = next((layer for layer in config.layers[at + 1 : to] if layer.closed), None)
    if closed is None:
        return None
    message = (
        f"'{usage.path}' may not import '{name}': between its layer '{usage.layer}' and "
        f"layer '{definition.layer}' of '{definition.path}', layer '{closed.name}' is closed"
    )
    return Breach(Rule.CLOSED_LAYER, message, closed.source)


def _between_modules(
    usage: Module, definition: Module, name: str, *, declared: bool
) -> Breach | None:
    for entry in usage.cannot_depend_on:
        if globs.means(entry.path, definition.path):
            message = (
                f"'{usage.path}' may not import '{name}': it must not depend on '{definition.path}'"
            )
            return Breach(Rule.FORBIDDEN, message, entry.source)
    depends_on = usage.depends_on if declared else ()
    if depends_on is None or definition.utility:
        return None
    for entry in depends_on:
        if globs.means(entry.path, definition.path):
            if not entry.deprecated:
                return None
            message = (
                f"'{usage.path}' should not import '{name}' any more: depending on "
                f"'{definition.path}' is deprecated"
            )
            return Breach(Rule.DEPRECATED, message, entry.source)
    message = (
        f"'{usage.path}' may not import '{name}': it does not say in 'depends_on' that it "
        f"depends on '{definition.path}'"
    )
    return Breach(Rule.UNDECLARED, message, usage.declared or usage.source)


def refusal(refused: Refusal, definition: Module, name: str) -> Breach:
    """The same for what an interface says."""
    if refused.primitive:
        message = (
            f"'{name}' is not of plain types, and the interface of '{definition.path}' is of "
            "nothing else"
        )
        return Breach(Rule.DATA_TYPE, message, refused.interface.source)
    message = f"'{name}' is not part of the public interface of '{definition.path}'"
    return Breach(Rule.PRIVATE, message, refused.interface.source)
