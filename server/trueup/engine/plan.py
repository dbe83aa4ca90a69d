"""From a goal to a plan: what may change, what is shown, which tests judge, which decisions apply.

Deterministic and made before any model is asked, from the map of tests, from who calls whom, and
from the decisions about the place. What the user took out of a plan stays out of the run: a place
must not be changed or is not shown, a test does not run, and what it would have said is unknown.
Rules are not softened by it: the gate holds every candidate to all of them.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trueup.architecture.modules import source_roots
from trueup.engine.beds import Bed
from trueup.guards import ignoring
from trueup.memory.decisions import Origin
from trueup.memory.evaluate import module_of
from trueup.memory.places import load
from trueup.memory.search import Answer
from trueup.operations.trace import Told
from trueup.propose import related, remembered, request, rules
from trueup.propose.context import Material, Piece, is_shown_whole
from trueup.propose.related import Hidden
from trueup.settings import Settings
from trueup.snapshot import Snapshot
from trueup.suggestion import Goal, Plan
from trueup.symbols import Outline

RELATED_SECONDS: Final = 3.0
"""How long a job waits for the index of the project; later jobs find it made."""

log = logging.getLogger("trueup.engine")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the texts that belong to it."""

    plan: Plan
    material: Material
    told: tuple[Told, ...] = ()
    """What the trace says of the decisions among it."""


async def make(goal: Goal, snapshot: Snapshot, settings: Settings, bed: Bed) -> Planned:
    """The plan for `goal` as the project is now, less what the goal's own plan leaves out. What no
    model may see is not in it.
    """
    unsent = request.unsent_of(snapshot, settings)

    def hidden(path: str) -> bool:
        return unsent.hides(path) or bool(ignoring.why_private(snapshot.root, path))

    (pages, answer), seen, around = await asyncio.gather(
        asyncio.to_thread(_said, goal, snapshot, hidden),
        _tests(goal, snapshot, bed),
        _around(goal, snapshot, settings, hidden),
    )
    decided = tuple(
        Piece(f"the decision {item.name}", item.text, item.decision.id)
        for item in answer.taken
        if item.decision.origin is not Origin.INSTRUCTIONS
    )
    full = Plan(
        changes=(f"{goal.path}::{goal.symbol}" if goal.symbol else goal.path,),
        shown=tuple(piece.place for piece in around),
        tests=seen,
        decisions=tuple(piece.place for piece in decided),
    )
    plan = narrowed(full, goal.plan)
    others = tuple(place for place in plan.changes if place not in full.changes)
    material = await asyncio.to_thread(_material, goal, snapshot, plan, others, around, hidden)
    kept = (piece for piece in decided if piece.place in plan.decisions)
    shown = Answer(
        tuple(item for item in answer.taken if item.decision.id in plan.decisions),
        answer.crowded_out,
    )
    return Planned(plan, replace(material, said=(*pages, *kept)), remembered.told(shown))


def _material(
    goal: Goal, snapshot: Snapshot, plan: Plan, others: tuple[str, ...],
    around: tuple[Piece, ...], hidden: Hidden,
) -> Material:  # fmt: skip
    """The texts of the places and tests in `plan`; `others` are places put in to be changed."""
    found = {piece.place: piece for piece in around}
    places = dict.fromkeys((*others, *plan.shown))
    pieces = (
        found.get(place) or related.named(place, snapshot)
        for place in places
        if not hidden(place.partition("::")[0])
    )
    return Material(
        related=tuple(piece for piece in pieces if piece is not None),
        tests=related.tests(
            goal,
            snapshot,
            tuple(name for name in plan.tests if not hidden(name.partition("::")[0])),
        ),
        may_change=others,
    )


def narrowed(full: Plan, wanted: Plan | None) -> Plan:
    """`full` as somebody edited it: tests and decisions can be taken out, places also put in."""
    if wanted is None:
        return full
    return Plan(
        changes=wanted.changes,
        shown=wanted.shown,
        tests=tuple(name for name in full.tests if name in wanted.tests),
        decisions=tuple(name for name in full.decisions if name in wanted.decisions),
        left_out=tuple(name for name in full.tests if name not in wanted.tests),
    )


def _said(goal: Goal, snapshot: Snapshot, hidden: Hidden) -> tuple[tuple[Piece, ...], Answer]:
    """What the project says of the place: rules and contracts, and decisions, which have names."""
    known = load(snapshot.root, {document.path: document.text for document in snapshot})
    module, _ = module_of(goal.path, known.roots)
    pages = tuple(item for item in rules.written(known, goal.path) if not hidden(item.place))
    contracts = rules.contracts(snapshot.root, module)
    said = (*pages, contracts) if contracts is not None else pages
    return said, remembered.decisions(goal, snapshot, hidden)


async def _tests(goal: Goal, snapshot: Snapshot, bed: Bed) -> tuple[str, ...]:
    """The tests that would see a change at the place; found as for a candidate, with a change that
    stands for any.
    """
    document = snapshot.get(goal.path)
    if document is None:
        return ()
    before = {item.path: item.text for item in snapshot}
    after = {**before, goal.path: _changed(document.text, goal.symbol)}
    return (await bed.affected((goal.path,), before, after, ())).tests


def _changed(text: str, symbol: str) -> str:
    """The text with one more statement in the body of `symbol`, or at its end."""
    found = Outline(text).find(symbol) if symbol else ()
    if not found:
        return f"{text}\npass\n"
    start = found[0].body.start
    line = text.rfind("\n", 0, start) + 1
    indentation = text[line:start]
    # Where a body stands behind its colon, no line of it can be told from the header.
    more = "pass; " if indentation.strip() else f"pass\n{indentation}"
    return text[:start] + more + text[start:]


async def _around(
    goal: Goal, snapshot: Snapshot, settings: Settings, hidden: Hidden
) -> tuple[Piece, ...]:
    document = snapshot.get(goal.path)
    if document is None:
        return ()
    whole = is_shown_whole(document, settings.limits.context_tokens)

    def look() -> tuple[Piece, ...]:
        module, _ = module_of(goal.path, source_roots(Path(snapshot.root)))
        symbol = f"{module}.{goal.symbol}" if goal.symbol else module
        return related.places(goal, snapshot, symbol, hidden, own_file=not whole)

    try:
        async with asyncio.timeout(RELATED_SECONDS):
            return await asyncio.to_thread(look)
    except TimeoutError:
        log.info("the index of %s is not ready; nothing around is shown", snapshot.root)
        return ()
