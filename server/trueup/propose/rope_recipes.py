"""The refactorings that rope is asked for, and where we do not take its answer as it comes.

Each recipe turns a goal into rope's change set, or raises CannotError with the sentence for the
user. Rope is corrected where it is known to be wrong: it renames what others define and what is
taken already, forgets `__all__`, extracts `await` into functions that are not async, inlines two
calls of one line into nonsense, and tidies imports that nobody asked it to.
"""

from __future__ import annotations

import itertools
import keyword
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rope.base.change import ChangeSet
from rope.base.pyobjectsdef import PyModule
from rope.base.resources import File
from rope.base.taskhandle import TaskHandle
from rope.refactor.extract import ExtractMethod, ExtractVariable
from rope.refactor.inline import InlineMethod, InlineVariable, create_inline
from rope.refactor.move import MoveGlobal, create_move
from rope.refactor.rename import Rename

from trueup import InputError, workspace
from trueup.propose.hunks import lines_of, with_line_feeds
from trueup.propose.rope_imports import MovingImports
from trueup.propose.rope_project import Overlay, ReadOnlyProject, compiles, open_project
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Goal, Recipe
from trueup.symbols import Outline

FILES_MAX: Final = 5_000
"""Largest project, in Python files, that rope is asked to look through."""

_ALL: Final = re.compile(r"^__all__\b[^=\n]*=\s*(?:\[[^\]]*\]|\([^)]*\))", re.MULTILINE)


class CannotError(Exception):
    """Ends a refactoring with the sentence that the user reads."""


class Job:
    """One refactoring: the goal in rope's terms, and the files that it may concern."""

    def __init__(self, goal: Goal, snapshot: Snapshot, stopped: threading.Event) -> None:
        self.goal = goal
        self.handle = TaskHandle(goal.recipe.value)
        self.overlay = Overlay(snapshot, stopped)
        self.document = self._target(goal.path)
        self.text = with_line_feeds(self.document.text)
        self.span = Span(self._shifted(goal.span.start), self._shifted(goal.span.end))
        held = (path for path in snapshot.documents if path.endswith(".py"))
        self.files = tuple(sorted({*workspace.python_files(snapshot.root), *held}))
        if len(self.files) > FILES_MAX:
            raise CannotError(f"rope is not asked to look through more than {FILES_MAX} files")
        self.project: ReadOnlyProject = open_project(self.overlay, snapshot.root, self.files)
        self.file = File(self.project, goal.path)
        self.unread: list[str] = []

    def _target(self, path: str) -> Document:
        try:
            document = self.overlay.document(path)
        except InputError as problem:
            raise CannotError(str(problem)) from None
        if not self.overlay.parses(path):
            raise CannotError(f"{path} has a syntax error, and rope needs whole files")
        return document

    def _shifted(self, offset: int) -> int:
        """`offset` in the text that rope sees, where CRLF is one character."""
        return len(with_line_feeds(self.document.text[:offset]))

    @property
    def place(self) -> Span:
        """The identifier under the cursor."""
        found = Outline(self.text).identifier_at(self.span.start)
        if found is None:
            raise CannotError("there is no name at this place")
        return found

    @property
    def offset(self) -> int:
        return self.place.start

    def identifier(self) -> str:
        found = Outline(self.text).identifier_at(self.span.start)
        return self.text[found.start : found.end] if found else ""

    def resources(self, *also: str) -> list[File]:
        """The files that the refactoring concerns: those that mention the name, and can be read."""
        name = self.identifier()
        found = []
        for path in self.files:
            if path not in also and not self.overlay.mentions(path, name):
                continue
            if self.overlay.parses(path):
                found.append(File(self.project, path))
            else:
                self.unread.append(path)
        return found


def _extract(job: Job) -> ChangeSet:
    variable = job.goal.recipe is Recipe.EXTRACT_VARIABLE
    if job.span.start == job.span.end:
        raise CannotError("select what is to be extracted")
    name = _checked(extracted_name(job.goal, job.text))
    if mentions(job.text, name):
        raise CannotError(f"{job.goal.path} uses the name {name} already")
    kind = ExtractVariable if variable else ExtractMethod
    changes = kind(job.project, job.file, job.span.start, job.span.end).get_changes(name)
    if not variable and mentions(job.text[job.span.start : job.span.end], "await"):
        for change in changes.changes:
            change.new_contents = _made_async(change.new_contents, name)
    return changes


def _made_async(text: str, name: str) -> str:
    """`text` with the function `name` made async and its only call awaited, as rope does not."""
    text = re.sub(rf"^([ \t]*)def {name}\(", rf"\1async def {name}(", text, flags=re.MULTILINE)
    return re.sub(rf"(?<!def )\b((?:self\.|cls\.)?{name}\()", r"await \1", text)


def _inline(job: Job) -> ChangeSet:
    refactoring = create_inline(job.project, job.file, job.offset)
    if not isinstance(refactoring, InlineMethod | InlineVariable):
        raise CannotError("only functions, methods and variables can be inlined")
    resources = job.resources(job.goal.path)
    if refactoring.resource not in resources:
        raise CannotError("the definition lies in a file that cannot be changed")
    if isinstance(refactoring, InlineMethod):
        _refuse_two_calls_in_a_line(job, resources)
    return refactoring.get_changes(resources=resources, task_handle=job.handle)


