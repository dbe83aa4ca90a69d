"""Old and new code, called with the same arguments.

Arguments are those that the tests pass, recorded on the code as it is, and generated ones of the
same shape. Both sides run in processes of their own, as isolated as the tests, and send back views
of what came of each call; only views are compared. What the old code itself does not do twice in
the same way is not held against the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from trueup.runner.results import RunStatus, ScriptRequest
from trueup.snapshot import Snapshot
from trueup.suggestion import Counterexample
from trueup.verify import literals, views
from trueup.verify.inputs import Input
from trueup.verify.shrink import smaller
from trueup.verify.subjects import Subject
from trueup.verify.trial import Trial
from trueup.verify.views import Comparison, Manner, Outcome

CALL_SECONDS: Final = 0.5
PATIENCE: Final = 10.0
"""How much longer a call may take when a difference is looked at again."""
REPLAY_SECONDS: Final = 30.0
SHRINK_ROUNDS: Final = 8
SHRINK_INPUTS: Final = 48


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one subject. `agreed` are the inputs on which old and new did the same."""

    subject: Subject
    agreed: tuple[int, ...] = ()
    difference: Counterexample | None = None
    """The smallest input found that shows one, like those of the tests."""
    unlike: Counterexample | None = None
    """The same, for an input that has not what all recorded ones have in common."""
    obstacle: str = ""
    """Why nothing could be compared."""
    held: tuple[str, str, str] | None = None
    """A public name of the module that holds something else now: its name, what it held and what it
    holds.
    """
    old: Mapping[int, Outcome] = field(default_factory=dict)
    new: Mapping[int, Outcome] = field(default_factory=dict)
    manner: Manner = field(default_factory=Manner)


HELD: Final = -1
"""The place, among outcomes, of what the module holds before any call."""
_UNTRIED: Final[Outcome] = {"untried": True}


@dataclass(frozen=True, slots=True)
class Bench:
    """How a replay is asked for: the trial, and where its modules are found."""

    trial: Trial
    search_path: tuple[str, ...] = field(default=())
    probes: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """First lines of what the change takes away, by path; of the code as it was."""
    reached: set[tuple[str, int]] = field(default_factory=set)

    async def outcomes(
        self,
        snapshot: Snapshot,
        subject: Subject,
        inputs: Sequence[Input],
        seconds: float = CALL_SECONDS,
        ran: set[tuple[str, int]] | None = None,
    ) -> dict[int, Outcome] | str:
        """What came of each input, by its place, or why nothing did. `ran` takes the lines of
        `probes` that were reached.
        """
        workspace = self.trial.request(snapshot, ())
        task = {
            "path": list(self.search_path),
            "functions": [
                {
                    "module": subject.module,
                    "file": subject.target.path,
                    "qualname": subject.target.qualname,
                    "holds": list(subject.target.holds),
                    "recorded": [call.pickled for call in subject.recorded],
                    "calls": [
                        [
                            item.base,
                            {name: literals.write(one) for name, one in item.values.items()},
                        ]
                        for item in inputs
                    ],
                }
            ],
            "call_seconds": seconds,
        }
        request = ScriptRequest(
            "replay",
            task,
            workspace.changed,
            workspace.deleted,
            REPLAY_SECONDS,
            self.probes if ran is not None else {},
        )
        answer = await self.trial.bed.ask(request)
        if ran is not None:
            ran |= answer.ran
        found: dict[int, Outcome] = {}
        stopped: int | None = None
        for event in answer.said:
            match event:
                case ("outcome", 0, int(place), dict(outcome)):
                    found[place] = outcome
                case ("holds", 0, dict(held)):
                    found[HELD] = held
                case ("stopped", 0, int(place)):
                    stopped = place
                case ("unreachable", 0, str(why)):
                    return why
        first = len(found.keys() - {HELD})
        if stopped is None and first < len(inputs) and answer.status is RunStatus.TIMED_OUT:
            found[first] = {"late": REPLAY_SECONDS}
        # What was not tried any more is no outcome, on neither side.
        start = first + 1 if stopped is None else stopped + 1
        found.update(dict.fromkeys(range(start, len(inputs)), _UNTRIED))
        if not first and answer.status is not RunStatus.FINISHED:
            return answer.reason
        return found


async def compare(bench: Bench, item: Subject) -> Finding:
    """Old twice and new once, on all inputs; a difference is made smaller."""
    before, after = bench.trial.before, bench.trial.after
    if not item.inputs:
        why = item.unrecorded or "no test calls it, and its arguments cannot be made from its hints"
        return Finding(item, obstacle=why)
    old, again, new = await asyncio.gather(
        bench.outcomes(before, item, item.inputs),
        bench.outcomes(before, item, item.inputs, ran=bench.reached),
        bench.outcomes(after, item, item.inputs),
    )
    if isinstance(old, str):
        return Finding(item, obstacle=old)
    if isinstance(again, str):
        return Finding(item, obstacle=again)
    if isinstance(new, str):
        return Finding(item, obstacle=new)
    return await _told_apart(bench, item, old, again, new)


