"""Imports around a name that moves from one module to another, where rope gets them wrong.

Left to itself, rope removes every unused import of the module that the name leaves, among them
those that others take from there and those that are there for what they do; it does not recognise
relative imports of that module; and it drops imports that are there to be imported again.
"""

from __future__ import annotations

import ast
import re
from typing import cast

from rope.base.libutils import get_string_module, modname
from rope.base.pyobjectsdef import PyModule
from rope.base.resources import File, Folder
from rope.refactor.importutils import FromImport, ImportTools
from rope.refactor.importutils.importinfo import ImportStatement
from rope.refactor.move import MoveGlobal

from trueup.parsing import parse_module
from trueup.propose.rope_project import ReadOnlyProject


class MovingImports(ImportTools):  # type: ignore[misc] # rope has no types
    def __init__(self, project: ReadOnlyProject, moving: MoveGlobal, destination: File) -> None:
        super().__init__(project)
        start, end = moving._get_moving_region()  # noqa: SLF001 - rope has no public door
        self._used = set(re.findall(r"\w+", moving.source.read()[start:end]))
        self._source, self._name = modname(moving.source), moving.old_name
        self._destination = destination

    def organize_imports(self, pymodule: PyModule, **options: object) -> str | None:
        """What rope calls for each file: with a filter for all but the one the name leaves."""
        # Two imports of the same are none of our affair, and rope fails on three.
        options["duplicates"] = False
        if "import_filter" not in options:
            options["import_filter"] = self._was_used
            return cast("str | None", super().organize_imports(pymodule, **options))
        file = pymodule.get_resource()
        if file != self._destination:
            pymodule = get_string_module(self.project, self._redirected(pymodule), file)
        options["import_filter"] = lambda statement: self._is_of_source(statement, file.parent)
        return cast("str | None", super().organize_imports(pymodule, **options))

    def left_in(self, text: str, file: File) -> bool:
        """Whether the text of `file` still imports the name from where it was."""
        return any(
            isinstance(node, ast.ImportFrom)
            and any(alias.name == self._name for alias in node.names)
            and _absolute(node.module or "", node.level, file.parent) == self._source
            for node in ast.walk(parse_module(text))
        )

    def _was_used(self, statement: ImportStatement) -> bool:
        """Whether the moved code may have been what the import was there for."""
        return any(
            (alias or name.partition(".")[0]) in self._used for name, alias in _names(statement)
        )

    def _redirected(self, pymodule: PyModule) -> str:
        """The text of a module with its imports of the moved name, aliases and all, redirected."""
        imports = self.module_imports(pymodule)
        package, moved = pymodule.get_resource().parent, []
        for statement in imports.imports:
            found = statement.import_info
            if not isinstance(found, FromImport):
                continue
            names = [pair for pair in found.names_and_aliases if pair[0] == self._name]
            if names and _absolute(found.module_name, found.level, package) == self._source:
                others = [pair for pair in found.names_and_aliases if pair[0] != self._name]
                moved.extend(names)
                if others:
                    statement.import_info = FromImport(found.module_name, found.level, others)
                else:
                    statement.empty_import()
        if not moved:
            return cast("str", pymodule.source_code)
        imports.add_import(FromImport(modname(self._destination), 0, moved))
        return cast("str", imports.get_changed_source())

    def _is_of_source(self, statement: ImportStatement, package: Folder) -> bool:
        """Whether the statement, in a module of `package`, imports what the name has left."""
        names = [name for name, _ in _names(statement)]
        found = statement.import_info
        if not isinstance(found, FromImport):
            return self._source in names
        module = _absolute(found.module_name, found.level, package)
        return module == self._source or any(f"{module}.{name}" == self._source for name in names)


def _names(statement: ImportStatement) -> list[tuple[str, str | None]]:
    names = getattr(statement.import_info, "names_and_aliases", ())
    return cast("list[tuple[str, str | None]]", list(names))


def _absolute(module: str, level: int, package: Folder) -> str:
    """The full name of what a module of `package` imports from; `level` counts the dots."""
    if not level:
        return module
    for _ in range(level - 1):
        package = package.parent
    return ".".join(part for part in (modname(package), module) if part)
