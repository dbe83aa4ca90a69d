"""Where the modules of a project are: its workspace, its interpreter's library, its packages.

Reads folders, `.pth` files and the finders of editable installs; starts no interpreter and imports
nothing of the project. Where a `.pth` line or a finder runs code that is not understood, nothing is
said to be missing any more: whatever is not found may come from there.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import workspace
from trueup.parsing import parse_module

_COMPILED: Final = (".so", ".pyd", ".pyx", ".pyi", ".pyc")
_HARMLESS: Final = re.compile(r"_distutils_hack|_virtualenv|nspkg|types\.ModuleType|coverage")
"""What is known to add no module that is not in the folder of its `.pth` file."""
_GENERATED: Final = re.compile(r"(^|_)version$|_pb2(_grpc)?$")
"""Modules that a build writes and that a checkout does not hold."""
_OURS: Final = Path(ast.__file__).parent
"""The library of the interpreter that runs this."""
_LIBRARY: Final = re.compile(r"python3\.(\d+)$")


class Absent(Enum):
    """Why there is no module to look at."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    """It may exist where nobody can look."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module that is there. `file` is its source, None for a namespace or where there is none.

    `folders` is where its submodules are: empty for a plain module. `local` files are those of the
    workspace, relative to its root.
    """

    name: str
    file: Path | None = None
    local: str = ""
    folders: tuple[Path, ...] = ()
    opaque: bool = False
    """Compiled: nothing can be said about what it defines."""
    standard: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """What the project's interpreter could import beside the workspace."""

    version: tuple[int, int]
    standard: tuple[Path, ...]
    packages: tuple[Path, ...]
    mapping: tuple[tuple[str, Path], ...] = ()
    """Top-level names of editable installs, and where each is."""
    open_ended: bool = False
    """Code that is not understood may add modules."""


def installed(interpreter: Path | None) -> Installed | None:
    """What is installed beside `interpreter`, or None where that cannot be read."""
    if interpreter is None:
        return None
    venv = interpreter.parent.parent
    options = _options(venv / "pyvenv.cfg")
    home = Path(options["home"]).parent if "home" in options else None
    base = home or interpreter.resolve().parent.parent
    standard = _library(base, _version(options, interpreter))
    if standard is None:
        return None
    version = (3, int(_LIBRARY.findall(standard.name)[0]))
    folders = [venv / "lib" / standard.name / "site-packages"] if home else []
    if not home or options.get("include-system-site-packages", "").lower() == "true":
        folders += _of_the_system(base, standard)
    existing = [folder for folder in folders if folder.is_dir()]
    if not existing:
        return None
    packages, mapping, open_ended = list(existing), list[tuple[str, Path]](), False
    for folder in existing:
        for file in sorted(folder.glob("*.pth")):
            added, found, understood = _read_pth(file)
            packages += added
            mapping += found
            open_ended = open_ended or not understood
    dynamic = standard / "lib-dynload"
    return Installed(version, (standard, dynamic), tuple(packages), tuple(mapping), open_ended)