async def _told_apart(
    bench: Bench,
    item: Subject,
    old: Mapping[int, Outcome],
    again: Mapping[int, Outcome],
    new: Mapping[int, Outcome],
) -> Finding:
    manner = views.manner(old, again)
    agreed: list[int] = []
    like: list[int] = []
    unlike: list[int] = []
    why = ""
    for place, one in enumerate(item.inputs):
        if obstacle := views.obstacle(old.get(place), again.get(place)):
            why = why or obstacle
            continue
        recorded = place < len(item.recorded)
        match views.compare(old[place], new.get(place), recorded=recorded, manner=manner):
            case Comparison.SAME:
                agreed.append(place)
            case Comparison.DIFFERENT:
                (unlike if one.breaks else like).append(place)
            case Comparison.FORGIVING if not one.breaks:
                unlike.append(place)
            case Comparison.NOTHING | Comparison.FORGIVING:
                why = why or "the old code fails on its arguments"
    difference = await _smallest(bench, item, like, manner)
    other = None if like else await _smallest(bench, item, unlike, manner)
    slow = [place for place in (*like, *unlike) if "late" in (new.get(place) or {})]
    if (like or unlike) and not slow and difference is None and other is None:
        # It depends on more than the arguments, so agreement proves nothing either.
        return Finding(item, obstacle="old and new differ now and then on the same arguments")
    why = "" if agreed else why
    held = _held(old, again, new)
    return Finding(item, tuple(agreed), difference, other, why, held, old, new, manner)


def _held(
    old: Mapping[int, Outcome], again: Mapping[int, Outcome], new: Mapping[int, Outcome]
) -> tuple[str, str, str] | None:
    """The first public name that holds something else when its module was imported, and what."""
    was, twice, now = (side.get(HELD, {}) for side in (old, again, new))
    for name, value in was.items():
        public = not any(part.startswith("_") for part in name.split("."))
        stable = twice.get(name) == value
        if public and stable and name in now and not views.alike(value, now[name]):
            return name, views.source(value), views.source(now[name])
    return None


async def shown_by(
    bench: Bench, item: Subject, inputs: Sequence[Input], manner: Manner
) -> tuple[Counterexample | None, Counterexample | None]:
    """The difference that these inputs show, and the one that those show which are unlike any that
    was recorded.
    """
    item = replace(item, inputs=tuple(replace(one, breaks=item.breaks(one)) for one in inputs))
    places = range(len(inputs))
    like = [place for place in places if not item.inputs[place].breaks]
    unlike = [place for place in places if item.inputs[place].breaks]
    return await _smallest(bench, item, like, manner), await _smallest(bench, item, unlike, manner)


async def _smallest(
    bench: Bench, item: Subject, places: Sequence[int], manner: Manner
) -> Counterexample | None:
    if not places:
        return None
    smallest = min(places, key=lambda place: _size(item, item.inputs[place]))
    # It may take the calls before it: then nothing is made smaller.
    for tried in ((smallest,), (places[0],), range(places[0] + 1)):
        inputs = [item.inputs[place] for place in tried]
        shown = await _differing(bench, item, inputs, manner, CALL_SECONDS * PATIENCE)
        if shown is not None:
            break
    else:
        return None
    best = shown[0]
    late = any("late" in (outcome or {}) for outcome in shown[1:]) or len(inputs) > 1
    for _ in range(0 if late else SHRINK_ROUNDS):
        fewer = [one for one in smaller(best, SHRINK_INPUTS) if item.breaks(one) <= best.breaks]
        found = await _differing(bench, item, fewer, manner) if fewer else None
        if found is None:
            break
        shown, best = found, found[0]
    one, old, new = shown
    return Counterexample(
        item.target.qualname,
        _call(item, one),
        views.words(old, new),
        views.words(new, old),
    )


def _size(item: Subject, one: Input) -> tuple[int, str]:
    """Inputs that can be written out come first, a recorded call as its own source."""
    text = _call(item, one)
    return len(text) + 1000 * ("<" in text), text


Shown = tuple[Input, Outcome, Outcome | None]


async def _differing(
    bench: Bench,
    item: Subject,
    inputs: Sequence[Input],
    manner: Manner,
    seconds: float = CALL_SECONDS,
) -> Shown | None:
    """The first of `inputs` on which old and new differ."""
    trial = bench.trial
    old, new = await asyncio.gather(
        bench.outcomes(trial.before, item, inputs, seconds),
        bench.outcomes(trial.after, item, inputs, seconds),
    )
    if isinstance(old, str) or isinstance(new, str):
        return None
    for place, one in enumerate(inputs):
        outcome = old.get(place)
        if outcome is None or views.obstacle(outcome, outcome):
            continue
        recorded = not one.values
        found = views.compare(outcome, new.get(place), recorded=recorded, manner=manner)
        if found is Comparison.DIFFERENT or (
            found is Comparison.FORGIVING and not item.breaks(one)
        ):
            return one, outcome, new.get(place)
    return None


def _call(item: Subject, one: Input) -> str:
    """The call as one could type it; what has no source is described."""
    parts = []
    names = item.recorded[one.base].sources if one.base is not None else one.values
    for name in names:
        if name in one.values:
            text: str | None = literals.write(one.values[name])
        else:
            text = item.recorded[one.base].sources[name] if one.base is not None else None
        parts.append(f"{name}={text}" if text is not None else f"{name}=<as recorded>")
    return f"{item.target.qualname}({', '.join(parts)})"
