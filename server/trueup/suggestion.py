"""What is proposed, and what is known about it.

A Goal is what the user asked for. A Candidate is one way to get there. Evidence is what one check
found; a Verdict is computed from the evidence and from what this kind of goal demands, and nobody
sets it.

Values only: this module knows neither how candidates are made nor how they are judged.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from trueup.snapshot import Edit, Span


class GoalKind(StrEnum):
    """Which proof is demanded: a refactor keeps behaviour, a fix changes it for the better."""

    REFACTOR = "refactor"
    FIX = "fix"


class Recipe(StrEnum):
    """What is to be done, in the words of the light bulb."""

    FIX_DIAGNOSTIC = "fix-diagnostic"
    SIMPLIFY = "simplify"
    ANNOTATE = "annotate"
    DOCUMENT = "document"
    INSTRUCT = "instruct"
    EXTRACT_FUNCTION = "extract-function"
    EXTRACT_VARIABLE = "extract-variable"
    INLINE = "inline"
    RENAME = "rename"
    MOVE = "move"
    RUFF_RULE = "ruff-rule"
    RUFF_SAFE = "ruff-safe"
    RUFF_UNSAFE = "ruff-unsafe"
    PATCH = "patch"
    REVIEW = "review"


class SurfaceKind(StrEnum):
    KEEP = "keep"
    RENAME = "rename"
    MOVE = "move"
    ADD = "add"
    REMOVE = "remove"
    ANNOTATIONS = "annotations"
    DOCSTRING = "docstring"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Surface:
    """The change of public names and signatures that the goal declares; anything else is a finding.

    `old` and `new` are names for RENAME, paths for MOVE (with the moved name in `name`), a name
    for ADD (`new`) and REMOVE (`old`). ANNOTATIONS, DOCSTRING and DEFAULTS say which part of a
    signature may change.
    """

    kind: SurfaceKind = SurfaceKind.KEEP
    old: str = ""
    new: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding of any tool, at characters of one document."""

    path: str
    span: Span
    message: str
    source: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job may change and what it looks at, settled before anything is proposed.

    `changes` and `shown` are places as pytest would name them: `path::Qualified.name`, or a path
    alone for a whole file. `tests` are as the runner names them, `decisions` are their ids.
    """

    changes: tuple[str, ...] = ()
    """Where a candidate may change something; the imports of these files are included."""
    shown: tuple[str, ...] = ()
    """What else the model is shown: what the place calls, and what calls it."""
    tests: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Tests that somebody took out of it: what they would have said stays unknown."""

    @property
    def sentence(self) -> str:
        """The plan in one line, for progress and for the page of a suggestion."""
        parts = [f"change {', '.join(self.changes) or 'nothing'}"]
        whole = all("::" not in name for name in self.tests)
        parts.append(f"judged by {_counted(self.tests, 'test file' if whole else 'test')}")
        if self.left_out:
            parts.append(f"{len(self.left_out)} left out")
        if self.shown:
            parts.append(f"with {_counted(self.shown, 'related place')} in view")
        if self.decisions:
            parts.append(f"under {_counted(self.decisions, 'decision')}")
        return ", ".join(parts)


def _counted(items: tuple[str, ...], noun: str) -> str:
    return f"{len(items)} {noun}{'s' * (len(items) != 1)}"


