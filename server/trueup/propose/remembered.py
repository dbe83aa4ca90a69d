"""What a model is told of the project's decisions: those about the place and the task, within a
budget of tokens.

Decisions that are never sent are left out before anything is ranked. What a model makes of them is
not relied on: the gate holds every candidate to the rules, whoever was told of them.
"""

from __future__ import annotations

from collections.abc import Callable

from trueup.memory import places
from trueup.memory.audience import Audience
from trueup.memory.code_base import CodeBase
from trueup.memory.evaluate import module_of
from trueup.memory.hidden import one_line
from trueup.memory.scoping import Place
from trueup.memory.search import Answer, DecisionSearch
from trueup.memory.standing import standing_of
from trueup.operations.trace import Told
from trueup.snapshot import Snapshot
from trueup.suggestion import Goal


def decisions(
    goal: Goal, snapshot: Snapshot, hidden: Callable[[str], bool] = lambda _: False
) -> Answer:
    """The decisions for a prompt about `goal`, best first, each with why it was taken; `hidden`
    says which paths must not be seen.
    """
    texts = {document.path: document.text for document in snapshot}
    known = places.load(snapshot.root, texts)
    if not known.decisions:
        return Answer()
    module, _ = module_of(goal.path, known.roots)
    symbol = f"{module}.{goal.symbol}" if goal.symbol else module
    kinds = frozenset({goal.kind.value, goal.recipe.value})
    told = goal.diagnostic.message if goal.diagnostic is not None else ""
    code = CodeBase(snapshot.root, known.roots)
    search = DecisionSearch(
        known, Audience.MODEL, hidden=hidden, standing=lambda item: standing_of(item, code)
    )
    try:
        return search.ask(f"{goal.instruction} {told}", Place(goal.path, symbol, kinds))
    finally:
        search.close()


def told(answer: Answer) -> tuple[Told, ...]:
    """What a prompt with that answer holds, and why, for the trace."""
    taken = (
        Told(
            "decision",
            item.name,
            one_line(item.decision.title),
            item.decision.path,
            one_line(str(item.why)),
            item.why.scope,
            rank,
            item.tokens,
        )
        for rank, item in enumerate(answer.taken, 1)
    )
    crowded = (
        Told("decision", "", one_line(item.title), item.path, "", left_out=True)
        for item in answer.crowded_out
    )
    return (*taken, *crowded)
