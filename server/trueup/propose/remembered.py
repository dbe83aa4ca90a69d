"""What a model is told of the project's decisions: those about the place and the task, within a
budget of tokens.

Decisions that are never sent are left out before anything is ranked. What a model makes of them is
not relied on: the gate holds every candidate to the rules, whoever was told of them.
"""

from __future__ import annotations

from trueup.memory import places
from trueup.memory.evaluate import module_of
from trueup.memory.search import Answer, Audience, DecisionSearch, Place
from trueup.snapshot import Snapshot
from trueup.suggestion import Goal


def decisions(goal: Goal, snapshot: Snapshot) -> Answer:
    """The decisions for a prompt about `goal`, best first, each with why it was taken."""
    texts = {document.path: document.text for document in snapshot}
    known = places.load(snapshot.root, texts)
    if not known.decisions:
        return Answer()
    module, _ = module_of(goal.path, known.roots)
    symbol = f"{module}.{goal.symbol}" if goal.symbol else module
    kinds = frozenset({goal.kind.value, goal.recipe.value})
    told = goal.diagnostic.message if goal.diagnostic is not None else ""
    search = DecisionSearch(known, Audience.MODEL)
    try:
        return search.ask(f"{goal.instruction} {told}", Place(goal.path, symbol, kinds))
    finally:
        search.close()