@dataclass(frozen=True, slots=True)
class Goal:
    kind: GoalKind
    recipe: Recipe
    path: str
    span: Span
    symbol: str = ""
    """Qualified name of the function or class the goal is about, "" for the module."""
    diagnostic: Diagnostic | None = None
    instruction: str = ""
    name: str = ""
    """What the user chose: the new name of a rename, the destination module's path of a move."""
    surface: Surface = Surface()
    red: tuple[str, ...] = ()
    """Tests that a fix is to turn green, as pytest names them."""
    plan: Plan | None = None
    """The plan as the user edited it; None: as the engine makes it."""

    @property
    def title(self) -> str:
        """What the user picked, as progress and messages call it."""
        what = self.recipe.value.replace("-", " ").capitalize()
        if self.recipe is Recipe.PATCH:
            return "Verify the change"
        if self.diagnostic is not None:
            return f"Fix {self.diagnostic.code or self.diagnostic.message}"
        return f"{what} {self.symbol or self.path}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A titled set of edits with its proposer ("ruff", "rope", "patch", or the model's name)."""

    title: str
    edits: tuple[Edit, ...]
    proposer: str
    deterministic: bool = True
    deletes: tuple[str, ...] = ()
    explanation: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(sorted({edit.path for edit in self.edits} | set(self.deletes)))


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A call that old and new code answer differently, as one could type it, and both answers."""

    function: str
    call: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        return f"{self.call} {self.before}, and with the change it {self.after}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One check's finding: one sentence, and where (1-based line). It reads the same on every
    run.
    """

    check: str
    outcome: Outcome
    detail: str
    path: str | None = None
    line: int | None = None
    counterexample: Counterexample | None = None

    def as_json(self) -> dict[str, object]:
        """As the command line and editors are told; the counterexample is told apart from it."""
        return {
            "check": self.check,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "path": self.path,
            "line": self.line,
        }


class Ruling(StrEnum):
    VERIFIED = "verified"
    UNPROVEN = "unproven"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The evidence, and the names of the checks that this kind of goal demands."""

    evidence: tuple[Evidence, ...]
    demanded: tuple[str, ...]

    @property
    def outcome(self) -> Ruling:
        """Derived, so that a verdict can never disagree with its evidence."""
        if any(found.outcome is Outcome.FAILED for found in self.evidence):
            return Ruling.REJECTED
        passed = {found.check for found in self.evidence if found.outcome is Outcome.PASSED}
        unknown = {found.check for found in self.evidence if found.outcome is Outcome.UNKNOWN}
        demanded = set(self.demanded)
        return Ruling.VERIFIED if demanded and demanded <= passed - unknown else Ruling.UNPROVEN

    @property
    def missing(self) -> tuple[Evidence, ...]:
        """What stands between this and *verified*, in the order of the gate."""
        wanted = set(self.demanded)
        return tuple(
            found
            for found in self.evidence
            if found.outcome is Outcome.FAILED
            or (found.outcome is Outcome.UNKNOWN and found.check in wanted)
        )


@dataclass(frozen=True, slots=True)
class TestSummary:
    """What ran. Counts are of tests but for the statements; `total` is None where it is not
    known.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    selected: int = 0
    total: int | None = None
    passed: int = 0
    failed: tuple[str, ...] = ()
    red_before: tuple[str, ...] = ()
    changed_statements: int = 0
    covered_statements: int = 0

    def as_json(self) -> dict[str, object]:
        """As the command line and editors are told."""
        return asdict(self) | {"failed": list(self.failed), "red_before": list(self.red_before)}


@dataclass(frozen=True, slots=True)
class Stamp:
    """The digests that bind a verdict to bytes: `base` is None for a file to be created, `result`
    for one deleted.
    """

    path: str
    base: str | None
    result: str | None


@dataclass(frozen=True, slots=True)
class NewFile:
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A candidate with its verdict, bound to the exact bytes it was computed on."""

    goal: Goal
    candidate: Candidate
    verdict: Verdict
    ticket: tuple[Stamp, ...]
    tests: TestSummary = TestSummary()
    isolation: str = ""
    elapsed_ms: int = 0
    rounds: int = 1
    """How many candidates were tried, this one included."""
    pinned: tuple[NewFile, ...] = ()
    """Tests that were written to prove it and that the user may keep; not part of the candidate."""
    pinnable: bool = False
    """Whether a test of what the code does today might prove it."""
    trace: str = ""
    """What `trueup trace show` knows it by; "" where nothing is written down."""
    plan: Plan | None = None
    """What the job was held to; None where a deterministic proposer needed no plan."""
    stopped: str = ""
    """Why no better candidate was looked for, where that is not because this one is verified."""
