"""What the type checkers that the project uses say, with the change and without it.

They execute plugins that the project names, so they run where the tests run, once the user trusts
the project. Only what is new counts. A checker that is configured and cannot run is unknown, which
stands in the way only where the goal is about types: behaviour is for the tests to prove.
"""

from __future__ import annotations

import ast
import base64
import re
from collections import Counter
from typing import Final

from trueup.parsing import parse_module
from trueup.runner.results import RunStatus, ScriptAnswer, ScriptRequest
from trueup.snapshot import Snapshot
from trueup.suggestion import Diagnostic, Evidence, Goal, GoalKind, Recipe, Surface, SurfaceKind
from trueup.verify.checkers import SOURCES, Checker, Finding, checkers
from trueup.verify.installed import installed
from trueup.verify.renames import WithoutImports
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "types"
SCRIPT: Final = "tool"
_NUMBER: Final = re.compile(r"\b\d+\b")

Both = tuple[tuple[Finding, ...], tuple[Finding, ...]]


def is_demanded(goal: Goal) -> bool:
    """Whether the goal is about types."""
    return goal.recipe is Recipe.ANNOTATE or _target(goal) is not None


def _target(goal: Goal) -> Diagnostic | None:
    """The type checker's diagnostic that is to be fixed."""
    found = goal.diagnostic if goal.kind is GoalKind.FIX else None
    return found if found is not None and found.source.casefold() in SOURCES else None


async def satisfies_the_type_checker(trial: Trial) -> Evidence:
    """No type checker reports anything new, and what was to be fixed is gone."""
    target = _target(trial.goal)
    if trial.only_text and target is None:
        return passed(CHECK, "no annotation changed")
    chosen = _chosen(checkers(trial.before.root, installed(trial.interpreter)), trial.goal)
    if not chosen and not is_demanded(trial.goal):
        return passed(CHECK, "the project configures no type checker")
    if why := await _obstacle(trial, chosen):
        return unknown(CHECK, why)
    for checker in chosen:
        both = await _both(trial, checker)
        if isinstance(both, str):
            return unknown(CHECK, f"{checker.name} could not say: {both}")
        if problem := _judged(trial, checker, both):
            return problem
    names = " and ".join(item.name for item in chosen)
    if target is not None:
        return passed(CHECK, f"{target.code or 'the error'} is gone, and {names} finds nothing new")
    return passed(CHECK, f"{names} finds nothing new")


async def _obstacle(trial: Trial, chosen: tuple[Checker, ...]) -> str:
    """Why nothing that a type checker says could prove the goal, or ""."""
    target = _target(trial.goal)
    if not chosen:
        wanted = target.source if target is not None else "a type checker"
        return f"{wanted} is not installed for this project"
    if missing := next((item for item in chosen if not item.installed), None):
        return f"{missing.name} is configured, and not installed for this project"
    if trial.goal.recipe is Recipe.ANNOTATE and not _only_annotates(trial):
        return "more than annotations changes, which no type checker proves"
    return await trial.bed.refusal()


def _only_annotates(trial: Trial) -> bool:
    """Whether the code is the same but for annotations, and imports for them."""
    return all(
        _without_annotations(old.text) == _without_annotations(new.text)
        for path in trial.candidate.paths
        if (old := trial.before.get(path)) and (new := trial.after.get(path))
    )


class _Bare(WithoutImports):
    """Drops what functions say about types. In a class an annotation may make a field."""

    _inside_function = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:  # noqa: N802 (ast's name)
        around, self._inside_function = self._inside_function, False
        self.generic_visit(node)
        self._inside_function = around
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:  # noqa: N802 (ast's name)
        if not self._inside_function or node.value is None:
            return node
        return ast.Assign([node.target], node.value)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        around, self._inside_function = self._inside_function, True
        self.generic_visit(node)
        self._inside_function = around
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815


def _without_annotations(text: str) -> str:
    tree = _Bare().visit(parse_module(text))
    # `if TYPE_CHECKING:` held imports only.
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and not node.body)]
    return ast.dump(tree)


