"""Reads import-linter's configuration: `setup.cfg`, `.importlinter` or `pyproject.toml`.

The first of these, in this order, that has import-linter's section counts, as for import-linter.
What it says means the same here, but for this:

* What import-linter stops at is a Problem here, and the contracts beside it are read: an unknown or
  wrong option, a kind of contract that is the project's own code.
* `root_packages` may be one name; import-linter takes its letters for packages.
* A file that no parser reads is a problem only where it mentions import-linter.
* An option of the session that import-linter does not know is a warning, and a flag that is neither
  true nor false an error; it takes both for unsaid.
"""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterator
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
from trueup.architecture.contracts import Problem, Severity, Source
from trueup.architecture.kinds import Contract
from trueup.architecture.options import Reader, Section

FILES: Final = ("setup.cfg", ".importlinter", "pyproject.toml")
"""Where a configuration can be, in the order of precedence."""
SECTION: Final = "importlinter"
_SESSION: Final = (
    "root_package",
    "root_packages",
    "include_external_packages",
    "exclude_type_checking_imports",
    "contract_types",
    "contracts",
    "show_timings",
)
_WRITTEN: Final = {
    "guidance": "broken_contract_guidance",
    "ignores": "ignore_imports",
    "alerting": "unmatched_ignore_imports_alerting",
    "sources": "source_modules",
    "forbidden": "forbidden_modules",
    "direct_only": "allow_indirect_imports",
    "protected": "protected_modules",
    "allowed": "allowed_importers",
    "skipped": "skip_descendants",
}


def read(text_of: TextOf) -> Configuration | None:
    """The configuration of a root folder; None where there is none."""
    for path in FILES:
        try:
            text = text_of(path)
        except (OSError, UnicodeDecodeError) as error:
            return Configuration(path, problems=(unreadable(path, "", error),))
        if text is not None and SECTION in text:
            found = parse(path, text)
            if found is not None:
                return found
    return None


def parse(path: str, text: str) -> Configuration | None:
    """What one file says; None where it has no section of import-linter."""
    problems: list[Problem] = []
    sections = _toml if path.endswith(".toml") else _ini
    try:
        found = tuple(sections(path, text, problems))
    except (configparser.Error, tomllib.TOMLDecodeError, RecursionError) as error:
        return Configuration(path, problems=(unreadable(path, text, error),))
    if not found:
        return None
    session, *contracts = found
    return _configuration(session, contracts, problems)


def _ini(path: str, text: str, problems: list[Problem]) -> Iterator[Section]:
    parser = configparser.ConfigParser()
    parser.read_string(text)
    if not parser.has_section(SECTION):
        return
    found = places.ini(text)
    wanted = [name for name in parser.sections() if name.startswith(f"{SECTION}:")]
    for name in (SECTION, *wanted):
        options: dict[str, object] = {} if name == SECTION else {"id": name.rpartition(":")[2]}
        for key in parser[name]:
            try:
                value = parser.get(name, key)
            except configparser.InterpolationError:
                source = Source(path, found.of((name, key)).line)
                problems.append(Problem(source, f"{key}: a single % must be written as %%"))
                value = parser.get(name, key, raw=True)
            options[key] = value.strip().split("\n") if "\n" in value else value
        yield Section(path, (name,), options, found)


def _toml(path: str, text: str, problems: list[Problem]) -> Iterator[Section]:
    table = table_of(tomllib.loads(text), "tool", SECTION)
    if not table:
        return
    found = places.toml(text)
    session = Section(path, ("tool", SECTION), table, found)
    yield session
    yield from session.tables("contracts", problems)


def _configuration(
    session: Section, sections: list[Section], problems: list[Problem]
) -> Configuration:
    reader = Reader(session, {key: key for key in _SESSION}, problems)
    reader.unknown(Severity.WARNING)
    roots = tuple(text for text, _ in reader.items("root_packages"))
    if not reader.has("root_packages"):
        roots = tuple(text for text, _ in reader.items("root_package"))
    elif reader.has("root_package"):
        says = "root_packages is given too, and is what counts"
        reader.problem(says, reader.source("root_package"), Severity.WARNING)
    if not roots:
        reader.problem("root_packages is missing: which package is it about?", session.source)
    if not sections:
        reader.problem("there is no contract", session.source)
    types = {text.partition(":")[0].strip() for text, _ in reader.items("contract_types")}
    contracts = tuple(_contracts(sections, types, reader.problems))
    return Configuration(
        path=session.file,
        root_packages=roots,
        include_external_packages=reader.flag("include_external_packages"),
        exclude_type_checking_imports=reader.flag("exclude_type_checking_imports"),
        contracts=contracts,
        problems=tuple(reader.problems),
        roots_source=reader.source(
            "root_packages" if reader.has("root_packages") else "root_package"
        ),
    )


def _contracts(
    sections: list[Section], types: set[str], problems: list[Problem]
) -> Iterator[Contract]:
    seen: set[str] = set()
    for section in sections:
        kind = kind_of(section, "type")
        known = {key: _WRITTEN.get(key, key) for key in (*COMMON, *KEYS.get(kind, ()))}
        reader = Reader(section, known)
        identity = identity_of(reader, seen)
        contract = None
        if kind in types:
            says = f"{kind} is code of the project and is not judged here"
            reader.problem(says, reader.source("type"), Severity.WARNING)
        elif kind not in KEYS:
            problems.append(no_kind(reader, identity))
        else:
            if not reader.has("name"):
                reader.problem("name is missing", section.source)
            contract = contract_of(reader, kind, identity)
        problems += reader.problems
        if contract is not None:
            yield contract
