"""A candidate reads as what it is: nothing hidden, no name that looks like another one.

Only what is new counts, by kind: a file may hold such characters already, for reasons of its own.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from trueup import workspace
from trueup.guards.characters import hidden_in
from trueup.guards.lookalikes import lookalikes
from trueup.snapshot import Document
from trueup.suggestion import Evidence
from trueup.verify.trial import Trial, failed, passed

CHECK: Final = "text"


async def hides_nothing(trial: Trial) -> Evidence:
    """The edits bring in no character that cannot be seen and no lookalike of another name."""
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if new is None or _is_no_text(new):
            continue
        base = old.text if old is not None else ""
        known = Counter(found.character for found in hidden_in(base))
        for found in hidden_in(new.text):
            if known[found.character]:
                known[found.character] -= 1
                continue
            line = new.line_at(found.offset) + 1
            return failed(CHECK, f"brings in {found.says}, which cannot be seen", path, line)
        if not path.endswith((".py", ".pyi")):
            continue
        names = {found.name for found in lookalikes(base)}
        for name in lookalikes(new.text):
            if name.name not in names:
                spelled = name.name.encode("ascii", "backslashreplace").decode()
                return failed(
                    CHECK, f"the name {spelled} looks like {name.reads_as}", path, name.line
                )  # fmt: skip
    return passed(CHECK, "reads as what it is")


def _is_no_text(document: Document) -> bool:
    """Whether characters only stand in for bytes, which nobody reads; as git tells them apart."""
    is_code = document.path.endswith((".py", ".pyi"))
    return not is_code and (document.encoding == workspace.BYTES or "\0" in document.text)