def _chosen(found: tuple[Checker, ...], goal: Goal) -> tuple[Checker, ...]:
    """What is configured, and what the goal is about; for annotations, whatever there is."""
    target = _target(goal)
    wanted = {target.source.casefold()} if target is not None else set()
    chosen = tuple(item for item in found if item.configured or item.name in wanted)
    if not chosen and goal.recipe is Recipe.ANNOTATE:
        return tuple(item for item in found if item.installed)[:1]
    return chosen if not wanted or wanted & {item.name for item in chosen} else ()


async def _both(trial: Trial, checker: Checker) -> Both | str:
    """The findings before and after, or why there are none."""
    request = trial.request(trial.after, ())
    files = {
        path: base64.b64encode(document.to_bytes()).decode() if document else None
        for path in trial.candidate.paths
        for document in (trial.before.get(path),)
    }
    task = {
        "after": checker.arguments(_python(trial, trial.after)),
        "before": checker.arguments(_python(trial, trial.before)),
        "files": files,
    }
    answer = await trial.bed.ask(
        ScriptRequest(
            SCRIPT, task, request.changed, request.deleted, trial.limits.type_check_seconds
        )
    )
    return _read(checker, answer)


def _python(trial: Trial, snapshot: Snapshot) -> tuple[str, ...]:
    """The edited files that are there."""
    return tuple(
        path for path in trial.candidate.paths if path.endswith(".py") and snapshot.get(path)
    )


def _read(checker: Checker, answer: ScriptAnswer) -> Both | str:
    if answer.status is not RunStatus.FINISHED:
        return answer.reason
    found: dict[str, tuple[Finding, ...]] = {}
    for event in answer.said:
        match event:
            case ("ran", str(side), int(code), str(said), str(complaint), False):
                findings = checker.read(code, said)
                if findings is None:
                    lines = (complaint.strip() or said.strip()).splitlines()
                    return lines[-1][:200] if lines else f"it ended with code {code}"
                found[side] = findings
            case ("ran", *_):
                return "it says too much"
    if found.keys() != {"before", "after"}:
        return "it did not answer"
    return found["before"], found["after"]


def _judged(trial: Trial, checker: Checker, both: Both) -> Evidence | None:
    before, after = both
    known = Counter(_key(item, trial.goal.surface) for item in before)
    for item in after:
        key = _key(item, trial.goal.surface)
        if not known[key]:
            code = f" [{item.code}]" if item.code else ""
            sentence = f"{checker.name} finds something new: {item.message.splitlines()[0]}{code}"
            return failed(CHECK, sentence, item.path, item.line)
        known[key] -= 1
    target = _target(trial.goal)
    if target is None or target.source.casefold() != checker.name:
        return None
    then, now = _alike(target, before), _alike(target, after)
    if not then:
        said = f"{checker.name} did not report {target.code or 'it'} before"
        return unknown(CHECK, f"{said}, so it cannot be seen to go", target.path)
    if len(now) >= len(then):
        code = target.code or "it"
        return failed(CHECK, f"{checker.name} still reports {code}", target.path, now[0].line)
    return None


def _alike(target: Diagnostic, found: tuple[Finding, ...]) -> list[Finding]:
    """The findings with the code of what is to be fixed; where it has none, with its message."""
    here = [item for item in found if item.path == target.path]
    if target.code:
        return [item for item in here if item.code == target.code]
    return [item for item in here if item.message.splitlines()[0] in target.message]


def _key(item: Finding, surface: Surface) -> tuple[str, str, str]:
    message = _NUMBER.sub("0", item.message)
    if surface.kind is SurfaceKind.RENAME and surface.old:
        old, new = surface.old.rpartition(".")[2], surface.new.rpartition(".")[2]
        message = re.sub(rf"\b{re.escape(old)}\b", new, message)
    # What moves takes what is wrong with it along.
    return item.code, "" if surface.kind is SurfaceKind.MOVE else item.path, message
