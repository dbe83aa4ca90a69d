"""Which decisions govern a place in the code.

By scope alone: a decision about everything governs everything, and is not told of each symbol.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from trueup.memory.decisions import Decision, Decisions, Origin, Status
from trueup.memory.evaluate import module_of
from trueup.memory.globs import matches_any

BRIEF_CHARACTERS_MAX: Final = 240
_LIVING: Final = frozenset({Status.PROPOSED, Status.ACCEPTED, Status.NEEDS_REVIEW})


def of_file(decisions: Decisions, path: str) -> tuple[Decision, ...]:
    """Those whose scope names this file, and no symbols."""
    return tuple(
        item
        for item in decisions
        if _is_living(item)
        and item.scope.paths
        and not item.scope.symbols
        and matches_any(item.scope.paths, path)
    )


def of_symbol(decisions: Decisions, path: str, symbol: str) -> tuple[Decision, ...]:
    """Those whose scope names this symbol (as it is called in its module), or one around it."""
    return of_symbols(decisions, path, (symbol,))[symbol]


def of_symbols(
    decisions: Decisions, path: str, symbols: Iterable[str]
) -> dict[str, tuple[Decision, ...]]:
    """The same for each of several; the decisions are gone through once, however many they are."""
    module, _ = module_of(path, decisions.roots)
    by_name: defaultdict[str, dict[int, Decision]] = defaultdict(dict)
    for number, item in enumerate(decisions):
        if _may_name(item, module) and _holds_in(item, path):
            for written in item.scope.symbols:
                by_name[written][number] = item
    return {symbol: _naming(by_name, f"{module}.{symbol}") for symbol in symbols}


def _naming(by_name: Mapping[str, Mapping[int, Decision]], name: str) -> tuple[Decision, ...]:
    """What is written of a name or of one around it: `a.b.*` is all below `a.b`, and `a.b` that too
    and itself.
    """
    found = dict(by_name.get(name, {}))
    around = name.rpartition(".")[0]
    while around:
        found |= by_name.get(around, {})
        found |= by_name.get(f"{around}.*", {})
        around = around.rpartition(".")[0]
    return tuple(found[number] for number in sorted(found))


def _may_name(item: Decision, module: str) -> bool:
    """Whether a decision names something in a module, or the module, or what is around it."""
    names = (written.removesuffix(".*") for written in item.scope.symbols)
    return any(f"{name}.".startswith(f"{module}.") or f"{module}.".startswith(f"{name}.")
               for name in names)  # fmt: skip


def _holds_in(item: Decision, path: str) -> bool:
    return _is_living(item) and (not item.scope.paths or matches_any(item.scope.paths, path))


def _is_living(item: Decision) -> bool:
    return item.status in _LIVING and item.origin is not Origin.INSTRUCTIONS


def brief(decision: Decision, short: str) -> str:
    """A decision in two lines of plain text: what it is called, and how it begins."""
    paragraphs = [part.strip() for part in decision.body.split("\n\n")]
    prose = next((part for part in paragraphs if part and not part.startswith(("#", "```"))), "")
    first = " ".join(prose.split())
    if len(first) > BRIEF_CHARACTERS_MAX:
        first = f"{first[: BRIEF_CHARACTERS_MAX - 1]}…"
    head = f"Decision {short}: {decision.title} ({decision.severity}, {decision.status})"
    return f"{head}\n{first}" if first else head
