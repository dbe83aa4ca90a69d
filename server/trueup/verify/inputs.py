"""Arguments for a function, generated from those that its tests pass and from its type hints.

Strategies are Hypothesis's; what they are built from is the shape of the recorded values: their
types, their alphabets, their sizes. An input says what all recorded calls have in common and it has
not. Knows nothing of how a function is called.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.strategies import SearchStrategy

from trueup.settings import cache_folder
from trueup.verify.likely import Values, broken, invariants
from trueup.verify.literals import write
from trueup.verify.strategies import Likeness, Strategy, hinted

SEED: Final = 20_010_601


@dataclass(frozen=True, slots=True)
class Input:
    """Arguments by parameter, in place of those of the recorded call `base` (None: there is none).

    `breaks` names what all recorded calls have in common and this one has not.
    """

    base: int | None
    values: Values
    breaks: frozenset[str] = frozenset()

    @property
    def size(self) -> tuple[int, str]:
        """What smallest means: the length of its source, then the source."""
        text = ", ".join(f"{name}={write(value)}" for name, value in self.values.items())
        return len(text), text


def generated(
    recorded: Sequence[Values],
    hints: Mapping[str, str],
    likeness: Likeness,
    most: int,
) -> tuple[Input, ...]:
    """At most `most` different inputs, the same on every run. `recorded` may lack parameters whose
    values have no source; these stay as they were recorded. Without any recorded call, `hints` are
    those of the parameters that have to be given. Empty where nothing can be varied.
    """
    strategy = _inputs(recorded, hints, likeness)
    if strategy is None:
        return ()
    # What Hypothesis keeps, it would keep in the current folder, which is the user's.
    set_hypothesis_home_dir(cache_folder() / "hypothesis")
    common = invariants(recorded)
    found: dict[str, Input] = {}

    @seed(SEED)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
        suppress_health_check=tuple(HealthCheck),
    )
    @given(strategy)
    def collect(drawn: tuple[int | None, Values]) -> None:
        base, values = drawn
        whole = {**recorded[base], **values} if base is not None else values
        found.setdefault(f"{base} {dict(values)!r}", Input(base, values, broken(common, whole)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collect()
    return tuple(found.values())


def _inputs(
    recorded: Sequence[Values], hints: Mapping[str, str], likeness: Likeness
) -> SearchStrategy[tuple[int | None, Values]] | None:
    strategies: dict[str, Strategy] = {}
    names = dict.fromkeys(name for values in recorded for name in values)
    for name in [*names, *(name for name in hints if name not in names)]:
        seen = [values[name] for values in recorded if name in values]
        if seen:
            made: Strategy | None = likeness.like(seen)
        else:
            made = hinted(hints[name], likeness) if not recorded else None
        if made is not None:
            strategies[name] = made
    if not strategies or (not recorded and set(strategies) != set(hints)):
        return None
    if not recorded:
        whole: SearchStrategy[Values] = st.fixed_dictionaries(strategies)
        return whole.map(lambda values: (None, values))
    one = st.one_of(*(st.fixed_dictionaries({name: made}) for name, made in strategies.items()))
    some: SearchStrategy[Values] = st.one_of(one, st.fixed_dictionaries(strategies))
    return st.tuples(st.integers(0, len(recorded) - 1), some)
