"""The proposers of one goal, in their order: rope, Ruff, our own, the model, and Ruff in its stead.

Everything that one of them proposes goes to the gate. A plan is made before a model is asked, and
what the model answers is the affair of `loop`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib import import_module
from typing import Final

from trueup import linting
from trueup.engine import batch, plan
from trueup.engine.judging import Judging, Made, is_verified
from trueup.engine.plan import Planned
from trueup.engine.turns import Turns
from trueup.propose import fallback, imports, request, rope, ruff
from trueup.propose.conversation import Turn
from trueup.propose.proposal import Failure, FailureKind
from trueup.suggestion import Candidate, Goal, Recipe, Ruling, Surface

ROPE: Final = frozenset(
    {Recipe.EXTRACT_FUNCTION, Recipe.EXTRACT_VARIABLE, Recipe.INLINE, Recipe.RENAME, Recipe.MOVE}
)
RUFF: Final = frozenset({Recipe.RUFF_RULE, Recipe.RUFF_SAFE, Recipe.RUFF_UNSAFE})
LOOP: Final = "trueup.engine.loop"


class Proposers:
    """Who is asked about one goal, and what the gate said of their candidates (`judging`)."""

    def __init__(self, judging: Judging, turns: Turns, unasked: str) -> None:
        """`unasked` is why no model may be asked, "" where one may."""
        self.judging, self.turns, self.say = judging, turns, judging.say
        self.unasked = unasked
        self._planned: Planned | None = None

    async def judge_again(self, candidate: Candidate) -> Made:
        """The verdict on a candidate that was made before, held to the same plan."""
        if self.judging.goal.plan is not None:
            await self._plan()
        return await self.judging.judge(candidate)

    async def suggest(self) -> Made:
        goal, snapshot = self.judging.goal, self.judging.snapshot
        if goal.plan is not None:
            await self._plan()
        if goal.recipe in ROPE:
            self.say("rope is looking for the change")
            return await self.judging.judged(await rope.propose(goal, snapshot))
        if goal.recipe in RUFF or _is_ruffs(goal):
            self.say("Ruff is looking for the fix")
            proposal = await ruff.propose(goal, snapshot)
            if isinstance(proposal, Candidate) or goal.recipe in RUFF:
                return await self.judging.judged(proposal)
        if _is_ours(goal):
            return await self._without_import()
        return await self._with_model()

    async def _without_import(self) -> Made:
        """A forbidden import broken: the first way that verifies, else the model's, else the best
        of the others.
        """
        self.say("looking for another way to import")
        for candidate in await imports.propose(self.judging.goal, self.judging.snapshot):
            made = await self.judging.judged(candidate)
            if is_verified(made):
                return self.judging.best() or made
        made = await self._with_model()
        return (self.judging.best(made.sentence) or made) if isinstance(made, Failure) else made

    async def _plan(self) -> Planned:
        """The plan, made once, to which everything is held from then on."""
        if self._planned is None:
            self.say("looking at what belongs to it")
            judging = self.judging
            self._planned = await plan.make(
                judging.goal, judging.snapshot, judging.settings, judging.bed
            )
            judging.plan = self._planned.plan
            judging.record.planned(judging.plan)
            self.say(f"plan: {judging.plan.sentence}")
        return self._planned

    async def _with_model(self) -> Made:
        judging = self.judging
        if judging.goal.diagnostic is not None:
            # What a rule's own fix may change of a signature is Ruff's to change, not a model's.
            judging.goal = replace(judging.goal, surface=Surface())
        if self.unasked:
            return await judging.judged(Failure(FailureKind.CANNOT, self.unasked, "model"))
        obstacle = request.missing(judging.settings) or await asyncio.to_thread(
            request.obstacle, judging.goal, judging.snapshot, judging.settings
        )
        if obstacle is not None:
            return await self._without_model(await judging.judged(obstacle))
        # The vendor's SDK takes a second to import, which only this path needs, and no loop waits.
        planned, _ = await asyncio.gather(self._plan(), asyncio.to_thread(import_module, LOOP))
        from trueup.engine.loop import Loop  # noqa: PLC0415
        from trueup.propose import model  # noqa: PLC0415

        goal, snapshot, settings = judging.goal, judging.snapshot, judging.settings
        question = await asyncio.to_thread(
            request.question, goal, snapshot, settings, planned.material
        )
        if isinstance(question, Failure):
            return await self._without_model(await judging.judged(question))
        judging.record.told(planned.told, planned.material, question.context)
        if unseen := question.context.stripped:
            self.say(f"{unseen} characters that cannot be seen are not shown to the model")

        def waits() -> None:
            self.say("waiting for other calls of the model to end")

        async def ask(turn: Turn) -> model.ModelAnswer:
            meter = judging.record.meter
            async with self.turns.take("calls", settings.limits.calls_at_once, waits):
                return await model.propose(
                    goal, snapshot, settings, turn, self.say, meter, asked=question
                )

        stopped = await Loop(judging, ask).run()
        best = judging.best(stopped)
        if best is None:
            return Failure(FailureKind.CANNOT, "nothing was proposed", "model")
        return await self._without_model(best)

    async def _without_model(self, made: Made) -> Made:
        """`made`, or where no model could be asked at all, what Ruff knows to do there."""
        if not isinstance(made, Failure) or made.kind not in fallback.UNAVAILABLE:
            return made
        judging = self.judging
        found = await fallback.findings(judging.goal, judging.snapshot)
        if found:
            self.say(f"{made.sentence}; Ruff is looking for a fix instead")
            together = await judging.judge(batch.candidate(batch.apart(found)))
            if together.verdict.outcome is not Ruling.REJECTED:
                return replace(together, stopped=made.sentence)
            kept = (await batch.verified_part(found, judging.judge)).suggestion
            if kept is not None:
                return replace(kept, stopped=made.sentence)
        if judging.goal.recipe in fallback.RULES:
            return replace(made, sentence=f"{made.sentence}; Ruff has nothing for it either")
        return made


def _is_ours(goal: Goal) -> bool:
    return goal.diagnostic is not None and goal.diagnostic.source == imports.SOURCE


def _is_ruffs(goal: Goal) -> bool:
    return (
        goal.recipe is Recipe.FIX_DIAGNOSTIC
        and goal.diagnostic is not None
        and goal.diagnostic.source.casefold() == linting.SOURCE.casefold()
    )
