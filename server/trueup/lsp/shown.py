"""Findings and problems as the protocol's diagnostics."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lsprotocol import types

from trueup.architecture.contracts import Problem, Severity
from trueup.architecture.findings import Finding
from trueup.guards.plain import plain
from trueup.lsp.convert import Codec, uri_of
from trueup.snapshot import Document

SOURCE: Final = "trueup"
_LEVELS: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFORMATION: types.DiagnosticSeverity.Information,
}


def of_finding(
    root: Path, codec: Codec, document: Document, found: Finding, *, relates: bool
) -> types.Diagnostic:
    """At the imported name; the chain as related information, or in words where the client shows
    none; the contract or decision as link.
    """
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uri_of(root / step.path), _line(step.line)),
            f"{step.importer} imports {step.imported}",
        )
        for step in found.chain
        if step.path
    ]
    told = [item.message for item in related] if not relates and len(related) > 1 else []
    link = f"{uri_of(root / found.source.path)}#L{found.source.line}"
    return types.Diagnostic(
        range=codec.range(document, found.span),
        message=plain("\n".join((found.message, *told))),
        severity=_LEVELS[found.severity],
        code=found.rule,
        code_description=types.CodeDescription(link),
        source=SOURCE,
        related_information=(related or None) if relates else None,
        data={
            "contract": found.contract,
            "decision": found.decision,
            "importer": found.importer,
            "imported": found.imported,
        },
    )


def of_problem(problem: Problem) -> types.Diagnostic:
    """On the whole line of a configuration file, whose text is not ours to know."""
    line = _line(problem.source.line)
    return types.Diagnostic(
        types.Range(line.start, types.Position(line.start.line, 1000)),
        plain(problem.message),
        severity=_LEVELS[problem.severity],
        code=problem.contract or "configuration",
        source=SOURCE,
    )


def _line(line: int) -> types.Range:
    start = types.Position(max(0, line - 1), 0)
    return types.Range(start, start)
