"""Reads contracts from our own tables in `pyproject.toml`.

    [tool.trueup.architecture]
    root_packages = ["shop"]                # the packages of the source folders, unless named
    include_external_packages = false       # whether other people's packages can be forbidden
    exclude_type_checking_imports = false

    [[tool.trueup.contracts]]
    kind = "layers"                         # high to low: none imports a higher one
    layers = ["cli", "core | api", "base : tools", "(extra)"]
    within = ["shop"]                       # the packages that have these layers
    exhaustive = true                       # every module in them is in a layer,
    except = ["version"]                    # but for these

    [[tool.trueup.contracts]]
    kind = "independence"                   # none imports another
    modules = ["shop.plugins.*"]

    [[tool.trueup.contracts]]
    kind = "forbidden"                      # nothing in `from` imports anything in `forbid`
    from = ["shop.core"]
    forbid = ["shop.web", "django"]
    direct_only = false                     # whether it may through others
    as_packages = true                      # whether a module stands for all below it

    [[tool.trueup.contracts]]
    kind = "protected"                      # only `allow` imports what is in `protect`
    protect = ["shop.models"]
    allow = ["shop.core"]

    [[tool.trueup.contracts]]
    kind = "acyclic_siblings"               # modules of one package import in no circle
    within = ["shop"]
    depth = 10                              # how many levels below, 0 is none
    skip = ["shop.generated"]

In one level of layers, `|` parts modules that must not import each other, `:` such as may, and a
module in parentheses need not exist. Every contract can have a `name`, an `id` by which it is
called (else made of the name), `because` (shown with every violation), `ignore` (a list of
"importer -> imported") and `unmatched` ("error", "warn" or "none": what is said of an ignored
import that is not there). `*` stands for one part of a name, `**` for one or more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Final

from trueup.architecture import places
from trueup.architecture.configuration import (
    COMMON,
    KEYS,
    Configuration,
    TextOf,
    contract_of,
    identity_of,
    kind_of,
    no_kind,
    table_of,
    unreadable,
)
from trueup.architecture.contracts import Problem
from trueup.architecture.kinds import Contract
from trueup.architecture.options import Reader, Section

FILE: Final = "pyproject.toml"
_ROOTS: Final = (
    "root_packages",
    "source_roots",
    "include_external_packages",
    "exclude_type_checking_imports",
)
_WRITTEN: Final[Mapping[str, str]] = {
    "type": "kind",
    "guidance": "because",
    "ignores": "ignore",
    "alerting": "unmatched",
    "containers": "within",
    "exhaustive_ignores": "except",
    "sources": "from",
    "forbidden": "forbid",
    "protected": "protect",
    "allowed": "allow",
    "ancestors": "within",
    "skipped": "skip",
}


def read(text_of: TextOf) -> Configuration | None:
    """The configuration of a root folder; None where there is none."""
    try:
        text = text_of(FILE)
    except (OSError, UnicodeDecodeError) as error:
        return Configuration(FILE, problems=(unreadable(FILE, "", error),))
    return parse(text) if text is not None and "trueup" in text else None


def parse(text: str) -> Configuration | None:
    """What `pyproject.toml` says; None where it has no contract of ours."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Configuration(FILE, problems=(unreadable(FILE, text, error),))
    table = table_of(document, "tool", "trueup")
    if "architecture" not in table and "contracts" not in table:
        return None
    found = places.toml(text)
    keys = ("tool", "trueup")
    roots = table_of(table, "architecture")
    reader = Reader(
        Section(FILE, (*keys, "architecture"), roots, found), {key: key for key in _ROOTS}
    )
    reader.unknown()
    names = tuple(name for name, _ in reader.items("root_packages"))
    contracts: list[Contract] = []
    seen: set[str] = set()
    for section in Section(FILE, keys, table, found).tables("contracts", reader.problems):
        contract = _contract(section, seen, reader.problems)
        if contract is not None:
            contracts.append(contract)
    return Configuration(
        path=FILE,
        root_packages=names,
        include_external_packages=reader.flag("include_external_packages"),
        exclude_type_checking_imports=reader.flag("exclude_type_checking_imports"),
        contracts=tuple(contracts),
        problems=tuple(reader.problems),
        roots_source=reader.source("root_packages"),
    )


def _contract(section: Section, seen: set[str], problems: list[Problem]) -> Contract | None:
    kind = kind_of(section, "kind")
    known = {key: _WRITTEN.get(key, key) for key in (*COMMON, *KEYS.get(kind, ()))}
    reader = Reader(section, known)
    identity = identity_of(reader, seen)
    if kind not in KEYS:
        problems.append(no_kind(reader, identity))
        return None
    contract = contract_of(reader, kind, identity)
    problems += reader.problems
    return contract
