"""What a configuration says about contracts, and how each contract's options become one.

Both notations, import-linter's (`importlinter`) and ours (`own`), have the same options under other
names. A contract with a wrong option cannot be judged; it is left out, and its problems say why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.expressions import imports, modules
from trueup.architecture.kinds import (
    AcyclicSiblings,
    Alerting,
    Contract,
    Forbidden,
    Independence,
    Layer,
    Layers,
    Protected,
    Scope,
    Terms,
)
from trueup.architecture.options import Reader, Section, meant

TextOf = Callable[[str], str | None]
"""The text of a file, by its path relative to the root; None where there is no such file. Raises
OSError or UnicodeDecodeError where it cannot be read.
"""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Contracts, and of what graph they are. `path` is the file, relative to the root."""

    path: str
    root_packages: tuple[str, ...] = ()
    include_external_packages: bool = False
    exclude_type_checking_imports: bool = False
    contracts: tuple[Contract, ...] = ()
    problems: tuple[Problem, ...] = ()
    roots_source: Source = field(default_factory=lambda: Source("", 1))
    """Where the root packages are named, for what is to be said about them."""

    @property
    def scope(self) -> Scope:
        return Scope(self.root_packages, self.include_external_packages)


def on_disk(root: Path) -> TextOf:
    """The files of a folder."""

    def text_of(path: str) -> str | None:
        try:
            return (root / path).read_text("utf-8-sig")
        except FileNotFoundError:
            return None

    return text_of


_LINE: Final = re.compile(r"\bline:? +(\d+)")
_NO_WORD: Final = re.compile(r"[^\w.]+")
COMMON: Final = ("id", "name", "type", "guidance", "ignores", "alerting")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "layers": ("layers", "containers", "exhaustive", "exhaustive_ignores"),
    "independence": ("modules",),
    "forbidden": ("sources", "forbidden", "direct_only", "as_packages"),
    "protected": ("protected", "allowed", "as_packages"),
    "acyclic_siblings": ("ancestors", "depth", "skipped"),
}
"""What a contract of each kind can have, beside what all have."""


def unreadable(path: str, text: str, error: Exception) -> Problem:
    """The problem of a file that no parser reads, at the line that the parser names."""
    says, *_ = str(error).splitlines()
    line = _LINE.search(str(error))
    at = int(line[1]) if line else max(1, len(text.splitlines()))
    return Problem(Source(path, at), f"{path} cannot be read: {says}")


