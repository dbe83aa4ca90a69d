"""Findings as JSON, SARIF 2.1.0, GitHub's annotations, and as people read them on a terminal.

Knows what findings are and nothing of how they come about.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from trueup import __version__
from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.findings import Finding

CONFIGURATION: Final = "configuration"
"""The code of a sentence about a configuration file."""
_SARIF_LEVELS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "note",
}
_GITHUB_LEVELS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "notice",
}
_STYLES: Final = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFORMATION: "dim",
}


def as_json(findings: Iterable[Finding], problems: Iterable[Problem]) -> str:
    """A list with one object for each finding, and for each problem of a configuration."""
    items: list[dict[str, object]] = [
        {
            "code": CONFIGURATION,
            "contract": problem.contract,
            "decision": "",
            "severity": problem.severity.value,
            "path": problem.source.path,
            "line": problem.source.line,
            "column": 1,
            "end_column": 1,
            "message": problem.message,
            "chain": [],
        }
        for problem in problems
    ]
    items += (
        {
            "code": found.code,
            "contract": found.contract,
            "decision": found.decision,
            "severity": found.severity.value,
            "path": found.path,
            "line": found.line,
            "column": found.column,
            "end_column": found.end_column,
            "message": found.message,
            "chain": [
                {
                    "importer": step.importer,
                    "imported": step.imported,
                    "path": step.path,
                    "line": step.line,
                }
                for step in found.chain
            ],
        }
        for found in findings
    )
    return json.dumps(items, indent=2)


def printable(text: str) -> str:
    """Text as it can be written: names of files may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode()


def fingerprint(found: Finding) -> str:
    """What a finding is known by across commits: its contract and both modules, no line."""
    return hashlib.sha256(
        "\0".join((found.rule, *found.key[1:], found.path if not found.contract else "")).encode(
            "utf-8", "surrogatepass"
        )
    ).hexdigest()[:32]


def as_sarif(findings: Sequence[Finding], problems: Sequence[Problem]) -> str:
    """One run. What the baseline has is there too, as suppressed."""
    rules: dict[str, dict[str, object]] = {}
    for found in findings:
        rules.setdefault(
            found.rule,
            {
                "id": found.rule,
                "name": found.code,
                "shortDescription": {"text": found.name},
                "defaultConfiguration": {"level": _SARIF_LEVELS[found.severity]},
            },
        )
    if problems:
        rules[CONFIGURATION] = {"id": CONFIGURATION, "name": CONFIGURATION}
    results: list[dict[str, object]] = [_sarif_result(found) for found in findings]
    results += (
        {
            "ruleId": CONFIGURATION,
            "level": _SARIF_LEVELS[problem.severity],
            "message": {"text": problem.message},
            "locations": [_location(problem.source.path, {"startLine": problem.source.line})],
        }
        for problem in problems
    )
    driver = {
        "name": "Trueup",
        "version": __version__,
        "rules": list(rules.values()),
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2)


def _sarif_result(found: Finding) -> dict[str, object]:
    region = {
        "startLine": found.line,
        "startColumn": found.column,
        "endColumn": found.end_column,
    }
    result: dict[str, object] = {
        "ruleId": found.rule,
        "level": _SARIF_LEVELS[found.severity],
        "message": {"text": found.message},
        "locations": [_location(found.path, region)],
        "partialFingerprints": {"trueupImport/v1": fingerprint(found)},
    }
    if len(found.chain) > 1:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": f"{step.importer} imports {step.imported}"},
                **_location(step.path, {"startLine": step.line}),
            }
            for number, step in enumerate(found.chain, 1)
            if step.path
        ]
    if found.known:
        result["suppressions"] = [{"kind": "external", "justification": "in the baseline"}]
    return result


def _location(path: str, region: dict[str, int]) -> dict[str, object]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(os.fsencode(path)), "uriBaseId": "%SRCROOT%"},
            "region": region,
        }
    }


def as_github(findings: Iterable[Finding], problems: Iterable[Problem]) -> str:
    """One workflow command a line, as GitHub Actions shows beside the code."""
    lines = [
        _command(
            _GITHUB_LEVELS[problem.severity],
            {"file": problem.source.path, "line": str(problem.source.line), "title": CONFIGURATION},
            problem.message,
        )
        for problem in problems
    ]
    lines += (
        _command(
            _GITHUB_LEVELS[found.severity],
            {
                "file": found.path,
                "line": str(found.line),
                "col": str(found.column),
                "endColumn": str(found.end_column),
                "title": found.name,
            },
            found.message,
        )
        for found in findings
    )
    return printable("\n".join(lines))


def _command(level: str, properties: dict[str, str], message: str) -> str:
    def escaped(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    listed = ",".join(
        f"{key}={escaped(value).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
    )
    return f"::{level} {listed}::{escaped(message)}"


def show(
    console: Console, findings: Sequence[Finding], problems: Sequence[Problem], contracts: int
) -> None:
    """Problems first, then the findings by contract; a last line says how it stands."""
    for problem in problems:
        style = _STYLES[problem.severity]
        place = printable(f"{problem.source.path}:{problem.source.line}")
        console.print(Text.assemble((place, "bold"), " ", (printable(problem.message), style)))
    new = [item for item in findings if not item.known]
    shown = [item for item in new if item.severity is not Severity.INFORMATION]
    for (_, name), group in groupby(
        sorted(shown, key=lambda item: (item.rule, item.name, item.path, item.line)),
        key=lambda item: (item.rule, item.name),
    ):
        console.print(f"\n[bold]{escape(name)}[/]", highlight=False)
        for item in group:
            place = printable(f"  {item.path}:{item.line}:{item.column}")
            console.print(
                Text.assemble(
                    (place, "cyan"), " ", (printable(item.message), _STYLES[item.severity])
                )
            )
            for step in item.chain if len(item.chain) > 1 else ():
                line = f"      {step.importer} imports {step.imported}  {step.path}:{step.line}"
                console.print(Text(printable(line), style="dim"))
    console.print(summary(findings, problems, contracts), highlight=False)


def summary(findings: Sequence[Finding], problems: Sequence[Problem], contracts: int) -> str:
    """How it stands, in one line."""
    if not contracts and problems:
        return f"No contract is judged, {counted(len(problems), 'problem')} in the configuration."
    if not contracts:
        return "No contract and no rule is configured; `trueup init` proposes contracts."
    new = [item for item in findings if not item.known]
    telling = [item for item in new if item.severity is not Severity.INFORMATION]
    direct = {(item.rule, item.path, item.key) for item in telling}
    broken = {item.rule for item in telling}
    rules = counted(contracts, "contract or rule", "contracts and rules")
    parts = [f"{contracts - len(broken)} of {rules} kept"]
    if direct:
        parts.append(f"{counted(len(direct), 'finding')} about the rest")
    links = {item.key for item in new if item.severity is Severity.INFORMATION and item.contract}
    if links := links - {item.key for item in telling}:
        parts.append(f"{counted(len(links), 'more import')} in their chains")
    known = {item.key for item in findings if item.known}
    if known:
        parts.append(f"{len(known)} known from the baseline")
    if problems:
        parts.append(counted(len(problems), "problem") + " in the configuration")
    return ", ".join(parts) + "."


def counted(number: int, what: str, many: str = "") -> str:
    return f"{number} {what}" if number == 1 else f"{number} {many or what + 's'}"
