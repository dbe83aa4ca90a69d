"""What the front promises: it is light, it answers at once and the same, it ends as it should."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.sessions import SOURCE, Editing, inside, ruff_diagnostic, where
from support.tiny_projects import Project
from trueup import boot
from trueup.snapshot import Span

HEAVY = {"anthropic", "libcst", "rope", "httpx2", "pydantic"}

WRITES_MODULES = """
import signal, sys
def write(*_):
    with open({path!r} + ".part", "w") as file:
        file.write("\\n".join(sys.modules))
    import os
    os.rename({path!r} + ".part", {path!r})
signal.signal(signal.SIGUSR1, write)
"""


async def test_the_front_never_imports_what_the_engine_needs(
    shop: Project, editing: Editing, tmp_path: Path
) -> None:
    modules = tmp_path / "modules"
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(WRITES_MODULES.format(path=str(modules)))
    shop.put(SOURCE, "import os\n" + (shop.root / SOURCE).read_text())
    diagnostic = await ruff_diagnostic(shop.root, SOURCE, "F401")
    async with editing(shop, extra={"PYTHONPATH": str(hook)}) as editor:
        await editor.pick_fix(diagnostic)
        os.kill(editor.process.pid, signal.SIGUSR1)
        while not modules.exists():
            await asyncio.sleep(0.02)
    loaded = modules.read_text().splitlines()
    assert "trueup.lsp.server" in loaded
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    assert not {"trueup.engine.worker", "trueup.engine.job"} & set(loaded)


def talk(command: list[str], *messages: dict[str, object]) -> tuple[list[dict[str, Any]], int]:
    """What a server answers to raw messages, and its exit code."""
    raw = b""
    for message in messages:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        raw += b"Content-Length: %d\r\n\r\n" % len(body) + body
    done = subprocess.run(command, input=raw, capture_output=True, timeout=30, check=False)
    answers, rest = [], done.stdout
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        answers.append(json.loads(rest[:length]))
        rest = rest[length:]
    return answers, done.returncode


SERVE = [sys.executable, "-m", "trueup", "serve"]
PLAIN_SCRIPT = """
from trueup.lsp.admission import Lifecycle
from trueup.lsp.framing import Frames
from trueup.lsp.server import server
from trueup.lsp.session import serve
serve(server, Frames(0), 1, Lifecycle(), None)
"""
PLAIN = [sys.executable, "-c", PLAIN_SCRIPT]
END: tuple[dict[str, object], ...] = ({"id": 9, "method": "shutdown"}, {"method": "exit"})


def initialize(*encodings: str, prepares: bool = False) -> dict[str, object]:
    text: dict[str, object] = {"rename": {"prepareSupport": prepares}}
    if prepares:
        text["inlineCompletion"] = {}
    client: dict[str, object] = {"textDocument": text}
    if encodings:
        client["general"] = {"positionEncodings": list(encodings)}
    parameters = {"processId": os.getpid(), "rootUri": None, "capabilities": client}
    return {"id": 1, "method": "initialize", "params": parameters}


@pytest.mark.parametrize(
    ("encodings", "chosen", "prepares"),
    [
        ((), "utf-16", False),
        (("utf-8", "utf-16"), "utf-8", True),
        (("utf-32", "utf-8"), "utf-32", False),
        (("utf-7", "utf-16"), "utf-16", True),
    ],
)
def test_the_early_answer_is_the_servers_own(
    encodings: tuple[str, ...], chosen: str, prepares: bool
) -> None:
    first = initialize(*encodings, prepares=prepares)
    early, code = talk(SERVE, first, {"method": "initialized", "params": {}}, *END)
    late, _ = talk(PLAIN, first, {"method": "initialized", "params": {}}, *END)
    assert code == 0
    assert [answer.get("id") for answer in early] == [1, 9]
    assert early[0]["result"] == late[0]["result"]
    expected = boot.capabilities(chosen, prepares_rename=prepares, completes_inline=prepares)
    assert early[0]["result"]["capabilities"] == expected


def test_an_end_without_shutdown_is_an_error() -> None:
    _, code = talk(SERVE, initialize(), {"method": "initialized", "params": {}}, {"method": "exit"})
    assert code == 1


def test_a_client_that_says_nothing_gets_nothing() -> None:
    assert talk(SERVE) == ([], 1)


async def test_what_is_offered_where(shop: Project, editing: Editing) -> None:
    async with editing(shop) as editor:
        cursor = await editor.actions(SOURCE, inside(editor, SOURCE, "unused"))
        selection = await editor.actions(SOURCE, where(editor, SOURCE, "result - discount"))
        outside = await editor.actions(SOURCE, Span(0, 0))
    assert [item.title for item in cursor] == [
        "Simplify unused",
        "Add type hints to unused",
        "Move unused to another module…",
        "Inline unused",
        "Apply Ruff's safe fixes to this file",
        "Apply Ruff's fixes, unsafe ones too, to this file",
        "Review what changed in this file",
    ]
    assert {str(getattr(item.kind, "value", item.kind)) for item in selection} >= {
        "refactor.extract",
        "refactor.rewrite",
    }
    assert [item.title for item in outside] == [
        "Apply Ruff's safe fixes to this file",
        "Apply Ruff's fixes, unsafe ones too, to this file",
        "Review what changed in this file",
    ]
    assert all(item.command is not None and item.edit is None for item in cursor)
