"""A `rule` block of a decision, as a rule.

Knows how each kind is written. Whether a pattern is Python, and whether a regular expression is
one, is found by who evaluates them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from trueup.architecture.contracts import Severity
from trueup.memory.fields import Fields, Remark, nearest
from trueup.memory.globs import GLOB_CHARACTERS_MAX
from trueup.memory.rules import (
    ForbidImport,
    ForbidPattern,
    Kind,
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
    Terms,
)
from trueup.memory.yaml_text import Table, Text, YamlError, read

REGEX_CHARACTERS_MAX: Final = 500
PATTERN_CHARACTERS_MAX: Final = 2000

WITHIN: Final[Mapping[str, Pattern]] = {
    "function": Pattern("", kind="function_definition"),
    "class": Pattern("", kind="class_definition"),
    "for": Pattern("", kind="for_statement"),
    "while": Pattern("", kind="while_statement"),
    "try": Pattern("", kind="try_statement"),
    "except": Pattern("", kind="except_clause"),
    "with": Pattern("", kind="with_statement"),
    "lambda": Pattern("", kind="lambda"),
}
"""Words that may stand for a pattern after `within`; anything else is a pattern."""

_COMMON: Final = ("kind", "message", "except", "examples")
_MODULE: Final = re.compile(r"\w+(\.\w+)*")

KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.FORBID_PATTERN: ("pattern", "patterns", "within"),
    Kind.REQUIRE_PATTERN: ("pattern", "patterns", "within"),
    Kind.FORBID_IMPORT: ("module", "modules", "typing"),
    Kind.REQUIRE_IMPORT: ("module", "modules"),
    Kind.LAYERS: ("layers", "containers"),
    Kind.NAMING: ("what", "style", "match"),
    Kind.REQUIRE: ("what", "of", "private"),
    Kind.LOCATION: ("what", "match", "pattern", "patterns", "in"),
}


def rule_of(text: str, line: int, offset: int) -> tuple[Rule | None, tuple[Remark, ...]]:
    """The rule in a block, None where it cannot be enforced, and what is wrong with it.

    `line` and `offset` are where the text of the block begins in its file.
    """
    try:
        node = read(text, line=line, offset=offset)
    except YamlError as problem:
        return None, (Remark(problem.line, f"the rule cannot be read: {problem}"),)
    if not isinstance(node, Table):
        return None, (Remark(line, "a rule is a map that begins with `kind:`"),)
    fields = Fields(node, "a rule")
    said = fields.text("kind")
    kind = next((kind for kind in Kind if kind == said), None)
    if kind is None:
        known = ", ".join(Kind)
        what = f"there is no kind of rule {said!r}" if said else "the rule has no `kind`"
        says = f"{what}; there are {known}{nearest(said, Kind)}"
        return None, (Remark(fields.line("kind"), says),)
    fields.what = f"a rule of kind {kind}"
    fields.only((*_COMMON, *KEYS[kind]))
    terms = _terms(fields, line)
    rule = _READERS[kind](fields, terms)
    if fields.is_wrong(*KEYS[kind], "except"):
        return None, tuple(fields.remarks)
    if kind is not Kind.LAYERS and not (terms.bad or terms.good):
        fields.remark(
            line, "the rule has no examples: `examples: {bad: […], good: […]}`", Severity.WARNING
        )
    return rule, tuple(fields.remarks)


def _terms(fields: Fields, line: int) -> Terms:
    examples = fields.below("examples")
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    if examples is not None:
        examples.only(("bad", "good"))
        bad, good = examples.sources("bad"), examples.sources("good")
        fields.remarks += examples.remarks
    return Terms(" ".join(fields.text("message").split()), globs(fields, "except"), bad, good, line)


def globs(fields: Fields, key: str) -> tuple[str, ...]:
    """Globs of paths inside the project."""
    found = fields.texts(key)
    for glob in found:
        parts = glob.split("/")
        if glob.startswith("/") or ".." in parts or "\\" in glob:
            fields.refuse(key, f"{glob!r} is no path inside the project, such as src/**/*.py")
        elif len(glob) > GLOB_CHARACTERS_MAX:
            fields.refuse(key, f"{key} has a glob of more than {GLOB_CHARACTERS_MAX} characters")
    return found


def _patterns(fields: Fields, *, needed: bool = True) -> tuple[Pattern, ...]:
    found = tuple(
        pattern
        for key in ("pattern", "patterns")
        for pattern in (_pattern(fields, key, node) for node in fields.nodes(key))
        if pattern is not None
    )
    if needed and not found and not fields.is_wrong("pattern", "patterns"):
        fields.refuse("pattern", "the rule has no `pattern`")
    return found


def _pattern(fields: Fields, key: str, node: object) -> Pattern | None:
    text = selector = ""
    if isinstance(node, Text):
        text = node.value.strip("\r\n")
    elif isinstance(node, Table):
        below = Fields(node, "a pattern")
        below.only(("context", "selector"))
        text, selector = below.text("context"), below.text("selector")
        fields.remarks += below.remarks
    if not text.strip():
        fields.refuse(key, f"{key} is Python, or `{{context: …, selector: …}}`")
        return None
    if len(text) > PATTERN_CHARACTERS_MAX:
        fields.refuse(key, f"a pattern is longer than {PATTERN_CHARACTERS_MAX:,} characters")
        return None
    return Pattern(text, selector)


def _within(fields: Fields) -> Pattern | None:
    said = fields.text("within")
    if not said:
        return None
    if said not in WITHIN and (said.isidentifier() or len(said) > PATTERN_CHARACTERS_MAX):
        fields.refuse(
            "within",
            f"within is one of {', '.join(WITHIN)}, or a pattern{nearest(said, WITHIN)}",
        )
    return WITHIN.get(said) or Pattern(said)


def _modules(fields: Fields) -> tuple[str, ...]:
    found = fields.texts("module", "modules")
    key = "modules" if "modules" in fields else "module"
    if not found and not fields.is_wrong(key):
        fields.refuse(key, "the rule has no `module`")
    for module in found:
        if not _MODULE.fullmatch(module):
            fields.refuse(key, f"{module!r} is no dotted name; a module stands for all below it")
    return found


def _regex(fields: Fields) -> str:
    said = fields.text("match")
    if len(said) > REGEX_CHARACTERS_MAX:
        fields.refuse("match", f"match is longer than {REGEX_CHARACTERS_MAX} characters")
    return said


def _forbid_pattern(fields: Fields, terms: Terms) -> Rule:
    return ForbidPattern(terms, _patterns(fields), _within(fields))


def _require_pattern(fields: Fields, terms: Terms) -> Rule:
    return RequirePattern(terms, _patterns(fields), _within(fields))


def _forbid_import(fields: Fields, terms: Terms) -> Rule:
    return ForbidImport(terms, _modules(fields), fields.flag("typing", default=True))


def _require_import(fields: Fields, terms: Terms) -> Rule:
    return RequireImport(terms, _modules(fields))


def _layers(fields: Fields, terms: Terms) -> Rule:
    layers = fields.texts("layers")
    if len(layers) < 2:
        fields.refuse("layers", "layers are two or more, from high to low")
    return Layers(terms, layers, fields.texts("containers"))


def _naming(fields: Fields, terms: Terms) -> Rule:
    what = fields.choice("what", Named, Named.FUNCTION)
    if "what" not in fields:
        fields.refuse("what", f"the rule does not say `what` is named: {', '.join(Named)}")
    regex = _regex(fields)
    style = fields.choice("style", Style, Style.SNAKE_CASE) if fields.text("style") else None
    if (style is None) == (not regex) and not fields.is_wrong("style", "match"):
        fields.refuse("style", f"a name has a `style` ({', '.join(Style)}) or a `match`")
    return Naming(terms, what, style, regex)


_DOCUMENTED: Final = (Named.FUNCTION, Named.METHOD, Named.CLASS, Named.MODULE)
_ANNOTATED: Final = (Named.FUNCTION, Named.METHOD)


def _require(fields: Fields, terms: Terms) -> Rule:
    what = fields.choice("what", Required, Required.DOCSTRING)
    if "what" not in fields:
        fields.refuse("what", f"the rule does not say `what` is required: {', '.join(Required)}")
    possible = _DOCUMENTED if what is Required.DOCSTRING else _ANNOTATED
    of = []
    for said in fields.texts("of"):
        named = next((item for item in possible if item == said.casefold()), None)
        if named is None:
            fields.refuse("of", f"of is one of {', '.join(possible)}{nearest(said, possible)}")
        else:
            of.append(named)
    return Require(terms, what, tuple(of) or possible, fields.flag("private", default=False))


def _location(fields: Fields, terms: Terms) -> Rule:
    patterns = _patterns(fields, needed=False)
    regex = _regex(fields)
    what = fields.choice("what", Named, Named.CLASS) if fields.text("what") else None
    if (what is None) == (not patterns) and not fields.is_wrong("what", "pattern", "patterns"):
        fields.refuse("what", "the rule says `what` (with `match`) has its place, or a `pattern`")
    places = globs(fields, "in")
    if not places and not fields.is_wrong("in"):
        fields.refuse("in", "the rule does not say where: `in: [src/…/**]`")
    return Location(terms, places, what, regex, patterns)


_READERS: Final[Mapping[Kind, Callable[[Fields, Terms], Rule]]] = {
    Kind.FORBID_PATTERN: _forbid_pattern,
    Kind.REQUIRE_PATTERN: _require_pattern,
    Kind.FORBID_IMPORT: _forbid_import,
    Kind.REQUIRE_IMPORT: _require_import,
    Kind.LAYERS: _layers,
    Kind.NAMING: _naming,
    Kind.REQUIRE: _require,
    Kind.LOCATION: _location,
}
