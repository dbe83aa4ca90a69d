"""What can be done about changed code and what the model finds wrong with it: review, fix, keep.

The fix of a defect is a goal like any other, for which its failing test must turn green; the test
is the user's to keep, with the fix or without.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lsprotocol import types

from trueup import InputError
from trueup.engine.messages import Declined
from trueup.lsp import apply, suggest
from trueup.lsp.asking import ask, progress, show
from trueup.lsp.documents import Buffer
from trueup.lsp.reviews import PROVEN
from trueup.lsp.transport import Server
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe

COMMAND: Final = "trueup.review"
KIND: Final = "source.review.trueup"
FIX, KEEP = "fix", "keep"
GOAL_SOURCE: Final = "review"
"""What a goal calls the source of a finding; "trueup" is that of contracts."""
TITLE_CHARACTERS_MAX: Final = 80
"""How long the title of an action is."""


def offered(
    server: Server, buffer: Buffer, diagnostics: list[types.Diagnostic]
) -> Iterator[types.CodeAction]:
    """The fix of each diagnostic that is shown at the cursor, and its test to keep."""
    known = {held.number: held.finding for held, _ in server.reviews.here(buffer)}
    for diagnostic in diagnostics:
        about = diagnostic.data if isinstance(diagnostic.data, dict) else {}
        number = about.get("review")
        finding = known.get(number) if isinstance(number, int) else None
        if finding is None or finding.proof is None:
            continue
        for title, what in (
            (f"Fix: {finding.message}", FIX),
            (f"Keep the failing test, as {finding.proof.test.path}", KEEP),
        ):
            argument: types.LSPAny = {"uri": buffer.uri, "what": what, "finding": number}
            short = title[:TITLE_CHARACTERS_MAX]
            yield types.CodeAction(
                title=short,
                kind="quickfix",
                diagnostics=[diagnostic],
                command=types.Command(short, COMMAND, arguments=[argument]),
            )


def whole(buffer: Buffer) -> types.CodeAction:
    """The offer to review a file."""
    title = "Review what changed in this file"
    argument: types.LSPAny = {"uri": buffer.uri}
    command = types.Command(title, COMMAND, arguments=[argument])
    return types.CodeAction(title=title, kind=KIND, command=command)


async def _review(server: Server, buffer: Buffer) -> dict[str, object]:
    """Review what changed since the last commit, because the user asked for it."""
    wanted = server.reviews.wanted(buffer, None)

    async def asked(says: str, choices: tuple[str, ...]) -> str:
        return await ask(server, says, choices)

    async with progress(server, f"Review {buffer.document.path}") as say:
        made = await server.engine.review(wanted, say, asked)
    if isinstance(made, Declined):
        show(server, made.says, types.MessageType.Warning)
        return {"outcome": "declined", "message": made.says}
    server.reviews.hold(buffer, wanted, made.findings, replacing=True)
    show(server, made.says, types.MessageType.Info)
    return {
        "outcome": "reviewed",
        "message": made.says,
        "trace": made.trace,
        "proven": sum(finding.proof is not None for finding in made.findings),
        "unproven": sum(finding.proof is None for finding in made.findings),
    }


async def _fix(server: Server, buffer: Buffer, number: int) -> dict[str, object]:
    """Have the defect fixed: verified by its test turning green, which may be kept."""
    finding, span = server.reviews.found(buffer, number)
    proof = finding.proof
    if proof is None:
        raise InputError("only a finding with a failing test can be fixed")
    message = f"{finding.message}\n{proof.detail}\nThe test that fails:\n{proof.test.text}"
    goal = Goal(
        GoalKind.FIX,
        Recipe.FIX_DIAGNOSTIC,
        buffer.document.path,
        span,
        symbol=finding.symbol,
        diagnostic=Diagnostic(buffer.document.path, span, message, GOAL_SOURCE, PROVEN),
        red=proof.names,
    )
    return await suggest.run_goal(server, buffer, goal, (proof.test,))


async def _keep(server: Server, buffer: Buffer, number: int) -> dict[str, object]:
    """Write the failing test to the project."""
    finding, _ = server.reviews.found(buffer, number)
    if finding.proof is None:
        raise InputError("that finding has no test")

    async def send(edit: types.WorkspaceEdit) -> types.ApplyWorkspaceEditResult:
        return await server.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(edit, label="Keep the failing test")
        )

    test = finding.proof.test
    await apply.create(buffer.root, (test,), send if server.client.creates else None)
    return {"outcome": "kept", "path": test.path}


async def run(server: Server, buffer: Buffer, request: dict[str, object]) -> dict[str, object]:
    """Review a buffer, or do what a finding offers. Raises TrueupError with the reason."""
    number = request.get("finding")
    match request.get("what"):
        case None:
            return await _review(server, buffer)
        case "fix" if isinstance(number, int):
            return await _fix(server, buffer, number)
        case "keep" if isinstance(number, int):
            return await _keep(server, buffer, number)
        case other:
            raise InputError(f"{COMMAND} cannot {other}")
