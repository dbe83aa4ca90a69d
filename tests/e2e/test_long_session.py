"""A day at work in a few minutes: nothing grows, and nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import statistics
import time
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.sessions import SOURCE, TOTAL, Editing, processes_with, ruff_diagnostic, where
from support.tiny_projects import Project
from trueup.editor import Editor
from trueup.lsp.convert import uri_of
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic

MEMORY_GROWTH_MAX = 1.10
HANDLES_GROWTH_MAX = 4
UNUSED = "import os\n"


def usage(editor: Editor) -> tuple[int, int]:
    """Bytes that the server and the engine hold for themselves, and the files they have open."""
    own = [editor.process.pid, *children(editor.process.pid)]
    memory = handles = 0
    for process in own:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            line = next(line for line in text.splitlines() if line.startswith("Pss:"))
            memory += int(line.split()[1]) * 1024
            handles += len(list(Path(f"/proc/{process}/fd").iterdir()))
    return memory, handles


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(child) for child in text.split()]


async def one_round(editor: Editor, project: Project, number: int, unused: Diagnostic) -> None:
    """Open, type, save, fix, undo, cancel, and switch the branch."""
    editor.open(SOURCE)
    editor.type(SOURCE, Span(0, 0), f"# {number}\n")
    editor.type(SOURCE, where(editor, SOURCE, f"# {number}\n"), "")
    editor.save(SOURCE)
    await editor.actions(SOURCE, where(editor, SOURCE, "result - discount"))
    suggestion, applied = await editor.pick_fix(unused)
    assert applied, suggestion.verdict.outcome
    await editor.client.workspace_execute_command_async(types.ExecuteCommandParams("trueup.undo"))
    assert editor.text(SOURCE) == UNUSED + (TOTAL.lstrip("\n"))
    (action, *_) = await editor.actions(SOURCE, unused.span, (unused,))
    assert action.command is not None
    command = types.ExecuteCommandParams(action.command.command, action.command.arguments)
    picked = asyncio.ensure_future(
        editor.client.protocol.send_request_async(
            types.WORKSPACE_EXECUTE_COMMAND, command, f"round-{number}"
        )
    )
    await editor.actions(SOURCE, Span(0, 0))
    editor.client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams(f"round-{number}"))
    with contextlib.suppress(JsonRpcException):
        await picked
        await editor.client.workspace_execute_command_async(
            types.ExecuteCommandParams("trueup.undo")
        )
    # A branch: files come and go, and others have another text.
    other = project.root / "shop" / "other.py"
    if number % 2:
        other.unlink(missing_ok=True)
        editor.watched(("shop/other.py", types.FileChangeType.Deleted))
    else:
        other.write_text(f"OTHER = {number}\n")
        editor.watched(("shop/other.py", types.FileChangeType.Created))
    uri = uri_of(project.root / SOURCE)
    item = types.TextDocumentIdentifier(uri)
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(item))
    del editor.buffers[uri]
    (project.root / SOURCE).write_text(UNUSED + TOTAL.lstrip("\n"))


@pytest.mark.parametrize(
    "seconds", [pytest.param(200, id="minutes"), pytest.param(600, id="many-minutes")]
)
async def test_a_long_session(
    shop: Project, editing: Editing, tmp_path: Path, seconds: float
) -> None:
    shop.put(SOURCE, UNUSED + TOTAL.lstrip("\n"))
    unused = await ruff_diagnostic(shop.root, SOURCE, "F401")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    used: list[tuple[int, int]] = []
    async with editing(shop, extra={"TMPDIR": str(temporary)}) as editor:
        until = time.monotonic() + seconds
        for number in itertools.count():
            await one_round(editor, shop, number, unused)
            used.append(usage(editor))
            editor.progress.clear()
            editor.said.clear()
            editor.logged.clear()
            if time.monotonic() > until:
                break
    warm = used[len(used) // 4 :]
    size = max(3, len(warm) // 5)
    first = statistics.median(memory for memory, _ in warm[:size])
    last = statistics.median(memory for memory, _ in warm[-size:])
    print(  # noqa: T201 - what a soak is run for
        f"{len(used)} rounds: {first / 1e6:.1f} MB after warm-up, {last / 1e6:.1f} MB at the end"
    )
    assert len(used) >= 8
    assert last <= first * MEMORY_GROWTH_MAX
    opened = [handles for _, handles in warm]
    # The most of each: while the engine starts again after a cancellation there are fewer.
    assert max(opened[-size:]) <= max(opened[:size]) + HANDLES_GROWTH_MAX
    assert processes_with(str(shop.root)) == []
    assert list(temporary.iterdir()) == []
    assert [path for path in shop.root.rglob(".trueup-*") if path.is_file()] == []
    assert os.listdir(tmp_path / "STATE" / "trueup" / "changes")  # noqa: PTH208 - that it is used