def table_of(document: object, *keys: str) -> Mapping[str, object]:
    """A table of a TOML document; empty where it is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def identity_of(reader: Reader, seen: set[str]) -> str:
    """The id of a contract, made of its name where it has none; no two are the same."""
    given = reader.section.options.get(reader.known["id"])
    name = reader.section.options.get(reader.known["name"])
    identity = str(given) if given else _NO_WORD.sub("-", str(name or "").lower()).strip("-")
    identity = identity or str(reader.section.options.get(reader.known["type"], "contract"))
    count = 1
    while (numbered := identity if count == 1 else f"{identity}-{count}") in seen:
        count += 1
    seen.add(numbered)
    return numbered


def kind_of(section: Section, key: str) -> str:
    """The kind that a contract says it is; "" where it says none."""
    kind = section.options.get(key)
    return kind if isinstance(kind, str) else ""


def no_kind(reader: Reader, identity: str) -> Problem:
    """The problem of a contract of a kind that does not exist."""
    kind = reader.section.options.get(reader.known["type"])
    if kind is None:
        says = f"{reader.known['type']} is missing: it is one of {', '.join(KEYS)}"
        return Problem(reader.section.source, says, contract=identity)
    says = f"there is no {reader.known['type']} {kind!r} of contract{meant(str(kind), KEYS)}"
    return Problem(reader.source("type"), says, contract=identity)


def contract_of(reader: Reader, kind: str, identity: str) -> Contract | None:
    """The contract that a section states; None where one of its options is wrong, which the
    reader's problems then say.
    """
    reader.unknown()
    terms = Terms(
        id=identity,
        name=reader.text("name", identity),
        source=reader.section.source,
        guidance=" ".join(reader.text("guidance").split()),
        ignores=reader.parsed("ignores", imports),
        alerting=reader.choice("alerting", Alerting.ERROR),
    )
    contract = _READ[kind](reader, terms)
    if any(found.severity is Severity.ERROR for found in reader.problems):
        reader.problems[:] = [replace(found, contract=identity) for found in reader.problems]
        return None
    return contract


def _layers(reader: Reader, terms: Terms) -> Contract:
    contract = Layers(
        terms,
        layers=reader.parsed("layers", layer_of, required=True),
        containers=reader.parsed("containers", modules),
        exhaustive=reader.flag("exhaustive"),
        exhaustive_ignores=frozenset(text for text, _ in reader.items("exhaustive_ignores")),
    )
    seen: set[str] = set()
    for layer in contract.layers:
        for name in sorted(seen.intersection(layer.modules)):
            reader.problem(f"{name} is in more than one layer", layer.source)
        seen.update(layer.modules)
    if contract.exhaustive and not contract.containers:
        reader.wrong("exhaustive", f"needs {reader.known['containers']}: all modules of what?")
    return contract


def _independence(reader: Reader, terms: Terms) -> Contract:
    return Independence(terms, reader.parsed("modules", modules, required=True))


def _forbidden(reader: Reader, terms: Terms) -> Contract:
    return Forbidden(
        terms,
        sources=reader.parsed("sources", modules, required=True),
        forbidden=reader.parsed("forbidden", modules, required=True),
        direct_only=reader.flag("direct_only"),
        as_packages=reader.flag("as_packages", default=True),
    )


def _protected(reader: Reader, terms: Terms) -> Contract:
    # Nobody allowed is a contract too, so an empty list says something.
    if not reader.has("allowed"):
        reader.problem(f"{reader.known['allowed']} is missing", terms.source)
    return Protected(
        terms,
        protected=reader.parsed("protected", modules, required=True),
        allowed=reader.parsed("allowed", modules),
        as_packages=reader.flag("as_packages", default=True),
    )


def _acyclic_siblings(reader: Reader, terms: Terms) -> Contract:
    contract = AcyclicSiblings(
        terms,
        ancestors=reader.parsed("ancestors", modules, required=True),
        depth=reader.number("depth", 10),
        skipped=reader.parsed("skipped", modules),
    )
    ancestors = {one.text for one in contract.ancestors}
    for one in contract.skipped:
        if one.text in ancestors:
            says = f"{one} is in {reader.known['ancestors']} and in {reader.known['skipped']}"
            reader.problem(says, one.source)
    return contract


_READ: Final[Mapping[str, Callable[[Reader, Terms], Contract]]] = {
    "layers": _layers,
    "independence": _independence,
    "forbidden": _forbidden,
    "protected": _protected,
    "acyclic_siblings": _acyclic_siblings,
}


def layer_of(text: str, source: Source) -> Layer:
    """`a | b` are independent of each other, `a : b` are not; `(a)` need not exist."""
    if "|" in text and ":" in text:
        raise ValueError(f"{text!r} mixes | and :, independent modules and others")
    names: list[str] = []
    optional: set[str] = set()
    for part in text.split("|" if "|" in text else ":"):
        name = part.strip()
        if name.startswith("(") and name.endswith(")"):
            name = name[1:-1]
            optional.add(name)
        if modules(name, source).is_pattern:
            raise ValueError(f"{name!r} is a pattern, a layer is a module")
        if name in names:
            raise ValueError(f"{name} is twice in {text!r}")
        names.append(name)
    return Layer(tuple(names), source, frozenset(optional), independent=":" not in text)
