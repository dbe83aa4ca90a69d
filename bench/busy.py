"""A server with as much to do as one likes: a project of small modules, and a job for each.

Each module has an import that nobody uses and a test that takes its time; a job is the fix of that
import, picked as an editor picks it. What servers ask is answered as a user would who wants it all.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from common import SERVERS, Json, Wire, area, initialize_params, position

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup.trust import Answer

MODULE: Final = "import os\n\n\ndef one():\n    return {number}\n"
TEST: Final = """import time

from shop.m{number} import one


def test_one():
    time.sleep({seconds})
    assert one() == {number}
"""


class Busy(Wire):
    """A server on a project of `modules` modules whose tests take `seconds` each."""

    def __init__(
        self, folder: Path, interpreter: Path, modules: int, seconds: float, editor: int
    ) -> None:
        self.folder, self.modules = folder, modules
        (folder / "shop").mkdir()
        (folder / "tests").mkdir()
        (folder / "conftest.py").write_text("")
        (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
        (folder / "shop/__init__.py").write_text("")
        for number in range(modules):
            (folder / f"shop/m{number}.py").write_text(MODULE.format(number=number))
            test = TEST.format(number=number, seconds=seconds)
            (folder / f"tests/test_m{number}.py").write_text(test)
        super().__init__(SERVERS["trueup"], folder)
        params = {**initialize_params(folder), "processId": editor}
        settings = {"interpreter": str(interpreter)}
        self.ask("initialize", {**params, "initializationOptions": {"settings": settings}})
        self.tell("initialized", {})
        self.done: dict[object, Json] = {}
        """The answers to jobs."""

    def uri(self, number: int) -> str:
        return (self.folder / f"shop/m{number}.py").as_uri()

    def start(self, number: int) -> int:
        """Pick the fix of a module; the id of the request."""
        self.open(self.uri(number), MODULE.format(number=number))
        place = area(position(0, 7), position(0, 9))
        unused = {
            "range": place,
            "message": "`os` imported but unused",
            "source": "Ruff",
            "code": "F401",
        }
        params = {
            "textDocument": {"uri": self.uri(number)},
            "range": place,
            "context": {"diagnostics": [unused], "triggerKind": 1},
        }
        actions = self.ask("textDocument/codeAction", params)
        fix = next(
            item
            for item in (actions if isinstance(actions, list) else [])
            if item["kind"] == "quickfix" and item["command"]["command"] == "trueup.run"
        )
        self._last += 1
        command = {key: fix["command"][key] for key in ("command", "arguments")}
        self.send(
            {
                "jsonrpc": "2.0",
                "id": self._last,
                "method": "workspace/executeCommand",
                "params": command,
            }
        )
        return self._last

    def hear(self, until: float) -> bool:
        """Take one message, and answer it where it asks; whether one came in time."""
        try:
            message = self._message(until)
        except TimeoutError:
            return False
        if "method" not in message:
            self.done[message.get("id")] = message
        elif "id" in message:
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": _answer(message)})
        return True

    def ping(self) -> float:
        """How long a request takes that costs nothing, in seconds."""
        self._last += 1
        nothing = {"textDocument": {"uri": (self.folder / "none.py").as_uri()}}
        ping = {"jsonrpc": "2.0", "id": self._last, "method": "textDocument/codeLens"}
        started = time.perf_counter()
        self.send({**ping, "params": nothing})
        while self._last not in self.done:
            if not self.hear(started + 60):
                raise TimeoutError("the server did not answer a ping")
        return time.perf_counter() - started


def _answer(message: Json) -> object:
    params = message.get("params")
    if message["method"] == "window/showMessageRequest" and isinstance(params, dict):
        titles = [item["title"] for item in params["actions"]]
        return {"title": Answer.ALWAYS.value} if Answer.ALWAYS.value in titles else None
    if message["method"] == "workspace/applyEdit":
        return {"applied": False}
    return None


@contextmanager
def busy(modules: int, seconds: float, editor: int = 0) -> Iterator[Busy]:
    """Such a server, with folders of its own for what it remembers, and an editor that is this
    process where no other is named.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as made:
        for kind in ("STATE", "CACHE", "CONFIG"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(made, kind))
        interpreter = make_environment(Path(made, "venv"), PYTEST_AND_ITS_NEEDS)
        folder = Path(made, "project")
        folder.mkdir()
        with Busy(folder, interpreter, modules, seconds, editor or os.getpid()) as server:
            yield server
