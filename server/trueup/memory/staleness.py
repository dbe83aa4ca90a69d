"""Which decisions the code has left behind: their evidence changed, or their scope is empty.

Judged from the files as they are, by comparing digests and names; no history is read and no clock.
A rule that never finds anything is fine: everybody keeps it. Nothing here changes a decision; who
reads the reason decides.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from trueup import workspace
from trueup.architecture.contracts import Severity, Source
from trueup.memory.code_base import CodeBase
from trueup.memory.decisions import Anchor, Decision, Decisions, Origin, Problem
from trueup.memory.evaluate import applies, module_of
from trueup.memory.globs import matches
from trueup.memory.hidden import one_line
from trueup.memory.normal import VERSION
from trueup.memory.overrides import Override

FILES_MAX: Final = 50_000
"""Files among which a glob is looked for; in a larger project no glob is called empty."""
EXCUSED_MIN: Final = 2
"""Files with an exception from a rule before it can be called contradicted by them."""


class Stale(StrEnum):
    EVIDENCE_GONE = "evidence-gone"
    EVIDENCE_CHANGED = "evidence-changed"
    PATHS_EMPTY = "paths-empty"
    SYMBOL_GONE = "symbol-gone"
    MOVED = "moved"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Move:
    """A file or a symbol that is elsewhere now. `names` are how it was called and is called."""

    old: Anchor
    path: str
    names: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a decision needs a review, in one sentence."""

    decision: Decision
    why: Stale
    says: str
    move: Move | None = None

    @property
    def problem(self) -> Problem:
        source = Source(self.decision.path, self.decision.line)
        return Problem(source, self.says, Severity.WARNING, self.decision.id)


def staleness(root: str, decisions: Decisions) -> tuple[Staleness, ...]:
    """What the decisions in force rest on that is no longer so. Reads only files that they name,
    and all others once where something has gone.
    """
    code = CodeBase(root, decisions.roots)
    wanted = [item for item in decisions if item.is_in_force and item.origin is Origin.DECISION]
    empty = _empty_globs(root, code, {glob for item in wanted for glob in item.scope.paths})
    found: list[Staleness] = []
    for decision in wanted:
        own = [
            *_of_evidence(code, decisions, decision),
            *_of_symbols(code, decisions, decision),
            *_of_paths(code, decision, empty),
        ]
        found += {item.says: item for item in own}.values()
    return tuple(found)


def _moved(
    code: CodeBase, decisions: Decisions, decision: Decision, anchor: Anchor, what: str
) -> Staleness | None:
    """Where exactly one other place has the anchor's digest."""
    places = code.same(anchor.digest) if anchor.digest else ()
    if len(places) != 1 or bool(anchor.symbol) != bool(places[0].symbol):
        return None
    place = places[0]
    name = code.called(place) if anchor.symbol else place.path
    says = (
        f"needs a review: {one_line(what)} moved to {name};"
        f" `trueup decisions follow {decisions.short(decision)}` updates it"
    )
    move = Move(anchor, place.path, (anchor.symbol or anchor.path, name))
    return Staleness(decision, Stale.MOVED, says, move)


def _of_evidence(code: CodeBase, decisions: Decisions, decision: Decision) -> Iterator[Staleness]:
    short = decisions.short(decision)
    for anchor in decision.evidence:
        if anchor.follows or not anchor.path:
            continue
        what = anchor.symbol or anchor.path
        place = code.named(anchor.path, anchor.symbol) if code.has(anchor.path) else None
        if place is None:
            if code.has(anchor.path) and code.digests(anchor.path) is None:
                continue
            moved = _moved(code, decisions, decision, anchor, what)
            says = f"needs a review: its evidence {one_line(what)} is not there any more"
            yield moved or Staleness(decision, Stale.EVIDENCE_GONE, says)
            continue
        now = code.digest(place)
        if anchor.digest.startswith(VERSION) and now and now != anchor.digest:
            says = (
                f"needs a review: its evidence {one_line(what)} changed;"
                f" `trueup decisions refresh {short}` accepts the code as it is"
            )
            yield Staleness(decision, Stale.EVIDENCE_CHANGED, says)


