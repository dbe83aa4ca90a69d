"""The modules of a configuration where it meets the files, and what contradicts itself there.

Every dotted name belongs to the module with the longest path above it; what belongs to none is of
`<root>`. tach gives up on a configuration that contradicts itself; here each contradiction is a
Problem at its line, and the rest is judged.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.tach import globs, layout
from trueup.architecture.tach.config import ROOT, Module, RootModule, TachConfig
from trueup.architecture.tach.layout import Layout

CONTRACT: Final = "tach:modules"
_NAMED: Final = 3
"""How many of the others in a circle a message names."""


@dataclass(frozen=True, slots=True)
class Modules:
    """Modules by their dotted names; `<root>` is always among them."""

    by_path: Mapping[str, Module]
    written: tuple[Module, ...]
    """As the configuration lists them, globs included and those that are not there left out."""

    def nearest(self, name: str) -> Module:
        """The module that owns a dotted name."""
        while name and name != ".":
            module = self.by_path.get(name)
            if module is not None:
                return module
            name = name.rpartition(".")[0]
        return self.by_path[ROOT]


def resolved(
    config: TachConfig, written: tuple[Module, ...], roots: tuple[str, ...], files: Layout
) -> tuple[Modules, tuple[Problem, ...]]:
    """The modules that there are, and a Problem for each that cannot be or should not."""
    problems: list[Problem] = []
    listed: list[Module] = []
    by_path: dict[str, Module] = {}
    firsts: dict[str, Module] = {}
    there: list[Module] = []
    for module in written:
        expanded = _expanded(module, roots, files)
        if expanded is None:
            message = f"there is no module '{module.path}' in this project"
            problems.append(Problem(module.source, message, Severity.WARNING, CONTRACT))
            continue
        there.append(module)
        listed += expanded
        for each in expanded:
            first = firsts.setdefault(each.path, each)
            # What a glob means gives way to what is said of one module later.
            if first is not each and (not first.glob or first.glob == each.glob):
                message = f"module '{each.path}' is defined more than once"
                problems.append(Problem(each.source, message, contract=CONTRACT))
                continue
            by_path[each.path] = each
    by_path.setdefault(ROOT, Module(ROOT, config.source, depends_on=()))
    problems += _invisible(listed)
    problems += _root_misplaced(config.root_module, listed)
    if config.forbid_circular_dependencies:
        problems += _cycles(listed)
    problems += _unknown_layers(config, there)
    problems += _pointless(there, by_path)
    return Modules(by_path, tuple(there)), tuple(problems)


def _expanded(module: Module, roots: tuple[str, ...], files: Layout) -> tuple[Module, ...] | None:
    """None where nothing can be at its path; a glob that matches nothing is no mistake."""
    if module.path in {ROOT, "."}:
        return (replace(module, path=ROOT),)
    if not globs.is_glob(module.path):
        return (module,) if layout.exists(module.path, roots, files) else None
    if globs.of_modules(module.path) is None:
        return None
    return tuple(
        replace(module, path=path, glob=module.path)
        for path in layout.modules_like(module.path, roots, files)
    )


def _invisible(modules: list[Module]) -> Iterator[Problem]:
    visibility = {
        "." if module.is_root else module.path: module.visibility
        for module in modules
        if module.visibility is not None
    }
    for module in modules:
        name = "." if module.is_root else module.path
        for dependency in module.depends_on or ():
            allowed = visibility.get(dependency.path)
            if allowed is None:
                continue
            patterns = filter(None, map(globs.compiled, allowed))
            if not any(pattern.match(name) for pattern in patterns):
                message = (
                    f"'{module.path}' may not depend on '{dependency.path}', "
                    "whose 'visibility' does not name it"
                )
                yield Problem(dependency.source, message, contract="tach:visibility")


def _root_misplaced(treatment: RootModule, modules: list[Module]) -> Iterator[Problem]:
    if treatment not in {RootModule.FORBID, RootModule.DEPENDENCIES_ONLY}:
        return
    for module in modules:
        if module.is_root and treatment is RootModule.FORBID:
            message = "'<root>' is configured here, and 'root_module' forbids it"
            yield Problem(module.source, message, contract=CONTRACT)
        for dependency in module.depends_on or ():
            if dependency.path == ROOT:
                message = f"'{module.path}' may not depend on '<root>': 'root_module' forbids it"
                yield Problem(dependency.source, message, contract=CONTRACT)


def _unknown_layers(config: TachConfig, modules: list[Module]) -> Iterator[Problem]:
    names = {layer.name for layer in config.layers}
    for module in modules:
        if module.layer is not None and module.layer not in names:
            message = f"module '{module.path}' is in layer '{module.layer}', which is not defined"
            yield Problem(module.source, message, contract="tach:layers")


def _pointless(modules: list[Module], by_path: Mapping[str, Module]) -> Iterator[Problem]:
    """Entries that mean no module: what is below a module is that module's."""
    for module in modules:
        for entry in (*(module.depends_on or ()), *module.cannot_depend_on):
            if entry.path in by_path or any(globs.means(entry.path, path) for path in by_path):
                continue
            near = difflib.get_close_matches(entry.path, by_path, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            message = f"'{entry.path}' is none of the modules, so this says nothing{hint}"
            yield Problem(entry.source, message, Severity.WARNING, CONTRACT)


def _cycles(modules: list[Module]) -> Iterator[Problem]:
    edges: dict[str, list[str]] = {}
    for module in modules:
        edges.setdefault(module.path, []).extend(each.path for each in module.depends_on or ())
    circle_of = {
        path: component
        for component in _components(edges)
        if len(component) > 1
        for path in component
    }
    for module in modules:
        circle = circle_of.get(module.path)
        if circle is not None:
            within = (
                each for each in module.depends_on or () if circle_of.get(each.path) is circle
            )
            message = (
                f"'depends_on' of '{module.path}' goes in a circle with {_others(module, circle)}"
            )
            first = next(within, None)
            source = module.source if first is None else first.source
            yield Problem(source, message, contract=CONTRACT)


def _others(module: Module, circle: tuple[str, ...]) -> str:
    others = [f"'{path}'" for path in circle if path != module.path]
    named, more = others[:_NAMED], len(others) - _NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _components(edges: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """The strongly connected components, each sorted. Tarjan (1972), doi:10.1137/0201010, with
    the stack of calls kept by hand.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    for start in edges:
        calls = [] if start in index else [(start, iter(edges[start]))]
        while calls:
            node, following = calls[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
            for target in following:
                if target not in index:
                    calls.append((target, iter(edges.get(target, ()))))
                    break
                if target in low:
                    low[node] = min(low[node], index[target])
            else:
                calls.pop()
                if calls:
                    low[calls[-1][0]] = min(low[calls[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    members, stack = stack[at:], stack[:at]
                    for member in members:
                        del low[member]
                    yield tuple(sorted(members))