def _options(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _version(options: dict[str, str], interpreter: Path) -> str:
    said = options.get("version_info") or options.get("version") or ""
    numbers = said.split(".")[:2]
    if len(numbers) == 2:
        return f"python{'.'.join(numbers)}"
    return interpreter.resolve().name


def _library(base: Path, name: str) -> Path | None:
    named = base / "lib" / name
    if _LIBRARY.search(name) and (named / "os.py").is_file():
        return named
    only = [path.parent for path in base.glob("lib/python3.*/os.py")]
    return only[0] if len(only) == 1 else None


def _of_the_system(base: Path, standard: Path) -> list[Path]:
    return [
        standard / "site-packages",
        base / "lib" / "python3" / "dist-packages",
        Path("/usr/local/lib", standard.name, "dist-packages"),
        Path.home() / ".local" / "lib" / standard.name / "site-packages",
    ]


def _read_pth(file: Path) -> tuple[list[Path], list[tuple[str, Path]], bool]:
    """Folders and names that a `.pth` file adds, and whether all of it was understood."""
    folders, mapping, understood = list[Path](), list[tuple[str, Path]](), True
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return folders, mapping, False
    for line in (item.strip() for item in lines):
        if not line or line.startswith("#"):
            continue
        if not line.startswith(("import ", "import\t")):
            folders.append(file.parent / line)
            continue
        finder = re.match(r"import (__editable___\w+_finder)", line)
        names = _names_of_finder(file.parent / f"{finder[1]}.py") if finder else None
        mapping += names or ()
        understood = understood and (names is not None or bool(_HARMLESS.search(line)))
    return [folder for folder in folders if folder.is_dir()], mapping, understood


def _names_of_finder(file: Path) -> list[tuple[str, Path]] | None:
    """The literal MAPPING of setuptools' finder, or None."""
    try:
        tree = parse_module(file.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id="MAPPING"), value=ast.Dict() as value):
                return _pairs(value)
            case ast.Assign(targets=[ast.Name(id="MAPPING")], value=ast.Dict() as value):
                return _pairs(value)
    return None


def _pairs(value: ast.Dict) -> list[tuple[str, Path]] | None:
    try:
        return [(str(name), Path(str(path))) for name, path in ast.literal_eval(value).items()]
    except ValueError:
        return None