def _of_symbols(code: CodeBase, decisions: Decisions, decision: Decision) -> Iterator[Staleness]:
    for name in decision.scope.symbols:
        if code.meant(name) != ():
            continue
        known = (item for item in decision.evidence if item.symbol == name and item.digest)
        anchor = next(known, None)
        moved = _moved(code, decisions, decision, anchor, name) if anchor is not None else None
        says = f"needs a review: there is no {one_line(name)} that its scope could mean"
        yield moved or Staleness(decision, Stale.SYMBOL_GONE, says)


def _of_paths(code: CodeBase, decision: Decision, empty: set[str]) -> Iterator[Staleness]:
    globs = decision.scope.paths
    dead = [glob for glob in globs if glob in empty]
    if dead and len(dead) == len(globs):
        listed = ", ".join(one_line(glob) for glob in globs)
        says = f"needs a review: no file matches its scope ({listed})"
        yield Staleness(decision, Stale.PATHS_EMPTY, says)
        return
    for glob in dead:
        # A list such as `*.py, *.pyi` is written before there is one of each.
        if (fixed := _fixed(glob)) and not code.has(fixed):
            says = f"needs a review: there is no {one_line(fixed)}, which its scope names"
            yield Staleness(decision, Stale.PATHS_EMPTY, says)


def _fixed(glob: str) -> str:
    """The folders or the file that a glob names outright."""
    parts: list[str] = []
    for part in glob.removeprefix("./").strip("/").split("/"):
        if set(part) & set("*?["):
            break
        parts.append(part)
    return "/".join(parts) if "/" in glob.rstrip("/") else ""


def _empty_globs(root: str, code: CodeBase, globs: set[str]) -> set[str]:
    """Those that match no file, of whatever kind."""
    left = {glob for glob in globs if not any(matches(glob, path) for path in code.files)}
    if not left:
        return left
    parts = {part for glob in left for part in glob.split("/")}
    for number, path in enumerate(_all_files(root, parts)):
        if number == FILES_MAX:
            return set()
        left -= {glob for glob in left if matches(glob, path)}
        if not left:
            break
    return left


def _all_files(root: str, named: set[str]) -> Iterator[str]:
    """Every file, but for folders that hold no sources; these too where a glob names them."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if name in named
            or not (
                name in workspace.SKIPPED_FOLDERS
                or name.startswith(".")
                or Path(folder, name, "pyvenv.cfg").exists()
            )
        )
        for file in files:
            yield Path(folder, file).relative_to(root).as_posix()


def contradicted(
    decisions: Decisions,
    paths: Iterable[str],
    overrides: Iterable[Override],
    broken: Iterable[tuple[str, str]],
) -> tuple[Staleness, ...]:
    """Decisions that more files make an exception from than keep them.

    `paths` are all files of the project, `broken` the decisions and files of findings.
    """
    excused = {(item.decision, item.path) for item in overrides if item.used}
    counts = Counter(decision for decision, _ in excused)
    often = [item for item in decisions if counts[item.id] >= EXCUSED_MIN]
    not_kept = excused | set(broken)
    listed = tuple(paths) if often else ()
    found: list[Staleness] = []
    for decision in often:
        kept = sum(
            (decision.id, path) not in not_kept and _speaks_of(decisions, decision, path)
            for path in listed
        )
        count = counts[decision.id]
        if count > kept:
            says = f"needs a review: {count} files make an exception from it, {kept} keep it"
            found.append(Staleness(decision, Stale.CONTRADICTED, says))
    return tuple(found)


def _speaks_of(decisions: Decisions, decision: Decision, path: str) -> bool:
    if not applies(decision, path):
        return False
    module = module_of(path, decisions.roots)[0]
    bases = [name.removesuffix(".*") for name in decision.scope.symbols]
    return not bases or any(
        f"{base}.".startswith(f"{module}.") or f"{module}.".startswith(f"{base}.") for base in bases
    )