def _refuse_two_calls_in_a_line(job: Job, resources: list[File]) -> None:
    """Rope 1.15 inlines the second call of a line after the statement that holds both."""
    call = re.compile(rf"\b{re.escape(job.identifier())}[ \t]*\(")
    for resource in resources:
        for number, line in enumerate(lines_of(resource.read()), 1):
            if len(call.findall(line)) > 1:
                raise CannotError(
                    f"{resource.path}:{number} calls it twice, which rope cannot inline"
                )


def _rename(job: Job) -> ChangeSet:
    name, old = _checked(job.goal.name), job.identifier()
    refactoring = Rename(job.project, job.file, job.offset)
    if refactoring._is_renaming_a_module():  # noqa: SLF001 - rope offers no other way to know
        raise CannotError("renaming a module moves a file, and Trueup does not move files")
    module = refactoring.old_pyname.get_definition_location()[0]
    if module is None:
        # Rope would rename it all the same, import statement included.
        raise CannotError(f"{old} is not defined in this workspace")
    if old == name:
        raise CannotError(f"it is called {name} already")
    _refuse_a_name_in_use(job, module, name)
    changes = refactoring.get_changes(
        name,
        in_hierarchy=True,
        resources=job.resources(job.goal.path),
        task_handle=job.handle,
    )
    if old in module.get_attributes() and not refactoring.is_method():
        for change in changes.changes:
            change.new_contents = _renamed_in_all(change.new_contents, old, name)
    return changes


def _refuse_a_name_in_use(job: Job, module: PyModule, name: str) -> None:
    """Rope does not look whether the new name means something already."""
    around = Outline(job.text).enclosing(Span(job.offset, job.offset))
    local = around is not None and is_local(Outline(job.text), job.text, job.place)
    if local and around is not None:
        taken = mentions(job.text[around.span.start : around.span.end], name)
    else:
        taken = job.identifier() in module.get_attributes() and name in module.get_attributes()
    if taken:
        raise CannotError(f"there is a {name} already")


def _renamed_in_all(text: str, old: str, new: str) -> str:
    """`text` with `old` renamed in `__all__`, whose strings rope does not know as names."""

    def renamed(found: re.Match[str]) -> str:
        return re.sub(rf"(['\"]){old}\1", rf"\g<1>{new}\1", found.group())

    return _ALL.sub(renamed, text)


def _move(job: Job) -> ChangeSet:
    to = job.goal.name
    if to not in job.files or not all(part.isidentifier() for part in Path(to[:-3]).parts):
        raise CannotError(f"{to or 'the destination'} is not a module of this workspace")
    if not job.overlay.parses(to):
        raise CannotError(f"{to} has a syntax error, and rope needs whole files")
    refactoring = create_move(job.project, job.file, job.offset)
    if not isinstance(refactoring, MoveGlobal):
        raise CannotError("only functions, classes and variables of a module can be moved")
    if refactoring.source.path != job.goal.path:
        raise CannotError(f"it is defined in {refactoring.source.path}: move it from there")
    destination = File(job.project, to)
    imports = MovingImports(job.project, refactoring, destination)
    refactoring.import_tools = imports
    resources = job.resources(job.goal.path, to)
    changes = refactoring.get_changes(destination, resources=resources, task_handle=job.handle)
    after = {change.resource.path: change for change in changes.changes}
    for change in changes.changes:
        change.new_contents = _future_first(change.new_contents)
    for resource in resources:
        change = after.get(resource.path)
        if imports.left_in(change.new_contents if change else resource.read(), resource):
            raise CannotError(f"{resource.path} imports it in a way that rope cannot change")
    return changes


def _future_first(text: str) -> str:
    """`text` with its `__future__` imports before all others; rope adds them behind."""
    lines = lines_of(text)
    imports = [line for line in lines if line.startswith("from __future__ import ")]
    first = next((n for n, line in enumerate(lines) if line.startswith(("import ", "from "))), 0)
    if not imports or lines[first].startswith("from __future__") or compiles(text):
        return text
    rest = [line for line in lines[first:] if line not in imports]
    return "".join((*lines[:first], *dict.fromkeys(imports), *rest))


REFACTORINGS: Final[dict[Recipe, Callable[[Job], ChangeSet]]] = {
    Recipe.EXTRACT_FUNCTION: _extract,
    Recipe.EXTRACT_VARIABLE: _extract,
    Recipe.INLINE: _inline,
    Recipe.RENAME: _rename,
    Recipe.MOVE: _move,
}


def _checked(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise CannotError(f"{name or 'nothing'} is not a name that Python allows")
    return name


def extracted_name(goal: Goal, text: str) -> str:
    """The name that the user chose, else the first default that the text does not use."""
    if goal.name:
        return goal.name
    names = (f"extracted_{number}" if number > 1 else "extracted" for number in itertools.count(1))
    return next(name for name in names if not mentions(text, name))


def mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def is_local(outline: Outline, text: str, place: Span) -> bool:
    """Whether the identifier is a variable of the function around it, as far as the text tells.

    A parameter is not: callers may name it.
    """
    around = outline.enclosing(place)
    if around is None or around.kind != "function" or text[: place.start].endswith("."):
        return False
    name = text[place.start : place.end]
    if around.name == place or any(it.qualified.rpartition(".")[2] == name for it in outline):
        return False
    word = re.compile(rf"\b{re.escape(name)}\b")
    if word.search(text[around.name.end : around.body.start]):
        return False
    top = [it.span for it in outline if "." not in it.qualified]
    return not any(
        all(not span.contains(Span(*match.span())) for span in top) for match in word.finditer(text)
    )
