"""The user keeps typing, cancels, or the engine dies: nothing wrong is applied, nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.messages_server import MessagesServer, Reply, Request, edits_reply
from support.sessions import (
    SOURCE,
    Editing,
    action,
    environment_of,
    evidence,
    inside,
    pick,
    processes_with,
    where,
)
from support.tiny_projects import Project
from trueup.editor import Editor
from trueup.lsp.suggest import APPLY
from trueup.snapshot import Span

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
GONE_SECONDS = 1.0


class Held:
    """A model that answers when it is told to, so that a test can type in the meantime."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def __call__(self, _: Request) -> Reply:
        self.asked.set()
        self.go.wait(30)
        return self.answering()

    @staticmethod
    def answering() -> Reply:
        return edits_reply("Use sum", [{"path": SOURCE, "symbol": "total", "after": RIGHT}])

    async def while_asked(self) -> None:
        await asyncio.to_thread(self.asked.wait, 30)


async def test_typing_elsewhere_rebases_and_judges_again_without_the_model(
    shop: Project, editing: Editing
) -> None:
    held = Held()
    with MessagesServer(held) as model:
        async with editing(shop, APPLY, model=model.url) as editor:
            span = inside(editor, SOURCE, "total")
            picked = asyncio.create_task(pick(editor, SOURCE, span, "Simplify"))
            await held.while_asked()
            editor.type(SOURCE, Span(0, 0), "# typed above\n")
            editor.type(SOURCE, where(editor, SOURCE, "name.strip()"), "name.strip( )")
            held.go.set()
            result = await picked
    assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]
    text = editor.text(SOURCE)
    assert text.startswith("# typed above\n")
    assert RIGHT in text
    assert "name.strip( )" in text
    assert len(model.requests) == 1


async def test_typing_in_the_same_function_makes_it_stale(shop: Project, editing: Editing) -> None:
    held = Held()
    with MessagesServer(held) as model:
        async with editing(shop, APPLY, model=model.url) as editor:
            span = inside(editor, SOURCE, "total")
            picked = asyncio.create_task(pick(editor, SOURCE, span, "Simplify"))
            await held.while_asked()
            editor.type(SOURCE, where(editor, SOURCE, "result = 0"), "result = 0.0")
            held.go.set()
            result = await picked
    assert (result["outcome"], result["applied"]) == ("declined", False)
    assert result["message"] == f"you changed what the suggestion was about in {SOURCE}"
    assert "result = 0.0" in editor.text(SOURCE)


async def test_an_action_offered_for_an_older_text_is_refused(
    shop: Project, editing: Editing
) -> None:
    async with editing(shop) as editor:
        found = await action(editor, SOURCE, inside(editor, SOURCE, "total"), "Apply Ruff's safe")
        editor.type(SOURCE, Span(0, 0), "# typed\n")
        with pytest.raises(JsonRpcException, match="pick it again"):
            await editor.run(found)


HANGING = """
import subprocess
import sys

from shop.total import total


def test_hangs():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)", "{marker}"])
    assert total([]) == 0
"""


async def _until(condition: Callable[[], bool], seconds: float = 30) -> float:
    """Seconds until something outside of this process is so."""
    began = time.monotonic()
    while not condition() and time.monotonic() - began < seconds:
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
def hanging(shop: Project) -> str:
    """A project with a test that never ends; the marker of the process it waits for."""
    marker = f"hanging-{uuid.uuid4()}"
    shop.put("tests/test_hang.py", HANGING.format(marker=marker))
    return marker


