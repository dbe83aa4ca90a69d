"""Which file is which module.

A package is found in the source roots of a project and walked by the rules of `grimp`, so that
contracts written for import-linter mean the same here: folders must be identifiers; inside a
regular package a folder without `__init__.py` is not entered; above one it is a namespace. Reads
the disk's folders, never a file's content; imports nothing.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

MODULES_MAX: Final = 200_000
"""Files of one package that are looked at."""
SEARCH_DEPTH_MAX: Final = 3
"""Levels below the root at which a package is searched that no configuration places."""

_NOT_SOURCES: Final = frozenset(
    {"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__"}
)


class ModuleFile(NamedTuple):
    """A module with its file, relative to the root, and the file's stamp."""

    name: str
    path: str
    mtime_ns: int
    size: int

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")


@dataclass(frozen=True, slots=True)
class Portion:
    """One folder that holds a package, or a part of a namespace package; relative to the root."""

    package: str
    folder: str


@dataclass(frozen=True, slots=True)
class Walk:
    """What stands below a portion. `namespaces` are folders without a module of their own."""

    files: tuple[ModuleFile, ...]
    namespaces: tuple[str, ...]


def source_roots(root: Path) -> tuple[str, ...]:
    """Folders from which this project imports its own packages, "" for the root itself."""
    table = _pyproject(root)
    named = [
        *_strings(table, "tool", "trueup", "architecture", "source_roots"),
        *_strings(table, "tool", "pytest", "ini_options", "pythonpath"),
        *_strings(table, "tool", "setuptools", "packages", "find", "where"),
        *(str(PurePosixPath(path).parent) for path in _built(table)),
    ]
    package_dir = _at(table, "tool", "setuptools", "package-dir")
    if isinstance(package_dir, dict):
        named += [folder for folder in package_dir.values() if isinstance(folder, str)]
    for item in _list(_at(table, "tool", "poetry", "packages")):
        if isinstance(item, dict) and isinstance(item.get("from"), str):
            named.append(item["from"])
    found = ["", "src", *(PurePosixPath(folder).as_posix().strip("/") for folder in named)]
    plain = dict.fromkeys("" if folder == "." else folder for folder in found)
    return tuple(
        folder for folder in plain if ".." not in folder.split("/") and (root / folder).is_dir()
    )


def locate(root: Path, package: str, roots: tuple[str, ...] | None = None) -> tuple[Portion, ...]:
    """Where `package` (dotted) lies: one regular package, or every portion of a namespace.

    Empty where it is not in this workspace: what is installed elsewhere is not judged.
    """
    roots = source_roots(root) if roots is None else roots
    inside = package.replace(".", "/")
    places = [f"{folder}/{inside}" if folder else inside for folder in roots]
    places = [place for place in places if (root / place).is_dir()]
    if not places:
        places = list(_searched(root, inside))
    for place in places:
        if (root / place / "__init__.py").is_file():
            return (Portion(package, place),)
    return tuple(Portion(package, place) for place in places)


