"""Names, imports and attributes that a change adds, and that do not exist.

Nothing is executed: names are Ruff's to judge, modules are looked up where the project's
interpreter would find them, and what a module has is read from its source. What cannot be read
(compiled modules, names made while a module runs) is not reported. What a type checker knows, the
attributes of objects, is not looked at here.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tokenize
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trueup import linting
from trueup.runner.suite import suite_of
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import Diagnostic, Evidence
from trueup.verify.defined import OF_EVERY_MODULE, OPAQUE, Names, names_in
from trueup.verify.installed import Absent, Installed, Module, Modules, installed
from trueup.verify.references import Reference, references_in
from trueup.verify.trees import tree_of
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "names"
UNDEFINED: Final = ("F821", "F822")
_OTHER_PLATFORMS: Final = re.compile(
    r"E[A-Z0-9]+$|WSA|CTRL_|O_|F_|SO_|SIO_|MSG_|SIG|AF_|windll|oledll|Win|startfile|getwindows"
)
"""Names of compiled modules that exist on some systems and not on others."""
DECLARATIONS: Final = ("pyproject.toml", "setup.cfg", "setup.py", "requirements.txt")
"""Where a project says what it needs."""
STARS_MAX: Final = 10
"""Star imports that are followed one through the other."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about something that is not there; `certain` where nobody could have hidden it."""

    sentence: str
    certain: bool = True


async def exist(trial: Trial) -> Evidence:
    """Every name, import and attribute that the change adds is there for the project."""
    paths = [path for path in trial.candidate.paths if path.endswith(".py")]
    if trial.only_text or not paths:
        return passed(CHECK, "no name is new")
    if isinstance(undefined := await _undefined(trial, paths), Diagnostic):
        document = trial.after.documents[undefined.path]
        line = document.line_at(undefined.span.start) + 1
        return failed(CHECK, undefined.message, undefined.path, line)
    found = await asyncio.to_thread(_missing, trial, paths)
    certain = [item for item in found if item[0].certain]
    if certain:
        problem, path, line = certain[0]
        return failed(CHECK, problem.sentence, path, line)
    if found:
        problem, path, line = found[0]
        return unknown(CHECK, problem.sentence, path, line)
    if isinstance(undefined, str):
        return unknown(CHECK, f"Ruff could not say which names exist: {undefined}")
    return passed(CHECK, "every new name, import and attribute exists")


async def _undefined(trial: Trial, paths: list[str]) -> Diagnostic | str | None:
    """The first name that nothing defines and that was not there before; a reason for no answer."""
    known: Counter[tuple[str, str]] = Counter()
    for path in paths:
        new, old = trial.after.get(path), trial.before.get(path)
        found = await _asked(trial, new) if new is not None else ()
        if isinstance(found, str):
            return found
        if not found:
            continue
        before = await _asked(trial, old) if old is not None else ()
        known = Counter((item.code, item.message) for item in before if not isinstance(item, str))
        for item in found:
            if not known[item.code, item.message]:
                return item
    return None


async def _asked(trial: Trial, document: Document) -> tuple[Diagnostic, ...] | str:
    answer = await linting.diagnostics(trial.after.root, document, only=UNDEFINED)
    if isinstance(answer, linting.LintFailure):
        return answer.sentence
    return tuple(item.diagnostic for item in answer if item.diagnostic.code in UNDEFINED)


def _missing(trial: Trial, paths: list[str]) -> list[tuple[Problem, str, int]]:
    environment = installed(trial.interpreter)
    old, new = _World(trial, trial.before, environment), _World(trial, trial.after, environment)
    known = {
        item.key for path in paths for item in _references(trial.before.get(path))
    }  # fmt: skip
    found: list[tuple[Problem, str, int]] = []
    for path in paths:
        for item in _references(trial.after.get(path)):
            # What was asked for before is new only where the change took away what it names.
            if item.key in known and not new.is_about(item, path, trial.candidate.paths):
                continue
            problem = new.problem(item, path)
            if problem and (item.key not in known or old.problem(item, path) is None):
                found.append((problem, path, item.line))
    return found


def _references(document: Document | None) -> tuple[Reference, ...]:
    if document is None:
        return ()
    try:
        return references_in(tree_of(document.text))
    except (SyntaxError, ValueError, RecursionError):
        return ()