async def _start(editor: Editor, identity: str) -> asyncio.Future[object]:
    """Pick an action under a request id that can be cancelled, and do not wait."""
    found = await action(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    command = found.command
    assert command is not None
    parameters = types.ExecuteCommandParams(command.command, command.arguments)
    sent: asyncio.Future[object] = editor.client.protocol.send_request_async(
        types.WORKSPACE_EXECUTE_COMMAND, parameters, identity
    )
    return sent


async def test_cancelling_the_request_ends_every_test_process(
    shop: Project, editing: Editing, hanging: str
) -> None:
    with MessagesServer(Held.answering()) as model:
        async with editing(shop, model=model.url) as editor:
            answer = await _start(editor, "job-1")
            await _until(lambda: bool(processes_with(hanging)))
            editor.client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams("job-1"))
            with pytest.raises(JsonRpcException, match="cancel"):
                await answer
            assert await _until(lambda: not processes_with(hanging), 10) < GONE_SECONDS
            assert editor.text(SOURCE) == editor.open(SOURCE).text


async def test_the_cancel_button_of_the_progress_does_the_same(
    shop: Project, editing: Editing, hanging: str
) -> None:
    with MessagesServer(Held.answering()) as model:
        async with editing(shop, model=model.url) as editor:
            answer = await _start(editor, "job-2")
            await _until(lambda: bool(processes_with(hanging)))
            editor.client.window_work_done_progress_cancel(
                types.WorkDoneProgressCancelParams(editor.tokens[-1])
            )
            with pytest.raises(JsonRpcException, match="cancel"):
                await answer
            assert await _until(lambda: not processes_with(hanging), 10) < GONE_SECONDS
            assert isinstance(editor.progress[-1], types.WorkDoneProgressEnd | dict)


async def test_a_test_that_hangs_is_killed_and_proves_nothing(
    shop: Project, editing: Editing, hanging: str
) -> None:
    shop.put("pyproject.toml", "[tool.trueup.limits]\ntest_run_seconds = 3\n")
    with MessagesServer(Held.answering()) as model:
        async with editing(shop, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert not processes_with(hanging)
    assert (result["outcome"], result["applied"]) == ("unproven", False)
    outcome, detail = evidence(result)["tests"]
    assert outcome == "unknown"
    assert "tests/test_hang.py::test_hangs" in detail


async def test_the_engine_may_die_and_the_next_job_finds_a_new_one(
    shop: Project, editing: Editing
) -> None:
    held = Held()
    with MessagesServer(held, Held.answering()) as model:
        async with editing(shop, APPLY, model=model.url) as editor:
            span = inside(editor, SOURCE, "total")
            picked = asyncio.create_task(pick(editor, SOURCE, span, "Simplify"))
            await held.while_asked()
            for process in processes_with("trueup.engine.worker"):
                if str(shop.root.parent) in environment_of(process):
                    os.kill(process, signal.SIGKILL)
            with pytest.raises(JsonRpcException, match="stopped unexpectedly; nothing was changed"):
                await picked
            held.go.set()
            result = await pick(editor, SOURCE, span, "Simplify")
    assert (result["outcome"], result["applied"]) == ("verified", True), result["message"]


async def test_the_end_of_the_session_is_the_end_of_everything(
    shop: Project, editing: Editing
) -> None:
    with MessagesServer(Held.answering()) as model:
        async with editing(shop, APPLY, model=model.url) as editor:
            await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert processes_with(str(shop.root))
            server = editor.process
    assert server.returncode == 0
    assert await _until(lambda: not processes_with(str(shop.root)), 10) < 2 * GONE_SECONDS


async def test_nothing_survives_an_editor_that_is_killed(
    shop: Project, environment: dict[str, str]
) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from trueup.editor import Editor\n"
        "async def main():\n"
        "    editor = Editor(pathlib.Path(sys.argv[1]), answers=frozenset())\n"
        "    await editor.start({}, dict(__import__('os').environ))\n"
        "    print(editor.process.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    editor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(shop.root),
        env=environment, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert editor.stdout is not None
    server = int(await editor.stdout.readline())
    editor.kill()
    await editor.wait()
    assert await _until(lambda: not Path("/proc", str(server)).exists(), 20) < 5