def top_packages(root: Path, roots: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The regular packages that lie in the source roots, tests aside, sorted."""
    found = set()
    for folder in source_roots(root) if roots is None else roots:
        for entry in _entries(root / folder):
            if not entry.name.isidentifier() or entry.name in {"tests", "test", *_NOT_SOURCES}:
                continue
            if _is_folder(entry) and Path(entry.path, "__init__.py").is_file():
                found.add(entry.name)
    return tuple(sorted(found))


def walk(
    root: Path,
    portion: Portion,
    extra: AbstractSet[str] = frozenset(),
    absent: AbstractSet[str] = frozenset(),
) -> Walk:
    """Every module of a portion. Folders that are links are followed while they stay inside the
    root and do not lead back to where they are.

    As if the files `extra` were there, which may not be on disk, and the files `absent` were not.
    """
    files: dict[str, ModuleFile] = {}
    candidates: list[str] = []
    added = _by_folder(portion.folder, extra)
    base = f"{root}{os.sep}"
    real_root = os.path.realpath(root)
    waiting = [_Folder(portion.package, portion.folder, (os.path.realpath(base + portion.folder),))]
    while waiting and len(files) < MODULES_MAX:
        folder = waiting.pop()
        entries = _without(_entries(base + folder.path), folder.path, absent)
        more = added.get(folder.path, {})
        has_init = "__init__.py" in more or any(one.name == "__init__.py" for one in entries)
        if folder.regular and not has_init:
            continue
        if not has_init:
            candidates.append(folder.package)
        regular = has_init or folder.regular
        for entry in entries:
            more.pop(entry.name, None)
            if entry.name.endswith(".py"):
                _keep(files, _module(folder, entry))
            elif _may_be_package(entry.name) and _is_folder(entry):
                real = _entered(entry, folder.real, real_root)
                if real:
                    waiting.append(folder.below(entry.name, real, regular))
        for name, is_file in more.items():
            if is_file:
                _keep(files, _named(folder, name, 0, 0))
        waiting += (
            folder.below(name, folder.real, regular)
            for name, is_file in more.items()
            if not is_file and _may_be_package(name)
        )
    return Walk(tuple(files.values()), _holding(candidates, files) if candidates else ())


class _Folder(NamedTuple):
    package: str
    path: str
    real: tuple[str, ...]
    """The folder that is walked, and those behind the links that led here, without links."""
    regular: bool = False
    """Whether a folder above has an `__init__.py`."""

    def below(self, name: str, real: tuple[str, ...], regular: bool) -> _Folder:
        return _Folder(f"{self.package}.{name}", f"{self.path}/{name}", real, regular)


def _without(
    entries: list[os.DirEntry[str]], folder: str, absent: AbstractSet[str]
) -> list[os.DirEntry[str]]:
    if not absent:
        return entries
    return [entry for entry in entries if f"{folder}/{entry.name}" not in absent]


def _may_be_package(name: str) -> bool:
    return name.isidentifier() and name != "__pycache__"


def _by_folder(top: str, paths: AbstractSet[str]) -> dict[str, dict[str, bool]]:
    """What the files `paths` add to each folder from `top` on: names, and whether one is a file."""
    added: dict[str, dict[str, bool]] = {}
    for path in paths:
        at, is_file = path, True
        while at.startswith(f"{top}/"):
            folder, _, name = at.rpartition("/")
            added.setdefault(folder, {})[name] = is_file
            at, is_file = folder, False
    return added


def _keep(files: dict[str, ModuleFile], module: ModuleFile | None) -> None:
    # A file `x.py` counts before a package `x`, as in grimp.
    if module and not (module.is_package and module.name in files):
        files[module.name] = module


def _module(folder: _Folder, entry: os.DirEntry[str]) -> ModuleFile | None:
    try:
        status = entry.stat()
    except OSError:
        return None
    if not entry.is_file():
        return None
    return _named(folder, entry.name, status.st_mtime_ns, status.st_size)


def _named(folder: _Folder, name: str, mtime_ns: int, size: int) -> ModuleFile | None:
    stem = name[:-3]
    if "." in stem or not stem or not name.endswith(".py"):
        return None
    module = folder.package if stem == "__init__" else f"{folder.package}.{stem}"
    return ModuleFile(module, f"{folder.path}/{name}", mtime_ns, size)


def _entered(entry: os.DirEntry[str], above: tuple[str, ...], root: str) -> tuple[str, ...]:
    """The real folders on the way into `entry`, () where it must not be entered."""
    if not entry.is_symlink():
        return above
    target = os.path.realpath(entry.path)
    inside = f"{target}/".startswith(f"{root}/")
    leads_back = any(f"{folder}/".startswith(f"{target}/") for folder in above)
    return (*above, target) if inside and not leads_back else ()


def module_name(portion: Portion, path: str) -> str | None:
    """What a file of this portion is called as a module, None where its name is none."""
    inside = path.removeprefix(f"{portion.folder}/")
    if inside == path or not inside.endswith(".py"):
        return None
    parts = inside[:-3].split("/")
    if not all(part.isidentifier() for part in parts[:-1]) or "." in parts[-1] or not parts[-1]:
        return None
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join((portion.package, *parts))


def is_orphan(root: Path, portion: Portion, path: str) -> bool:
    """Whether a file of this portion is in a folder that is not entered, because it or one above
    has no `__init__.py` inside of a regular package.
    """
    folder, regular = portion.folder, False
    for part in path.removeprefix(f"{folder}/").split("/"):
        has_init = (root / folder / "__init__.py").is_file()
        if regular and not has_init:
            return True
        regular = regular or has_init
        folder = f"{folder}/{part}"
    return False


def _holding(candidates: list[str], files: Mapping[str, ModuleFile]) -> tuple[str, ...]:
    """The folders without `__init__.py` that hold a module somewhere below."""
    prefixes: set[str] = set()
    for name in files:
        above = name.rpartition(".")[0]
        while above and above not in prefixes:
            prefixes.add(above)
            above = above.rpartition(".")[0]
    return tuple(name for name in candidates if name in prefixes)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself.
        return False


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _searched(root: Path, inside: str) -> Iterator[str]:
    """Folders called `inside` a few levels below the root, the shallowest first."""
    level = [""]
    for _ in range(SEARCH_DEPTH_MAX):
        deeper: list[str] = []
        for folder in level:
            for entry in _entries(root / folder):
                name = entry.name
                if name.startswith(".") or name in _NOT_SOURCES or entry.is_symlink():
                    continue
                if not _is_folder(entry):
                    continue
                below = f"{folder}/{name}" if folder else name
                deeper.append(below)
                if (root / below / inside / "__init__.py").is_file():
                    yield f"{below}/{inside}"
        level = deeper


def _pyproject(root: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _built(table: Mapping[str, object]) -> list[str]:
    wheel = _strings(table, "tool", "hatch", "build", "targets", "wheel", "packages")
    return [*wheel, *_strings(table, "tool", "hatch", "build", "packages")]


def _at(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _strings(table: Mapping[str, object], *keys: str) -> list[str]:
    value = _at(table, *keys)
    if isinstance(value, str):
        return [value]
    return [item for item in _list(value) if isinstance(item, str)]
