"""What breaks a rule in one text: one function per kind of rule.

Each answers with hits, in the order of the text. Scopes, severities and overrides are for
`evaluate`; layers are judged by the architecture engine, which knows the whole graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trueup.architecture.scan import Imported
from trueup.memory.code import (
    Code,
    Definition,
    decorators,
    is_documented_block,
    is_dunder,
    parameter_name,
    parameters,
)
from trueup.memory.consistency import is_below
from trueup.memory.globs import matches_any
from trueup.memory.patterns import REMEMBERED_MAX, matching, pattern_problem, regex_problem
from trueup.memory.rules import (
    ForbidImport,
    ForbidPattern,
    Layers,
    Location,
    Named,
    Naming,
    Pattern,
    Require,
    Required,
    RequireImport,
    RequirePattern,
    Rule,
    Style,
)
from trueup.snapshot import Span

NOTHING: Final = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule is broken. `text` is what breaks it, spaced alike everywhere;
    `says` is what is said where the rule has no message of its own.
    """

    span: Span
    text: str
    says: str


def judge(rule: Rule, code: Code, package: str) -> Iterator[Hit]:
    """Every hit of a rule that can be judged (`obstacle` says why one cannot be).

    `package` is the dotted name of the package that the text is in, for its relative imports.
    """
    match rule:
        case ForbidPattern():
            return _forbidden_pattern(rule, code)
        case RequirePattern():
            return _required_pattern(rule, code)
        case ForbidImport():
            return _forbidden_import(rule, code, package)
        case RequireImport():
            return _required_import(rule, code, package)
        case Naming():
            return _naming(rule, code)
        case Require():
            return _required(rule, code)
        case Location():
            return _location(rule, code)
        case Layers():
            return iter(())


def patterns_of(rule: Rule) -> tuple[Pattern, ...]:
    """All that a rule looks for."""
    if isinstance(rule, ForbidPattern | RequirePattern):
        return (*rule.patterns, *((rule.within,) if rule.within is not None else ()))
    return rule.patterns if isinstance(rule, Location) else ()


@lru_cache(maxsize=REMEMBERED_MAX)
def obstacle(rule: Rule) -> str:
    """Why a rule cannot be judged, one sentence, or ""."""
    problems = [pattern_problem(pattern) for pattern in patterns_of(rule)]
    if isinstance(rule, Naming | Location) and rule.regex:
        problems.append(regex_problem(rule.regex))
    return next(filter(None, problems), "")


def _plain(code: Code, span: Span) -> str:
    return " ".join(code.text[span.start : span.end].split())


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _forbidden_pattern(rule: ForbidPattern, code: Code) -> Iterator[Hit]:
    for span in code.matches(rule.patterns, rule.within):
        text = _plain(code, span)
        yield Hit(span, text, f"`{_short(text)}` is not wanted here")


def _required_pattern(rule: RequirePattern, code: Code) -> Iterator[Hit]:
    if code.is_blank:
        return
    what = f"`{_short(' '.join(rule.patterns[0].text.split()))}` is missing"
    found = code.matches(rule.patterns, None)
    if rule.within is None:
        if not found:
            yield Hit(NOTHING, what, f"{what} in this file")
        return
    for around in code.spans(rule.within):
        if not any(around.contains(span) for span in found):
            first = _first_line(code, around)
            yield Hit(first, f"{what} in {_plain(code, first)}", f"{what} here")


def _first_line(code: Code, span: Span) -> Span:
    line = code.document.line_span(code.document.line_at(span.start))
    return Span(span.start, max(span.start, min(line.end, span.end)))


def _forbidden_import(rule: ForbidImport, code: Code, package: str) -> Iterator[Hit]:
    # A module whose last name is nowhere in the text is not imported by it.
    if not any(module.rpartition(".")[2] in code.words for module in rule.modules):
        return
    seen: set[Span] = set()
    for imported in code.imports:
        if imported.typing and not rule.typing_too:
            continue
        name = absolute(imported.written, package)
        forbidden = next((module for module in rule.modules if is_below(name, module)), None)
        if forbidden is None:
            continue
        span = _place(imported, forbidden, package)
        if span not in seen:
            seen.add(span)
            yield Hit(span, f"import {name}", f"{forbidden} is not imported here")


def _place(imported: Imported, forbidden: str, package: str) -> Span:
    """The module's name where that is forbidden already, else the name that makes it so."""
    if imported.module and is_below(absolute(imported.module, package), forbidden):
        return Span(imported.module_start, imported.module_end)
    return Span(imported.start, imported.end)


