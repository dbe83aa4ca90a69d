"""The model's loop: ask, judge, tell it what was wrong, ask again; and know when to stop.

The first round asks once, because most first answers are right or fail a check that one repair
answers, and asking twice at once always costs twice. From the second round on several candidates
are asked for at once: one goes on in the conversation with the failed evidence before it, the
others begin anew with that evidence and without the answer that led astray. They share the prompt,
so an endpoint that caches reads it once.

It ends with success, with an answer that no repair makes better, when a round brings nothing but
failures and candidates that were there before, and when rounds, budget or time are used up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from trueup.engine.judging import Judging, Made, failures, is_verified
from trueup.propose.conversation import Turn
from trueup.propose.model import ModelAnswer
from trueup.propose.proposal import Failure, FailureKind
from trueup.snapshot import Edit
from trueup.suggestion import Candidate, Ruling, Suggestion

REPAIRABLE: Final = frozenset({FailureKind.NONSENSE, FailureKind.DECLINED})
"""Failures of which the model can be told, and answer better."""

AskModel = Callable[[Turn], Awaitable[ModelAnswer]]


@dataclass(slots=True)
class _Asked:
    """One candidate of a round. `made` is None while it is asked for, and where it was called off
    because another one was verified.
    """

    turn: Turn
    reply: str = ""
    judging: bool = False
    made: Made | None = None


class Loop:
    """One goal's conversation with the model. What it tried is in `judging`."""

    def __init__(self, judging: Judging, ask: AskModel) -> None:
        self._judging, self._ask = judging, ask
        self._edits: set[tuple[Edit, ...]] = set()
        self._failures: set[object] = set()

    async def run(self) -> str:
        """Ask until there is a reason to stop, and say it; "" where a candidate was verified."""
        limits = self._judging.settings.limits
        turns = (Turn(),) * max(1, int(limits.first_candidates))
        rounds = 0
        while True:
            self._say(rounds, len(turns))
            asked = await self._round(turns)
            rounds += 1
            if any(item.made is not None and is_verified(item.made) for item in asked):
                return ""
            best = self._worth_repairing(asked)
            if isinstance(best, str):
                return best
            if rounds > limits.repair_rounds:
                return f"the model had {rounds} tries"
            told = complaint(best.made) if best.made is not None else ""
            repaired = best.turn.answered(best.reply, told)
            turns = (repaired, *((Turn(told=told),) * max(0, int(limits.candidates) - 1)))

    def _say(self, rounds: int, count: int) -> None:
        what = f"repairing, round {rounds}" if rounds else "asking the model"
        self._judging.say(f"{what}: {count} candidates at once" if count > 1 else what)

    async def _round(self, turns: tuple[Turn, ...]) -> list[_Asked]:
        """Ask and judge all turns at once. When one is verified, those still asked for are called
        off; those already judged are judged to the end, because the smallest one wins.
        """
        asked = [_Asked(turn) for turn in turns]
        tasks = [asyncio.create_task(self._tried(item)) for item in asked]
        waiting = set(tasks)
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if not task.cancelled():
                        task.result()
                if any(item.made is not None and is_verified(item.made) for item in asked):
                    for item, task in zip(asked, tasks, strict=True):
                        if not item.judging:
                            task.cancel()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return asked

    async def _tried(self, item: _Asked) -> None:
        answer = await self._ask(item.turn)
        item.reply, item.judging = answer.reply, True
        proposal = answer.proposal
        if isinstance(proposal, Candidate):
            if proposal.edits in self._edits:
                again = "the model proposes again what was rejected before"
                proposal = Failure(FailureKind.REPEATED, again, proposal.proposer)
            else:
                self._edits.add(proposal.edits)
        item.made = await self._judging.judged(proposal, answer.call)

    def _worth_repairing(self, asked: list[_Asked]) -> _Asked | str:
        """The answer that the next round starts from, or why there is no next round."""
        fresh = []
        for item in asked:
            made = item.made
            if isinstance(made, Suggestion):
                if made.verdict.outcome is not Ruling.REJECTED:
                    # What is missing is a proof, and another text does not bring one.
                    return "what is missing is a proof, not another change"
                mark: object = failures(made.verdict)
            else:
                mark = made
            if mark not in self._failures:
                fresh.append(item)
            self._failures.add(mark)
        if not fresh:
            return "the model repeats itself"
        hopeful = [item for item in fresh if _can_be_told(item.made)]
        if not hopeful:
            last = fresh[0].made
            return last.sentence if isinstance(last, Failure) else ""
        return max(hopeful, key=_progress)


def _can_be_told(made: Made | None) -> bool:
    return isinstance(made, Suggestion) or (made is not None and made.kind in REPAIRABLE)


def _progress(item: _Asked) -> int:
    """How many checks it got through before one failed."""
    return len(item.made.verdict.evidence) if isinstance(item.made, Suggestion) else -1


def complaint(last: Made) -> str:
    """What the model is told about its last answer."""
    if isinstance(last, Failure):
        return last.sentence
    return "\n".join(f"- {name}: {detail}" for name, detail in failures(last.verdict))
