"""Candidates from Ruff's own fixes: deterministic, offline, no model.

Knows which fix belongs to the diagnostic that the user pointed at, and which part of a signature a
rule may change. How Ruff is run is `trueup.linting`'s affair.
"""

from __future__ import annotations

from typing import Final

from trueup import linting
from trueup.linting import Finding, LintFailure
from trueup.propose.hunks import minimal_edits
from trueup.propose.proposal import Failure, FailureKind, Proposal
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import Candidate, Diagnostic, Goal, Recipe, Surface, SurfaceKind

PROPOSER: Final = "ruff"

_DOUBTS: Final = {
    "safe": "",
    "unsafe": "Ruff calls this fix unsafe: it may change what the code does.",
    "display": "Ruff shows this fix and does not apply it by itself: it may be wrong.",
}

# What a rule's fix may change of a signature, by the longest prefix that matches its code. A rule
# that is not here changes none of it, as its documentation has it, and the gate holds it to that.
_SURFACES: Final = {
    "B006": SurfaceKind.DEFAULTS,  # a mutable default becomes None
    "FAST002": SurfaceKind.ANNOTATIONS,  # a default of FastAPI moves into Annotated
    "ANN": SurfaceKind.ANNOTATIONS,  # missing annotations are added
    "FA": SurfaceKind.ANNOTATIONS,  # annotations become strings, by a __future__ import
    "PYI": SurfaceKind.ANNOTATIONS,  # unions are shortened, Self replaces a type variable
    "RUF013": SurfaceKind.ANNOTATIONS,  # an implicit None becomes explicit
    "RUF036": SurfaceKind.ANNOTATIONS,  # None moves to the end of a union
    "TC": SurfaceKind.ANNOTATIONS,  # annotations are quoted or unquoted
    "UP006": SurfaceKind.ANNOTATIONS,  # List[int] becomes list[int]
    "UP007": SurfaceKind.ANNOTATIONS,  # Union[a, b] becomes a | b
    "UP035": SurfaceKind.ANNOTATIONS,  # typing.Callable becomes collections.abc.Callable
    "UP037": SurfaceKind.ANNOTATIONS,  # quotes around annotations go
    "UP044": SurfaceKind.ANNOTATIONS,  # Unpack[T] becomes *T
    "UP045": SurfaceKind.ANNOTATIONS,  # Optional[a] becomes a | None
    "UP046": SurfaceKind.ANNOTATIONS,  # Generic[T] becomes a type parameter
    "UP047": SurfaceKind.ANNOTATIONS,  # the same for functions
    "D": SurfaceKind.DOCSTRING,  # docstrings are reflowed, punctuated, re-indented
    "W291": SurfaceKind.DOCSTRING,  # trailing blanks, those of docstrings too
    "W293": SurfaceKind.DOCSTRING,  # the same on blank lines
}
# KEEP on purpose, although names are involved: F401 (in an `__init__.py` its removal is a removed
# re-export, which is for the gate to see) and RUF022 (the same names of `__all__`, sorted).


def surface_of(code: str) -> Surface:
    """The part of a signature that the fix of the rule `code` may change; KEEP where it is none."""
    for length in range(len(code), 0, -1):
        kind = _SURFACES.get(code[:length])
        # "DTZ" is no "D": letters are matched whole, digits by their beginning.
        if kind is not None and not (code[length:][:1].isalpha()):
            return Surface(kind)
    return Surface()


async def propose(goal: Goal, snapshot: Snapshot) -> Proposal:
    """Ruff's fix for the goal's diagnostic, or all of its fixes of the file."""
    document = snapshot.get(goal.path)
    if document is None:
        return _cannot(f"{goal.path} is not open and was not read")
    if goal.recipe in {Recipe.RUFF_SAFE, Recipe.RUFF_UNSAFE}:
        return await _all_fixes(snapshot.root, document, unsafe=goal.recipe is Recipe.RUFF_UNSAFE)
    if goal.diagnostic is None or not goal.diagnostic.code:
        return _cannot("Ruff fixes diagnostics that have a code, and this one has none")
    if goal.diagnostic.code == linting.SYNTAX_ERROR:
        return _cannot("Ruff does not fix syntax errors")
    return await _one_fix(snapshot.root, document, goal.diagnostic)


async def _all_fixes(root: str, document: Document, *, unsafe: bool) -> Proposal:
    after = await linting.fixed(root, document, unsafe=unsafe)
    if isinstance(after, LintFailure):
        return _cannot(after.sentence)
    kind = "fix" if unsafe else "safe fix"
    edits = minimal_edits(document.path, document.text, after)
    if not edits:
        sentence = f"Ruff has no {kind} for {document.path}"
        return Failure(FailureKind.NOTHING_TO_DO, sentence, PROPOSER)
    return Candidate(f"Apply every {kind} of Ruff", edits, PROPOSER)


async def _one_fix(root: str, document: Document, wanted: Diagnostic) -> Proposal:
    # The rule is selected by hand: the user may see it from a Ruff that is configured elsewhere.
    found = await linting.diagnostics(root, document, select=(wanted.code,))
    if isinstance(found, LintFailure):
        return _cannot(found.sentence)
    finding = _match(document, wanted, found)
    if finding is None:
        sentence = f"Ruff does not report {wanted.code} here"
        return Failure(FailureKind.NOTHING_TO_DO, sentence, PROPOSER)
    if not finding.fix:
        return _cannot(f"Ruff has no automatic fix for {wanted.code} here")
    title = finding.fix_message or f"Fix {wanted.code}"
    doubt = (
        "" if finding.applicability == "safe" else f"Ruff calls this fix {finding.applicability}."
    )
    return Candidate(title, finding.fix, PROPOSER, explanation=doubt)


def _match(document: Document, wanted: Diagnostic, found: tuple[Finding, ...]) -> Finding | None:
    """The finding that the diagnostic came from: same place, else overlapping, else same line."""
    line = document.line_at(wanted.span.start)
    of_rule = [finding for finding in found if finding.diagnostic.code == wanted.code]
    for near in (
        lambda it: it.span == wanted.span,
        lambda it: it.span.overlaps(wanted.span),
        lambda it: document.line_at(it.span.start) == line,
    ):
        matching = [finding for finding in of_rule if near(finding.diagnostic)]
        if matching:
            return next((finding for finding in matching if finding.fix), matching[0])
    return None


def _cannot(sentence: str) -> Failure:
    return Failure(FailureKind.CANNOT, sentence, PROPOSER)