def _required_import(rule: RequireImport, code: Code, package: str) -> Iterator[Hit]:
    if code.is_blank:
        return
    known = [absolute(imported.written, package) for imported in code.imports]
    for module in rule.modules:
        if not any(is_below(name, module) for name in known):
            yield Hit(NOTHING, f"no import {module}", f"this file does not import {module}")


def absolute(name: str, package: str) -> str:
    """A dotted name without the dots in front; as it is where they lead out of the project."""
    if not name.startswith("."):
        return name
    rest = name.lstrip(".")
    up = len(name) - len(rest) - 1
    parts = package.split(".") if package else []
    if up > len(parts):
        return name
    return ".".join((*parts[: len(parts) - up], rest)).strip(".")


def _naming(rule: Naming, code: Code) -> Iterator[Hit]:
    named = [(name, span) for name, span in _named(rule.what, code) if not is_dunder(name)]
    fits: frozenset[str] | None = None
    if rule.style is None:
        fits = matching(rule.regex, tuple(dict.fromkeys(name for name, _ in named)))
    for name, span in named:
        right = _has_style(name, rule.style) if rule.style else fits is None or name in fits
        if not right:
            wanted = rule.style or f"`{rule.regex}`"
            yield Hit(span, f"{rule.what} {name}", f"the {rule.what} {name} is not {wanted}")


def _has_style(name: str, style: Style) -> bool:
    plain = name.strip("_")
    if not plain:
        return True
    if style is Style.SNAKE_CASE:
        return plain == plain.lower()
    if style is Style.UPPER_CASE:
        return plain == plain.upper()
    return "_" not in plain and plain[0] == plain[0].upper()


def _named(what: Named, code: Code) -> Iterator[tuple[str, Span]]:
    """Names of one kind, with their places; the module's own is at the beginning."""
    if what is Named.MODULE:
        stem = code.path.rpartition("/")[2].removesuffix(".pyi").removesuffix(".py")
        yield stem, NOTHING
        return
    found = code.definitions
    if what is Named.ARGUMENT:
        found = code.arguments
    elif what in {Named.VARIABLE, Named.CONSTANT}:
        found = code.assigned
    yield from ((item.name, item.span) for item in found if item.what is what)


def _location(rule: Location, code: Code) -> Iterator[Hit]:
    if matches_any(rule.places, code.path):
        return
    where = " or ".join(rule.places)
    if rule.what is None:
        for span in code.matches(rule.patterns, None):
            text = _plain(code, span)
            yield Hit(_first_line(code, span), text, f"`{_short(text)}` belongs into {where}")
        return
    named = tuple(_named(rule.what, code))
    names = tuple(dict.fromkeys(name for name, _ in named))
    fits = matching(rule.regex, names) if rule.regex else frozenset(names)
    for name, span in named:
        if name in fits:
            says = f"the {rule.what} {name} belongs into {where}"
            yield Hit(span, f"{rule.what} {name}", says)


def _required(rule: Require, code: Code) -> Iterator[Hit]:
    if Named.MODULE in rule.of and _lacks_docstring(rule, code):
        yield Hit(NOTHING, "module without a docstring", "the module has no docstring")
    for definition in code.definitions:
        if definition.what not in rule.of or not (definition.public or rule.private_too):
            continue
        if lacking := _lacking(rule, definition, code):
            says = f"{definition.name} has no {lacking}"
            yield Hit(definition.span, f"{definition.what} {says}", says)


def _lacks_docstring(rule: Require, code: Code) -> bool:
    name = code.path.rpartition("/")[2]
    private = name.startswith("_") and not name.startswith("__init__.")
    if rule.what is not Required.DOCSTRING or (private and not rule.private_too):
        return False
    return not is_documented_block(code.root) and bool(code.text.strip())


def _lacking(rule: Require, definition: Definition, code: Code) -> str:
    """What a definition lacks, or ""."""
    if rule.what is Required.DOCSTRING:
        if is_dunder(definition.name) or definition.span in code.documented:
            return ""
        # What an overload or a setter does is said at the function that has it.
        told_elsewhere = (".setter", ".deleter", "overload")
        return (
            "" if any(m.endswith(told_elsewhere) for m in decorators(definition)) else "docstring"
        )
    marks = decorators(definition)
    listed = parameters(definition)
    bound = definition.what is Named.METHOD and "staticmethod" not in marks
    for node in listed[1:] if bound else listed:
        if "typed" not in node.kind() and (name := parameter_name(node)) is not None:
            return f"annotation of {name.text()}"
    returns = definition.node.field("return_type")
    if returns is None and not (definition.name == "__init__" and listed[1:]):
        return "annotation of what it returns"
    return ""
