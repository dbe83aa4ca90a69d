"""A session from its beginning to its end, and the ends that nobody asked for."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.raw_client import SERVE, RawClient
from trueup.lsp import parent
from trueup.lsp.convert import uri_of
from trueup.operations.starts import CRASHES_MAX, WINDOW_SECONDS, Starts, safe_because

HOVER = {"textDocument": {"uri": "file:///x.py"}, "position": {"line": 0, "character": 0}}
END_SECONDS = 2.0
GONE_SECONDS = 5.0


def code(answer: dict[str, object]) -> object:
    error = answer.get("error")
    return error["code"] if isinstance(error, dict) else None


def test_before_initialize_there_are_only_refusals() -> None:
    with RawClient(SERVE) as client:
        assert code(client.ask("textDocument/hover", HOVER)) == -32002
        assert code(client.ask("workspace/executeCommand", {"command": "trueup.run"})) == -32002
        assert code(client.ask("shutdown")) == -32002
        client.tell("textDocument/didOpen", {"textDocument": {}})
        client.frame(b"[]")
        assert code(client.answer(None)) == -32600
        assert code(client.ask("initialize", {"processId": None})) == -32602
        assert code(client.ask("initialize", None)) == -32602
        assert "result" in client.initialize()


def test_after_shutdown_there_is_only_exit() -> None:
    with RawClient() as client:
        client.initialize()
        client.send(id="slow", method="probe/slow", params={"s": 60})
        assert client.ask("shutdown")["result"] is None
        assert code(client.answer("slow")) == -32800
        assert code(client.ask("textDocument/hover", HOVER)) == -32600
        assert code(client.ask("shutdown")) == -32600
        client.tell("textDocument/didOpen", {"textDocument": {}})
        client.tell("exit", None)
        assert client.process.wait(END_SECONDS) == 0
        assert client.rest() == []


@pytest.mark.parametrize("said", ["exit", "nothing"])
def test_an_end_before_the_beginning(said: str) -> None:
    with RawClient(SERVE) as client:
        if said == "exit":
            client.tell("exit", None)
        else:
            client.close_input()
        assert client.process.wait(END_SECONDS) == 1


def test_shutdown_and_exit_in_one_breath_are_answered() -> None:
    with RawClient(SERVE) as client:
        client.initialize()
        client.send(id=1, method="shutdown")
        client.tell("exit", None)
        client.close_input()
        assert client.answer(1)["result"] is None
        assert client.process.wait(END_SECONDS) == 0


HANGING: dict[str, Callable[[RawClient], object]] = {
    "a-thread-that-hangs": lambda client: client.send(
        id=1, method="probe/thread", params={"s": 60}
    ),
    "a-loop-that-is-blocked": lambda client: client.send(
        id=1, method="probe/block", params={"s": 60}
    ),
    "a-client-that-does-not-read": lambda client: client.send(
        id=1, method="probe/big", params={"n": 5_000_000}
    ),
}


@pytest.mark.parametrize("what", HANGING)
def test_nothing_keeps_a_session_that_is_over(what: str) -> None:
    with RawClient() as client:
        client.initialize()
        client.ping()
        HANGING[what](client)
        client.close_input()
        started = time.monotonic()
        assert client.process.wait(10) == 1
        assert time.monotonic() - started < END_SECONDS + 1


@pytest.fixture
def editor() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("kernel", ["says", "does-not-say"])
async def test_the_end_of_a_process_is_noticed(
    editor: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    if kernel == "does-not-say":
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.setattr(parent, "PARENT_SECONDS", 0.05)
    gone = asyncio.Event()
    parent.watch(editor.pid, gone.set)
    await asyncio.sleep(0)
    assert not gone.is_set()
    editor.kill()
    editor.wait()
    await asyncio.wait_for(gone.wait(), GONE_SECONDS)
    already = asyncio.Event()
    parent.watch(editor.pid, already.set)
    await asyncio.wait_for(already.wait(), GONE_SECONDS)


@pytest.mark.parametrize("process", [None, 0, -1, True, 1 << 40, "1", 1.5])
async def test_what_is_no_process_is_not_watched(process: object) -> None:
    gone = asyncio.Event()
    parent.watch(process, gone.set)
    await asyncio.sleep(0)
    assert not gone.is_set()


def test_what_can_be_understood_of_a_client_counts() -> None:
    odd = {
        "general": {"positionEncodings": ["utf-8"]},
        "workspace": {"applyEdit": "perhaps"},
        "textDocument": [1, 2],
    }
    with RawClient() as client:
        answer = client.initialize(capabilities=odd, processId=-1, clientInfo=7)
        assert answer["result"]["capabilities"]["positionEncoding"] == "utf-8"
        document = {"uri": "file:///nowhere/a.py", "languageId": "python"}
        opened = {**document, "version": 1, "text": "é = 1\n"}
        client.tell("textDocument/didOpen", {"textDocument": opened})
        place = {"line": 0, "character": 2}
        change = {"range": {"start": place, "end": place}, "text": "x"}
        edited = {"uri": document["uri"], "version": 2}
        client.tell("textDocument/didChange", {"textDocument": edited, "contentChanges": [change]})
        held = client.ask("probe/text", {"uri": document["uri"]})["result"]
        assert held == {"text": "éx = 1\n", "version": 2}


def test_only_the_client_answers_the_server() -> None:
    with RawClient() as client:
        client.initialize()
        client.send(id=1, method="probe/ask", params={"v": 1})
        question = client.message(time.monotonic() + 10)
        while "id" not in question:
            question = client.message(time.monotonic() + 10)
        client.send(id=1, result="forged")
        client.send(id=f"{question['id']}0", result="forged")
        client.send(id=question["id"], result="real")
        client.send(id=question["id"], result="late")
        assert client.answer(1)["result"] == "real"
        client.ping()


def test_two_crashes_make_a_start_a_safe_one(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("import os\n")
    starts = Starts(str(root))
    with subprocess.Popen([sys.executable, "-c", ""]) as crashed:
        crashed.wait()
    starts._write([(crashed.pid, time.time() - 60), (crashed.pid, time.time() - 9)])
    folder = [{"uri": uri_of(root), "name": "project"}]
    with RawClient(SERVE) as client:
        client.initialize(workspaceFolders=folder)
        until = time.monotonic() + 10
        told = client.message(until)
        assert told["params"]["message"] == f"{safe_because(2)}."
        document = {"uri": uri_of(root / "a.py")}
        opened = {**document, "languageId": "python", "version": 1, "text": "import os\n"}
        client.tell("textDocument/didOpen", {"textDocument": opened})
        wanted = {"uri": document["uri"], "version": 1, "goal": {}}
        for name in ("run", "verify", "review", "showPrompt"):
            refused = client.ask(
                "workspace/executeCommand", {"command": f"trueup.{name}", "arguments": [wanted]}
            )
            assert refused["error"]["message"] == safe_because(2)
        assert client.ask("shutdown")["result"] is None
        client.tell("exit", None)
        assert client.process.wait(END_SECONDS) == 0
    # A session that was ended is no crash.
    assert starts.crashes() == 2


def test_what_counts_as_a_crash(tmp_path: Path) -> None:
    starts = Starts(str(tmp_path), tmp_path / "starts")
    with subprocess.Popen([sys.executable, "-c", ""]) as crashed:
        crashed.wait()
    now = time.time()
    old, ahead = now - WINDOW_SECONDS - 1, now + 3600
    starts._write([(crashed.pid, old), (crashed.pid, ahead), (os.getpid(), now - 1)])
    # One was long ago, one is of a clock that was set back, and one goes on.
    assert starts.begin() == 0
    starts._write([(crashed.pid, now - 2), (crashed.pid, now - 1)])
    assert starts.begin() == 2 > CRASHES_MAX
    starts.end()
    assert starts.crashes() == 2
    starts._file.write_text(json.dumps({"not": "a list"}))
    assert starts.begin() == 0
    assert not safe_because(CRASHES_MAX)
