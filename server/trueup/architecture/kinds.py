"""The five kinds of contract about the graph of imports.

What they mean is import-linter's: `independence`, `forbidden`, `protected`, `layers` and
`acyclic_siblings`. Values only, valid in themselves; whether the modules exist is for a judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trueup.architecture.contracts import Source
from trueup.architecture.expressions import Imports, Modules


class Alerting(StrEnum):
    """What is said of an ignored import that is not there."""

    ERROR = "error"
    WARN = "warn"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Terms:
    """What contracts of every kind have. The id is unique in its configuration."""

    id: str
    name: str
    source: Source
    guidance: str = ""
    ignores: tuple[Imports, ...] = ()
    alerting: Alerting = Alerting.ERROR


@dataclass(frozen=True, slots=True)
class Layer:
    """Modules of one level, by their full names, or relative to the container."""

    modules: tuple[str, ...]
    source: Source
    optional: frozenset[str] = frozenset()
    independent: bool = True
    """Whether these modules must not import each other."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers from high to low: none imports a higher one, not through others either."""

    terms: Terms
    layers: tuple[Layer, ...]
    containers: tuple[Modules, ...] = ()
    exhaustive: bool = False
    """Whether every module directly in a container is to be in a layer."""
    exhaustive_ignores: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Independence:
    """Modules of which none imports another, not through others either."""

    terms: Terms
    modules: tuple[Modules, ...]


@dataclass(frozen=True, slots=True)
class Forbidden:
    """No source imports a forbidden module, nor, but for `direct_only`, reaches one."""

    terms: Terms
    sources: tuple[Modules, ...]
    forbidden: tuple[Modules, ...]
    direct_only: bool = False
    as_packages: bool = True
    """Whether a module stands for all below it too."""


@dataclass(frozen=True, slots=True)
class Protected:
    """Only `allowed` modules, and the protected one itself, import a protected module."""

    terms: Terms
    protected: tuple[Modules, ...]
    allowed: tuple[Modules, ...]
    as_packages: bool = True


@dataclass(frozen=True, slots=True)
class AcyclicSiblings:
    """Modules of one package, each with all below it, do not import each other in a circle."""

    terms: Terms
    ancestors: tuple[Modules, ...]
    depth: int = 10
    """How many levels below the ancestors are looked at: 0 is their own children only."""
    skipped: tuple[Modules, ...] = ()


Contract = Layers | Independence | Forbidden | Protected | AcyclicSiblings


def may_name(contract: Contract, module: str) -> bool:
    """Whether a contract says something of `module`, or of what has the same top package; it may
    be that it does not.
    """
    match contract:
        case Layers():
            stated = [one.text for one in contract.containers]
            stated += [name for layer in contract.layers for name in layer.modules]
        case Independence():
            stated = [one.text for one in contract.modules]
        case Forbidden():
            stated = [one.text for one in (*contract.sources, *contract.forbidden)]
        case Protected():
            stated = [one.text for one in (*contract.protected, *contract.allowed)]
        case AcyclicSiblings():
            stated = [one.text for one in (*contract.ancestors, *contract.skipped)]
    tops = {text.partition(".")[0] for text in stated}
    return module.partition(".")[0] in tops or any("*" in top for top in tops)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the graph is of: the project's packages, and whether others are in it, each folded to
    its top level.
    """

    roots: tuple[str, ...]
    external: bool = False

    def holds(self, name: str) -> bool:
        """Whether a module is the project's."""
        return any(inside(name, root) for root in self.roots)


def inside(name: str, package: str) -> bool:
    """Whether a module is `package` or below it."""
    return name == package or name.startswith(f"{package}.")
