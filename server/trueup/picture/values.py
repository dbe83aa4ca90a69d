"""What is drawn: modules, who imports whom, what breaks a contract, and the declared layers.

Values only. Whoever fills a Drawing decides what belongs to it; names and messages are taken as
hostile text and are escaped where they are written.
"""

from __future__ import annotations

from dataclasses import dataclass

from trueup.architecture.contracts import Violation


@dataclass(frozen=True, slots=True)
class Layer:
    """One declared layer: dotted names, each with all below it. `name` is shown where it is given.

    A module of two layers belongs to the one with the longer name.
    """

    modules: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A project's imports. `imports` are pairs (importer, imported) of dotted names.

    A name that only occurs in `imports` or `violations` is drawn as outside the project. `layers`
    are from high to low, and may be empty. The order of the rest does not matter.
    """

    title: str
    modules: tuple[str, ...]
    imports: tuple[tuple[str, str], ...]
    violations: tuple[Violation, ...] = ()
    layers: tuple[Layer, ...] = ()
