"""Which files a project has, as tach's questions need it: names to files, and files to names.

Paths are relative to the project's root, with forward slashes; "" is the root itself. Nothing here
reads the disk: whoever knows the files answers through `Layout`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from trueup.architecture.tach import globs

_MODULE_NAME: Final = re.compile(r"[\w*]+(?:\.[\w*]+)*")
_MANIFESTS: Final = ("pyproject.toml", "setup.py", "requirements.txt")


class Layout(Protocol):
    """The files below one root."""

    def is_file(self, path: str) -> bool:
        """Whether there is such a file, excluded or not. Asked of Python files and of manifests
        (`pyproject.toml`, `setup.py`, `requirements.txt`).
        """

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""

    def walked(self) -> Iterable[str]:
        """The `.py` and `.pyi` files that are neither hidden nor excluded nor ignored by git."""

    def text(self, path: str) -> str | None:
        """The text of a file, None where it cannot be read. Asked only of modules whose interface
        has `data_types = "primitive"`.
        """


@dataclass(frozen=True, slots=True)
class Listing:
    """The Layout of a list of files; those in `texts` can be read."""

    files: frozenset[str]
    folders: frozenset[str]
    python: tuple[str, ...]
    texts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        files: Iterable[str],
        exclude: tuple[str, ...] = (),
        texts: Iterable[tuple[str, str]] = (),
    ) -> Listing:
        every = frozenset(files)
        folders = frozenset(folder for path in every for folder in _parents(path))
        python = sorted(
            path for path in every if path.endswith((".py", ".pyi")) and not left_out(path, exclude)
        )
        return cls(every, folders, tuple(python), tuple(texts))

    def is_file(self, path: str) -> bool:
        return path in self.files

    def is_folder(self, path: str) -> bool:
        return path in self.folders

    def walked(self) -> Iterable[str]:
        return self.python

    def text(self, path: str) -> str | None:
        return dict(self.texts).get(path)


@dataclass(frozen=True, slots=True)
class Found:
    """The file that a dotted name leads to; its last part may be a member of that file."""

    path: str
    root: str


def _parents(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def left_out(path: str, exclude: tuple[str, ...]) -> bool:
    """Whether a walk from the root passes a file by, which enters neither hidden nor excluded
    folders. What git ignores is not known here.
    """
    return (
        path.startswith(".")
        or "/." in path
        or globs.excluded(path, exclude)
        or any(globs.excluded(folder, exclude, folder=True) for folder in _parents(path) if folder)
    )


def source_roots(written: tuple[str, ...], layout: Layout) -> tuple[str, ...]:
    """The folders that `source_roots` means, in its order and each once."""
    found: dict[str, None] = {}
    for root in written:
        if globs.is_glob(root):
            pattern = globs.compiled(root)
            folders = {folder for path in layout.walked() for folder in _parents(path)}
            matching = (each for each in folders if each and pattern and pattern.match(each))
            found.update(dict.fromkeys(sorted(matching)))
        else:
            parts = (part for part in root.split("/") if part not in {"", "."})
            found["/".join(parts)] = None
    return tuple(found)


def below(root: str, name: str) -> str:
    return f"{root}/{name}" if root else name


def module_of(path: str, roots: tuple[str, ...]) -> str | None:
    """The dotted name of a file or folder, by the first source root that holds it; "." for the
    `__init__.py` of a root itself, None outside.
    """
    for root in roots:
        if not root or path.startswith(f"{root}/"):
            relative = path[len(root) + 1 :] if root else path
            folder, _, name = relative.rpartition("/")
            parts = folder.split("/") if folder else []
            if name != "__init__.py":
                # As a file's stem: a leading dot is part of it.
                parts.append(name.rpartition(".")[0] or name)
            return ".".join(parts) or "."
    return None


def find(name: str, roots: tuple[str, ...], layout: Layout) -> Found | None:
    """The file that holds `name`: its module, or the module that its last part is a member of.

    One level of members only; a folder without `__init__` holds no members.
    """
    if not _MODULE_NAME.fullmatch(name):
        return None
    path = name.replace(".", "/")
    parent = path.rpartition("/")[0]
    for root in roots:
        for base in filter(None, (path, parent)):
            found = _file(below(root, base), layout)
            if found:
                return Found(found, root)
    return None


def module_file(name: str, roots: tuple[str, ...], layout: Layout) -> str | None:
    """The file of the module `name`, None for a folder without `__init__`."""
    candidates = (_file(below(root, name.replace(".", "/")), layout) for root in roots)
    return next(filter(None, candidates), None)


def exists(name: str, roots: tuple[str, ...], layout: Layout) -> bool:
    """Whether a module may be said to be at `name`: a file, or any folder."""
    return bool(name) and any(
        layout.is_folder(base) or layout.is_file(f"{base}.pyi") or layout.is_file(f"{base}.py")
        for base in (below(root, name.replace(".", "/")) for root in roots)
    )


def package_root(root: str, layout: Layout) -> str:
    """The folder with the manifest of the distribution that the source root belongs to."""
    for folder in (root, *_parents(root)):
        if any(layout.is_file(below(folder, manifest)) for manifest in _MANIFESTS):
            return folder
    return ""


def modules_like(pattern: str, roots: tuple[str, ...], layout: Layout) -> tuple[str, ...]:
    """The dotted names of the packages and files that a glob of modules means, sorted."""
    matcher = globs.of_modules(pattern)
    if matcher is None:
        return ()
    found: set[str] = set()
    for root in roots:
        for path in layout.walked():
            if root and not path.startswith(f"{root}/"):
                continue
            relative = path[len(root) + 1 :] if root else path
            folder, _, name = relative.rpartition("/")
            candidate = folder if name.startswith("__init__.") else relative
            if candidate and matcher.match(candidate):
                stem = candidate if candidate == folder else candidate.rpartition(".")[0]
                found.add(stem.replace("/", "."))
    return tuple(sorted(found))


def _file(base: str, layout: Layout) -> str | None:
    candidates = (f"{base}/__init__.pyi", f"{base}/__init__.py", f"{base}.pyi", f"{base}.py")
    return next(filter(layout.is_file, candidates), None)