class _World:
    """The modules that one snapshot of the workspace could import."""

    def __init__(self, trial: Trial, snapshot: Snapshot, environment: Installed | None) -> None:
        gone = {path for path in (*trial.candidate.paths, *trial.absent) if not snapshot.get(path)}
        roots = ("", "src", *(path.strip("/") for path in suite_of(snapshot.root).pythonpath))
        self._snapshot, self._environment = snapshot, environment
        self._modules = Modules(
            snapshot.root, roots, environment,
            frozenset(document.path for document in snapshot), frozenset(gone),
        )  # fmt: skip

    def is_about(self, item: Reference, importer: str, changed: tuple[str, ...]) -> bool:
        """Whether what is asked for is in a file that the change edits."""
        found = self._module(item, importer)
        return isinstance(found, Absent) or found.local in changed

    def _module(self, item: Reference, importer: str) -> Module | Absent:
        if item.level:
            return self._modules.relative(importer, item.level, item.module)
        if item.module == "os.path":
            return self._os_path()
        return self._modules.find(item.module, importer)

    def _os_path(self) -> Module | Absent:
        """What `os` makes of a module with another name."""
        return self._modules.find("posixpath", "-")

    def problem(self, item: Reference, importer: str) -> Problem | None:
        """What is not there, or None."""
        module = self._module(item, importer)
        written = "." * item.level + item.module
        if module is Absent.MISSING:
            if not item.level and self._defined_above(item.module, importer):
                return None
            if not item.level and self._declares(item.module.partition(".")[0]):
                return Problem(f"{written} is declared and not installed", certain=False)
            return Problem(f"there is no module {written} in this project or its environment")
        if module is Absent.UNKNOWN:
            if self._environment is None:
                return Problem(
                    f"whether {written} exists is not known: the project has no interpreter",
                    certain=False,
                )
            return None
        for name in item.names:
            following = self._attribute(module, name)
            if following is Absent.MISSING:
                return Problem(f"{module.local or module.name} has no {name}")
            if not isinstance(following, Module):
                return None
            module = following
        return None

    def _declares(self, top: str) -> bool:
        """Whether the project says that it needs a distribution of that name."""
        word = re.compile(rf"\b{re.escape(top).replace('_', '[-_.]')}\b", re.IGNORECASE)
        for path in DECLARATIONS:
            document = self._snapshot.get(path)
            try:
                text = document.text if document else Path(self._snapshot.root, path).read_text()
            except (OSError, UnicodeDecodeError):
                continue
            if word.search(text):
                return True
        return False

    def _defined_above(self, dotted: str, importer: str) -> bool:
        """`import a.b` where `a` itself makes `b`, as `os` makes `os.path`."""
        above, _, name = dotted.rpartition(".")
        if not above:
            return False
        found = self._modules.find(above, importer)
        return isinstance(found, Module) and self._attribute(found, name) is not Absent.MISSING

    def _attribute(self, module: Module, name: str) -> Module | Absent | None:
        """What `module.name` is: a module, or None for anything else."""
        if module.opaque:
            return self._in_our_own(module, name)
        own, complete = self._names(module, STARS_MAX)
        if (module.name, name) == ("os", "path"):
            return self._os_path()
        if name in own.names and name not in own.submodules:
            return None
        found = self._modules.below(module, name)
        if isinstance(found, Module) or name in own.names:
            return found if isinstance(found, Module) else None
        # Annotations name what only a type checker's own stubs have.
        stub = module.standard and name.startswith("_")
        if stub or name in OF_EVERY_MODULE or found is Absent.UNKNOWN:
            return Absent.UNKNOWN
        if own.opaque or not complete:
            return self._in_our_own(module, name)
        if module.file is None and (self._environment is None or self._environment.open_ended):
            return Absent.UNKNOWN
        return Absent.MISSING

    def _in_our_own(self, module: Module, name: str) -> Absent | None:
        """What a compiled module of the library has: known where ours is of the same Python."""
        ours = sys.modules.get(module.name)
        same = self._environment is not None and self._environment.version == sys.version_info[:2]
        if ours is None or not same or not module.standard or module.name in {"sys", "__main__"}:
            return Absent.UNKNOWN
        if hasattr(ours, name):
            return None
        return Absent.UNKNOWN if _OTHER_PLATFORMS.match(name) else Absent.MISSING

    def _names(self, module: Module, depth: int) -> tuple[Names, bool]:
        """The names of `module` with those it star-imports, and whether those are all."""
        own = names_in(text) if (text := self._text(module)) is not None else OPAQUE
        complete = not own.opaque
        for level, dotted in own.stars:
            wanted = Reference(level, dotted, (), 0, imported=True)
            importer = module.local or "-"
            below = self._module(wanted, importer) if not level or module.local else Absent.UNKNOWN
            if isinstance(below, Absent) or below.opaque or not depth:
                complete = False
                continue
            others, all_of_them = self._names(below, depth - 1)
            own = replace(own, names=own.names | others.names)
            complete = complete and all_of_them
        return own, complete

    def _text(self, module: Module) -> str | None:
        if module.local and (document := self._snapshot.get(module.local)) is not None:
            return document.text
        if module.file is None:
            return "" if module.folders else None
        try:
            with tokenize.open(module.file) as file:
                return file.read()
        except (OSError, SyntaxError, UnicodeDecodeError):
            return None
