"""What the project's type checker says, where the goal is about types.

Running it executes plugins that the project names, so it belongs in the runner; until it runs
there, what it would say is unknown and a change of annotations stays unproven.
"""

from __future__ import annotations

from typing import Final

from trueup.suggestion import Evidence
from trueup.verify.trial import Trial, passed, unknown

CHECK: Final = "types"


async def satisfies_the_type_checker(trial: Trial) -> Evidence:
    """Unknown, unless no annotation was changed after all."""
    if trial.only_text:
        return passed(CHECK, "no annotation changed")
    return unknown(CHECK, "no type checker ran, so the annotations are not proved", trial.goal.path)
