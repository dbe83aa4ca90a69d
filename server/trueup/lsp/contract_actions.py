"""What can be done about a broken contract beside fixing it: accept it, or look at the contract.

These write the project's own configuration, because the user said so; no candidate and no model is
involved, and the contracts are read again at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lsprotocol import types

from trueup import InputError
from trueup.architecture import baseline
from trueup.architecture.checker import Architecture
from trueup.architecture.findings import Finding
from trueup.architecture.ignoring import ignored
from trueup.files import write_atomically
from trueup.lsp.asking import ask_for_line
from trueup.lsp.convert import uri_of
from trueup.lsp.documents import Buffer
from trueup.lsp.shown import SOURCE
from trueup.lsp.transport import Server

COMMAND: Final = "trueup.contract"
BASELINE, IGNORE, OPEN = "baseline", "ignore", "open"
UNEXPLAINED: Final = "accepted in the editor"


def offered(
    server: Server, buffer: Buffer, diagnostics: list[types.Diagnostic]
) -> list[types.CodeAction]:
    """Actions for those of our own diagnostics that are shown at the cursor."""
    found = []
    for diagnostic in diagnostics:
        about = diagnostic.data if isinstance(diagnostic.data, dict) else {}
        contract, imported = about.get("contract"), about.get("imported")
        if diagnostic.source != SOURCE or not isinstance(contract, str) or not contract:
            continue
        finding = server.contracts.finding(buffer, contract, str(imported))
        if finding is None:
            continue
        where = finding.source.path
        for title, what in (
            (f"Accept this import for now, in {baseline.NAME}", BASELINE),
            (f"Ignore this import in {where}, with a reason", IGNORE),
            (f"Open the contract “{finding.name}” in {where}", OPEN),
        ):
            argument: types.LSPAny = {
                "uri": buffer.uri,
                "what": what,
                "contract": contract,
                "imported": finding.imported,
            }
            found.append(
                types.CodeAction(
                    title=title,
                    kind="quickfix",
                    diagnostics=[diagnostic],
                    command=types.Command(title, COMMAND, arguments=[argument]),
                )
            )
    return found


async def run(server: Server, buffer: Buffer, request: dict[str, object]) -> dict[str, object]:
    """Do one of them. Raises InputError with the reason where it cannot be done."""
    finding = server.contracts.finding(
        buffer, str(request.get("contract")), str(request.get("imported"))
    )
    architecture = server.contracts.architecture(buffer.root)
    if finding is None or architecture is None:
        raise InputError("this import does not break that contract any more")
    root = Path(buffer.root)
    match request.get("what"):
        case "open":
            await _open(server, root, finding)
            return {"outcome": "opened"}
        case "baseline":
            baseline.write(root, {*baseline.read(root).lines, finding.key})
        case "ignore":
            reason = UNEXPLAINED
            if server.can_ask:
                prompt = f"Why may {finding.importer} import {finding.imported}?"
                reason = await ask_for_line(server, prompt, "")
                if not reason:
                    return {"outcome": "cancelled"}
            _ignore(root, finding, reason)
        case other:
            raise InputError(f"{COMMAND} cannot {other}")
    server.contracts.reread(buffer.root)
    return {"outcome": "accepted"}


def _ignore(root: Path, finding: Finding, reason: str) -> None:
    file = root / finding.source.path
    entry = f"{finding.importer} -> {finding.imported}"
    try:
        old = file.read_bytes()
        made = ignored(old.decode(), finding.source.path, finding.source.line, entry, reason)
        if made is None:
            raise InputError(f"the contract was not found in {finding.source.path}")
        write_atomically(file, made.encode(), mode=file.stat().st_mode & 0o777)
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{finding.source.path} cannot be changed") from None
    again = Architecture(root)
    if finding.key in again.broken() or again.unjudged:
        write_atomically(file, old, mode=file.stat().st_mode & 0o777)
        raise InputError(f"{finding.source.path} has no place where this could be said")


async def _open(server: Server, root: Path, finding: Finding) -> None:
    place = types.Position(max(0, finding.source.line - 1), 0)
    await server.window_show_document_async(
        types.ShowDocumentParams(
            uri_of(root / finding.source.path),
            take_focus=True,
            selection=types.Range(place, place),
        )
    )
