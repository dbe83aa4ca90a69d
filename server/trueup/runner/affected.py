"""Which test files can see a change, without running anything.

Reads who imports whom, by name and by path, and follows it to the test files. Errs towards
selecting: a name that several files could answer reaches all of them, and a dotted name in a string
counts as an import. Does not see what is imported under a name that is computed from outside the
package, nor what reaches a module through entry points, data files or the network.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import InputError, workspace
from trueup.parsing import parse_module
from trueup.runner.suite import Suite, suite_of
from trueup.snapshot import digest

PARSED_MAX: Final = 50_000
_DOTTED: Final = re.compile(r"""['"]([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)['"]""")
_IMPORT_CALL: Final = re.compile(
    r"""\b(?:import_module|__import__|importorskip)\s*\(\s*(?:['"]([\w.]+)['"]\s*[,)])?"""
)
_RUN_AS_MODULE: Final = re.compile(r"""['"]-m['"]\s*,\s*['"]([\w.]+)['"]""")


@dataclass(frozen=True, slots=True)
class Affected:
    """`tests` are test files relative to the root, sorted; `why` is one sentence.

    Empty `tests` mean that no test imports the change: nothing is known about it. `unparsed` files
    are not Python as they stand, and contributed nothing.
    """

    tests: tuple[str, ...]
    total_files: int
    why: str
    unparsed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Imports:
    """What one file asks for: dotted names, and (level, name) of relative imports."""

    names: frozenset[str] = frozenset()
    relative: frozenset[tuple[int, str]] = frozenset()
    computed: bool = False
    """It imports names that only running it would tell."""


_Stamp = tuple[int, int, int, int]

_by_stamp: dict[str, tuple[_Stamp, _Imports | None]] = {}
_by_digest: dict[str, _Imports | None] = {}


def importers_of(root: str, changed: Collection[str], overlay: Mapping[str, str]) -> Affected:
    """The test files that import one of `changed`, directly or not.

    `overlay` holds the text of files that differ from the disk; they need not exist there.
    """
    suite = suite_of(root)
    paths = tuple(sorted({*workspace.python_files(root), *(p for p in overlay if _python(p))}))
    tests = tuple(path for path in paths if suite.holds(path))
    foreign = sorted(path for path in changed if not _python(path))
    if foreign:
        return Affected(
            tests, len(tests), f"{foreign[0]} is not Python, so any test may depend on it"
        )
    imports = {path: _imports_at(root, path, overlay) for path in paths}
    reached = _reached(frozenset(changed), _importers(paths, tests, suite, imports))
    examples = {
        path for path in reached
        if suite.runs_examples(path) and has_examples(root, path, overlay)
    }  # fmt: skip
    selected = tuple(sorted({*(path for path in tests if path in reached), *examples}))
    return Affected(
        selected,
        len(tests),
        _why(changed, len(selected), len(tests)),
        tuple(path for path in paths if imports[path] is None),
    )


def has_examples(root: str, path: str, overlay: Mapping[str, str]) -> bool:
    """Whether a file has lines that doctest would run."""
    try:
        text = overlay[path] if path in overlay else workspace.read(root, path).text
    except InputError:
        return False
    return ">>> " in text


def _why(changed: Collection[str], selected: int, total: int) -> str:
    names = ", ".join(sorted(changed)[:3]) + (" and more" if len(changed) > 3 else "")
    if not selected:
        return f"none of the {total} test files imports {names}"
    return f"{selected} of {total} test files can see {names}"


def _python(path: str) -> bool:
    return path.endswith(".py")


def _reached(changed: frozenset[str], importers: Mapping[str, set[str]]) -> set[str]:
    reached, waiting = set(changed), deque(changed)
    while waiting:
        for importer in importers.get(waiting.popleft(), ()):
            if importer not in reached:
                reached.add(importer)
                waiting.append(importer)
    return reached


def _importers(
    paths: tuple[str, ...],
    tests: tuple[str, ...],
    suite: Suite,
    imports: Mapping[str, _Imports | None],
) -> dict[str, set[str]]:
    """Who is executed because of whom: imported path -> the paths that import it."""
    present = frozenset(paths)
    answers = _answers(paths, present, suite)
    importers: dict[str, set[str]] = {}
    for path in paths:
        wanted = imports[path] or _Imports()
        found = set(_packages_of(path, present))
        for name in wanted.names:
            found.update(_files_of(name, answers))
        for level, name in wanted.relative:
            found.update(_relative(path, level, name, present))
        if wanted.computed:
            folder = path.rpartition("/")[0]
            found.update(other for other in paths if not folder or other.startswith(f"{folder}/"))
        for target in found:
            importers.setdefault(target, set()).add(path)
    for path in tests:
        for parent in PurePosixPath(path).parents:
            conftest = str(parent / "conftest.py")
            if conftest in present:
                importers.setdefault(conftest, set()).add(path)
    return importers