class Modules:
    """Finds modules by name, as the workspace stands at one moment.

    `text_of` answers with the text of a file of the workspace as it is judged, None where it is
    gone, and `paths` are files that the disk may not hold.
    """

    def __init__(
        self,
        root: str,
        roots: tuple[str, ...],
        environment: Installed | None,
        paths: frozenset[str],
        deleted: frozenset[str],
    ) -> None:
        self._root, self._roots, self._environment = Path(root), roots, environment
        self._paths, self._deleted = paths, deleted
        self._folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}

    def find(self, name: str, importer: str) -> Module | Absent:
        """The module of that absolute name, as the file `importer` would get it."""
        pieces = name.split(".")
        found = self._top(pieces[0], importer)
        for depth in range(1, len(pieces)):
            if isinstance(found, Absent):
                return found
            found = self.below(found, pieces[depth])
        return found

    def below(self, module: Module, name: str) -> Module | Absent:
        """The submodule `name` of `module`."""
        whole = f"{module.name}.{name}"
        if module.opaque:
            return Absent.UNKNOWN
        found = self._in(module.folders, name, whole, standard=module.standard)
        if isinstance(found, Absent) and (_GENERATED.search(name) or self._elsewhere(whole)):
            return Absent.UNKNOWN
        return found

    def relative(self, importer: str, level: int, name: str) -> Module | Absent:
        """What `from ..name import` in the file `importer` means."""
        folder = PurePosixPath(importer).parent
        for _ in range(level - 1):
            if folder == PurePosixPath("."):
                return Absent.UNKNOWN
            folder = folder.parent
        here: Module | Absent = self._package(
            f"{'.' * level}", (self._root / folder,), self._root / folder / "__init__.py"
        )
        for piece in name.split(".") if name else ():
            here = self.below(here, piece) if isinstance(here, Module) else here
        return here

    def _top(self, name: str, importer: str) -> Module | Absent:
        parents = list(PurePosixPath(importer).parents)
        # The folder above the package that the importer is part of is where it is imported from.
        above = next((p for p in parents if not self._is_file(p / "__init__.py")), None)
        folders = dict.fromkeys(
            self._root / folder for folder in (*self._roots, *([above] if above else ()))
        )
        found = self._in(tuple(folders), name, name, standard=False)
        if isinstance(found, Module) and (found.file or found.opaque):
            return found
        outside = self._outside(name)
        if isinstance(outside, Module):
            return outside
        if isinstance(found, Module):
            return found
        # As a script, a file of a package sees its neighbours.
        return Absent.UNKNOWN if self._anywhere(name) else outside

    def _outside(self, name: str) -> Module | Absent:
        environment = self._environment
        if name in sys.builtin_module_names or name in {"__main__", "_typeshed"}:
            return Module(name, opaque=True, standard=True)
        if environment is None:
            return Absent.UNKNOWN
        found = self._in(environment.standard, name, name, standard=True)
        if isinstance(found, Module) and (found.file or found.opaque):
            return found
        for known, place in environment.mapping:
            if known == name:
                folder = place if place.is_dir() else place.parent
                file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
                return self._package(name, (folder,), file)
        found = self._in(environment.packages, name, name, standard=False)
        if isinstance(found, Module):
            return found
        # What is compiled into some interpreters is no file, nor is what another platform has.
        hidden = name in sys.stdlib_module_names and not Path(_OURS, f"{name}.py").is_file()
        hidden = hidden and not Path(_OURS, name).is_dir()
        return Absent.UNKNOWN if environment.open_ended or hidden else Absent.MISSING

    def _in(
        self, folders: tuple[Path, ...], name: str, whole: str, *, standard: bool
    ) -> Module | Absent:
        portions = []
        for folder in folders:
            if self._is_file(folder / name / "__init__.py"):
                return self._package(
                    whole, (folder / name,), folder / name / "__init__.py", standard=standard
                )
            if self._is_file(folder / f"{name}.py"):
                file = folder / f"{name}.py"
                return Module(whole, file, self._local(file), standard=standard)
            if any(suffix in _COMPILED for suffix in _suffixes(str(folder), name)):
                return Module(whole, opaque=True, standard=standard)
            if self._is_folder(folder / name):
                portions.append(folder / name)
        return Module(whole, None, "", tuple(portions)) if portions else Absent.MISSING

    def _package(
        self, name: str, folders: tuple[Path, ...], file: Path, *, standard: bool = False
    ) -> Module:
        there = self._is_file(file)
        return Module(
            name, file if there else None, self._local(file) if there else "", folders,
            standard=standard,
        )  # fmt: skip

    def _local(self, file: Path) -> str:
        inside = file.is_relative_to(self._root)
        return file.relative_to(self._root).as_posix() if inside else ""

    def _is_file(self, file: Path | PurePosixPath) -> bool:
        whole = self._root / file
        local = self._local(whole)
        if local in self._paths:
            return True
        return local not in self._deleted and whole.is_file()

    def _is_folder(self, folder: Path) -> bool:
        local = self._local(folder)
        return bool(local and local in self._folders) or folder.is_dir()

    def _elsewhere(self, name: str) -> bool:
        """Whether a copy that is installed, or another folder, could hold this submodule."""
        outside = self._outside(name.partition(".")[0])
        for piece in name.split(".")[1:]:
            if isinstance(outside, Absent) or outside.opaque:
                return outside is not Absent.MISSING
            outside = self._in(outside.folders, piece, name, standard=outside.standard)
        return isinstance(outside, Module)

    def _anywhere(self, name: str) -> bool:
        """Whether some folder of the workspace has it; which folders are searched is not known."""
        return any(
            name in PurePosixPath(path).with_suffix("").parts
            for path in (*self._paths, *_files(str(self._root)))
        )


def _files(root: str) -> tuple[str, ...]:
    return workspace.python_files(root)


@functools.lru_cache(maxsize=512)
def _listing(folder: str, stamp: int) -> dict[str, frozenset[str]]:
    del stamp
    found: dict[str, set[str]] = {}
    for path in Path(folder).iterdir():
        stem, _, _ = path.name.partition(".")
        found.setdefault(stem, set()).add(path.suffix)
    return {stem: frozenset(suffixes) for stem, suffixes in found.items()}


def _suffixes(folder: str, name: str) -> frozenset[str]:
    """The suffixes of the files of that name in a folder."""
    try:
        return _listing(folder, Path(folder).stat().st_mtime_ns).get(name, frozenset())
    except OSError:
        return frozenset()
