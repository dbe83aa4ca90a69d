"""What a project says of its own code around a place: written rules, and contracts of imports.

For a model to read, so that it breaks fewer of them; nothing is enforced here. Decisions are
`remembered`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trueup.architecture import importlinter, own
from trueup.architecture.configuration import on_disk
from trueup.architecture.kinds import (
    AcyclicSiblings,
    Contract,
    Forbidden,
    Independence,
    Layers,
    Protected,
    may_name,
)
from trueup.memory.decisions import Decision, Decisions, Origin, Visibility
from trueup.memory.globs import matches_any
from trueup.propose.context import Piece

RULES_CHARACTERS_MAX: Final = 4_000
"""How much of one page of written rules is shown."""
CONTRACTS_MAX: Final = 20


def written(known: Decisions, path: str) -> tuple[Piece, ...]:
    """The pages of rules (AGENTS.md and its like) that hold for `path`, the nearest last."""
    pages = [item for item in known if _holds(item, path)]
    pages.sort(key=lambda item: item.path.count("/"))
    return tuple(
        Piece(f"the rules in {item.path}", item.body.strip()[:RULES_CHARACTERS_MAX], item.id)
        for item in pages
    )


def _holds(item: Decision, path: str) -> bool:
    if item.origin is not Origin.INSTRUCTIONS or item.visibility is Visibility.NEVER:
        return False
    return not item.scope.paths or matches_any(item.scope.paths, path)


def contracts(root: str, module: str) -> Piece | None:
    """The import contracts that may concern `module`, one a line; None where there are none."""
    text_of = on_disk(Path(root))
    lines = [
        line
        for read in (importlinter.read(text_of), own.read(text_of))
        if read is not None
        for contract in read.contracts
        if (line := _said(contract, module))
    ]
    if not lines:
        return None
    return Piece(f"the import contracts about {module}", "\n".join(lines[:CONTRACTS_MAX]))


def _said(contract: Contract, module: str) -> str:
    """The contract in one line; "" where it names no package that the module is in."""
    if not may_name(contract, module):
        return ""
    terms = contract.terms
    because = f" ({terms.guidance})" if terms.guidance else ""
    return f"{terms.name}: {_what(contract)}{because}"


def _what(contract: Contract) -> str:
    def listed(names: object) -> str:
        return ", ".join(map(str, names)) if isinstance(names, tuple) else str(names)

    match contract:
        case Layers():
            layers = " > ".join(" | ".join(layer.modules) for layer in contract.layers)
            within = f"within {listed(contract.containers)}, " if contract.containers else ""
            return f"{within}imports point down only: {layers}"
        case Independence():
            return f"none of these imports another: {listed(contract.modules)}"
        case Forbidden():
            return f"{listed(contract.sources)} must not import {listed(contract.forbidden)}"
        case Protected():
            return f"only {listed(contract.allowed)} may import {listed(contract.protected)}"
        case AcyclicSiblings():
            return f"the packages below {listed(contract.ancestors)} import in no circle"
