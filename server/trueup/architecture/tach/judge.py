"""Which imports of a file a project's tach configuration forbids.

`Boundaries` holds a configuration as it meets the files of a project; it judges one text at a
time, saved or not, without reading the disk. tach knows direct imports only, so that the verdict on
a file depends on its own text and on which files there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueup.architecture import scan
from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.scan import Imported
from trueup.architecture.tach import exposed, globs, layout, rules
from trueup.architecture.tach.config import (
    DomainConfig,
    Interface,
    Module,
    RootModule,
    Setting,
    TachConfig,
    located,
)
from trueup.architecture.tach.ignores import Directive, Directives, directives
from trueup.architecture.tach.imports import Asked, asked
from trueup.architecture.tach.interfaces import Interfaces
from trueup.architecture.tach.layout import Layout
from trueup.architecture.tach.modules import resolved
from trueup.architecture.tach.rules import Breach, Rule, TachFinding


@dataclass(frozen=True, slots=True)
class _File:
    """A file with what it asks of its own distribution, and the directives that are about it."""

    path: str
    module: str
    owner: Module
    requests: tuple[Asked, ...]
    directives: Directives


class Boundaries:
    """A configuration with its domains, as it meets the files of a project.

    Make a new one when a configuration changes, when a Python file or a manifest appears or goes,
    and when one of `typed` changes. That is cheap: no file is read but those.
    """

    def __init__(
        self, config: TachConfig, files: Layout, domains: Iterable[DomainConfig] = ()
    ) -> None:
        self.config = config
        self.files = files
        self.roots = layout.source_roots(config.source_roots, files)
        self._packages = {root: layout.package_root(root, files) for root in self.roots}
        written, interfaces, problems = _gathered(config, domains, self.roots)
        self._written = written
        self.modules, found = resolved(config, written, self.roots, files)
        self._interfaces = Interfaces(interfaces, self._members)
        found += self._interfaces.problems
        found += tuple(self._interfaces.of_nothing(self.modules.by_path))
        self.problems: tuple[Problem, ...] = (*problems, *found)
        """What is wrong with the configuration, whatever the files import."""

    @property
    def typed(self) -> tuple[str, ...]:
        """The files whose text decides about the imports of others."""
        paths = (
            layout.module_file(module, self.roots, self.files)
            for module in self.modules.by_path
            if self._interfaces.wants_types(module)
        )
        return tuple(sorted(filter(None, paths)))

    def judge(
        self, path: str, text: str, imports: Sequence[Imported] | None = None
    ) -> tuple[TachFinding, ...]:
        """What is wrong with the imports of the file at `path` if `text` is in it, by line.

        The path is relative to the root of the configuration. Nothing is found in files outside
        the source roots; whether a file is excluded is for the caller to ask. Whoever has scanned
        the text before gives what `scan.imports` said.
        """
        file = self._file(path, text, imports)
        if file is None:
            return ()
        kept, idle = self._remaining(file, self._findings(file, self._broken))
        found = [*kept, *self._about_directives(file, idle)]
        return tuple(sorted(found, key=lambda each: (each.line, each.imported, each.rule)))

    def uses(
        self, path: str, text: str, imports: Sequence[Imported] | None = None
    ) -> frozenset[tuple[str, str]]:
        """On which modules the file depends such that it must be declared, as pairs of its own
        module and the other; for `unused`.
        """
        file = self._file(path, text, imports)
        if file is None:
            return frozenset()
        kept, _ = self._remaining(file, self._findings(file, self._undeclared))
        return frozenset((each.usage, each.definition) for each in kept)

    def unused(self, uses: Iterable[tuple[str, str]]) -> tuple[Problem, ...]:
        """With `exact`, the entries of `depends_on` that no file needs, given the `uses` of all
        files. Modules that were made from a glob are not asked.
        """
        used: dict[str, set[str]] = {}
        for usage, definition in uses:
            used.setdefault(usage, set()).add(definition)
        asking = self._written if self.config.exact else ()
        return tuple(
            Problem(
                entry.source,
                f"nothing in '{module.path}' needs its dependency on '{entry.path}'",
                contract=Rule.UNDECLARED.contract,
            )
            for module in asking
            if not globs.is_glob(module.path)
            for entry in module.depends_on or ()
            if not any(globs.means(entry.path, each) for each in used.get(module.path, ()))
        )

    def _file(self, path: str, text: str, imports: Sequence[Imported] | None) -> _File | None:
        module = layout.module_of(path, self.roots) if path.endswith(".py") else None
        if module is None:
            return None
        owner, said = self.modules.nearest(module), directives(text)
        if owner.unchecked or self._is_ignored(owner):
            return _File(path, module, owner, (), said)
        package = self._packages[self._root_of(path)]
        requests: list[Asked] = []
        others: list[int] = []
        for each in self._asked(path, module, text, imports):
            if self._is_within(package, each.name):
                requests.append(each)
            else:
                others += (each.statement, each.line)
        # A directive beside an import of something else is nothing to tach.
        said = said.without(others)
        return _File(path, module, owner, tuple(requests), said)

    def _asked(
        self, path: str, module: str, text: str, imports: Sequence[Imported] | None
    ) -> Iterator[Asked]:
        config = self.config
        return asked(
            text,
            scan.imports(text) if imports is None else imports,
            module,
            package=path.endswith("__init__.py"),
            ignore_typing=config.ignore_type_checking_imports,
            want_nested=config.rules.local_imports is not Setting.ERROR,
            names_module=self._is_module if config.include_string_imports else None,
        )

    def _is_ignored(self, module: Module) -> bool:
        return module.is_root and self.config.root_module is RootModule.IGNORE

    def _is_module(self, name: str) -> bool:
        return layout.find(name, self.roots, self.files) is not None

    def _is_within(self, package: str, name: str) -> bool:
        """Whether `name` is of this project, not excluded, and of the same distribution."""
        found = layout.find(name, self.roots, self.files)
        if found is None or globs.excluded(found.path, self.config.exclude):
            return False
        return self._packages[found.root] == package

    def _root_of(self, path: str) -> str:
        return next(root for root in self.roots if not root or path.startswith(f"{root}/"))

    def _findings(
        self, file: _File, ask: Callable[[Module, Module, str], Iterator[Breach]]
    ) -> list[TachFinding]:
        """What `ask` says of every import of another module that is to be judged."""
        found: list[TachFinding] = []
        for request in file.requests:
            definition = self.modules.nearest(request.name)
            severity = self._severity(request)
            if severity is None or definition is file.owner or self._is_ignored(definition):
                continue
            found += (
                _finding(file, request, definition, breach, severity)
                for breach in ask(file.owner, definition, request.name)
            )
        return found

    def _broken(self, usage: Module, definition: Module, name: str) -> Iterator[Breach]:
        found = rules.breach(self.config, usage, definition, name)
        if found is not None:
            yield found
        # No name begins with `<root>`; of the root module, everything is open.
        member = "" if definition.is_root else name[len(definition.path) + 1 :]
        refused = self._interfaces.refused(definition.path, member, usage.path)
        if refused is not None:
            yield rules.refusal(refused, definition, name)

    def _undeclared(self, usage: Module, definition: Module, name: str) -> Iterator[Breach]:
        found = rules.breach(self.config, usage, definition, name, declared=False)
        if found is not None:
            yield found

    def _severity(self, request: Asked) -> Severity | None:
        """None where the import is local, and nothing is to be said of local ones."""
        if not request.nested:
            return Severity.ERROR
        return self.config.rules.local_imports.severity

    def _remaining(
        self, file: _File, found: list[TachFinding]
    ) -> tuple[list[TachFinding], tuple[Directive, ...]]:
        """The findings that no directive takes away, and the directives that take none."""
        if self.config.rules.unused_ignore_directives is Setting.OFF:
            # In tach, this setting turns the directives themselves off.
            return found, ()

        def covers(directive: Directive, finding: TachFinding) -> bool:
            return directive.covers((finding.line, finding.statement), finding.imported)

        return file.directives.divide(found, covers)

    def _about_directives(self, file: _File, idle: tuple[Directive, ...]) -> Iterator[TachFinding]:
        setting = self.config.rules.require_ignore_directive_reasons
        bare = (each for each in file.directives.active if not each.reason)
        message = "this 'tach-ignore' gives no reason; write one in parentheses behind it"
        if setting.severity is not None:
            for each in bare:
                yield self._of_directive(file, each, Rule.MISSING_REASON, message)
        message = "this 'tach-ignore' has nothing to ignore"
        for each in idle:
            yield self._of_directive(file, each, Rule.UNUSED_IGNORE, message)

    def _of_directive(
        self, file: _File, directive: Directive, rule: Rule, message: str
    ) -> TachFinding:
        config = self.config
        name = "unused_ignore_directives"
        setting = config.rules.unused_ignore_directives
        if rule is Rule.MISSING_REASON:
            name = "require_ignore_directive_reasons"
            setting = config.rules.require_ignore_directive_reasons
        return TachFinding(
            rule=rule,
            message=message,
            severity=setting.severity or Severity.INFORMATION,
            importer=file.module,
            imported="",
            usage=file.owner.path,
            definition="",
            line=directive.line,
            statement=directive.line,
            place=None,
            source=config.source_of(name),
        )

    def _members(self, module: str) -> Mapping[str, bool]:
        path = layout.module_file(module, self.roots, self.files)
        text = None if path is None else self.files.text(path)
        return {} if text is None else exposed.members(text)


def _finding(
    file: _File, request: Asked, definition: Module, breach: Breach, severity: Severity
) -> TachFinding:
    return TachFinding(
        rule=breach.rule,
        message=breach.message,
        severity=Severity.WARNING if breach.rule is Rule.DEPRECATED else severity,
        importer=file.module,
        imported=request.name,
        usage=file.owner.path,
        definition=definition.path,
        line=request.line,
        statement=request.statement,
        place=request.imported,
        source=breach.source,
    )


def _gathered(
    config: TachConfig, domains: Iterable[DomainConfig], roots: tuple[str, ...]
) -> tuple[tuple[Module, ...], tuple[Interface, ...], list[Problem]]:
    """The modules, interfaces and problems of a configuration with its domains."""
    modules, interfaces = list(config.modules), list(config.interfaces)
    problems = list(config.problems)
    for domain in sorted(domains, key=lambda domain: domain.source.path):
        problems += domain.problems
        folder = domain.source.path.rpartition("/")[0]
        package = layout.module_of(folder, roots) if folder else None
        if package is None or folder in roots:
            message = "this is not in a package of tach's source roots, so it is of no module"
            problems.append(Problem(domain.source, message, contract="tach:configuration"))
            continue
        of_modules, of_interfaces = located(domain, package)
        modules += of_modules
        interfaces += of_interfaces
    return tuple(modules), tuple(interfaces), problems