def _answers(
    paths: tuple[str, ...], present: frozenset[str], suite: Suite
) -> dict[str, tuple[str, ...]]:
    """Dotted name -> the files that could answer it, seen from every root of imports."""
    tops = {path: _top(path, present) for path in paths}
    roots = {"", "src", *(p.strip("/").removeprefix("./") for p in suite.pythonpath)}
    roots |= set(tops.values())
    answers: dict[str, tuple[str, ...]] = {}
    for path in paths:
        pieces = path.removesuffix(".py").split("/")
        if pieces[-1] == "__init__":
            pieces.pop()
        folder = path.rpartition("/")[0].split("/") if "/" in path else []
        for depth in range(len(folder) + 1):
            if "/".join(folder[:depth]) in roots and pieces[depth:]:
                name = ".".join(pieces[depth:])
                answers[name] = (*answers.get(name, ()), path)
    return answers


def _top(path: str, present: frozenset[str]) -> str:
    """The folder that must be on sys.path for this file: the first one above its packages."""
    folder = path.rpartition("/")[0]
    while folder and f"{folder}/__init__.py" in present:
        folder = folder.rpartition("/")[0]
    return folder


def _packages_of(path: str, present: frozenset[str]) -> Iterator[str]:
    """The `__init__.py` files that run before this one does."""
    folder = path.rpartition("/")[0]
    while folder and (init := f"{folder}/__init__.py") in present:
        if init != path:
            yield init
        folder = folder.rpartition("/")[0]


def _files_of(name: str, answers: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Importing a.b.c runs a, a.b and a.b.c."""
    while name:
        yield from answers.get(name, ())
        name = name.rpartition(".")[0]


def _relative(path: str, level: int, name: str, present: frozenset[str]) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    for _ in range(level - 1):
        folder = folder.rpartition("/")[0]
    base = f"{folder}/" if folder else ""
    pieces = name.split(".") if name else []
    for depth in range(len(pieces) + 1):
        stem = base + "/".join(pieces[:depth])
        for candidate in (f"{stem.rstrip('/')}/__init__.py".lstrip("/"), f"{stem}.py"):
            if candidate in present:
                yield candidate


def _imports_at(root: str, path: str, overlay: Mapping[str, str]) -> _Imports | None:
    """What the file imports, or None where it does not parse or cannot be read."""
    if path in overlay:
        return _imports_in(overlay[path])
    file = Path(root, path)
    try:
        status = file.stat()
    except OSError:
        return None
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    known = _by_stamp.get(str(file))
    if known is None or known[0] != stamp:
        try:
            found = _imports_in(workspace.read(root, path).text)
        except InputError:
            found = None
        if len(_by_stamp) >= PARSED_MAX:
            _by_stamp.clear()
        _by_stamp[str(file)] = known = (stamp, found)
    return known[1]


def _imports_in(text: str) -> _Imports | None:
    key = digest(text)
    if key not in _by_digest:
        if len(_by_digest) >= PARSED_MAX:
            _by_digest.clear()
        _by_digest[key] = _parse(text)
    return _by_digest[key]


def _parse(text: str) -> _Imports | None:
    try:
        with warnings.catch_warnings():
            # An invalid escape in the user's code is the user's affair.
            warnings.simplefilter("ignore")
            tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {match[1] for match in _DOTTED.finditer(text)}
    names.update(f"{match[1]}.__main__" for match in _RUN_AS_MODULE.finditer(text))
    computed = False
    for match in _IMPORT_CALL.finditer(text):
        names.add((match[1] or "").lstrip("."))
        computed = computed or not match[1] or match[1].startswith(".")
    relative: set[tuple[int, str]] = set()
    for statement in _statements(tree):
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            start = f"{statement.module}." if statement.module else ""
            for alias in statement.names:
                if statement.level:
                    relative.add((statement.level, start + alias.name))
                else:
                    names.add(start + alias.name)
    return _Imports(frozenset(names), frozenset(relative), computed)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement at any depth. Expressions are not entered: that is most of the time saved."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                waiting += inner
