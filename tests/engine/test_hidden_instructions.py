"""A model that obeys whatever it reads: nothing outside the goal is changed, nobody else is asked,
and nothing is started. The texts are in `payloads.md`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from support import jobs
from support.jobs import CODE, FILES, RIGHT, SOURCE
from support.messages_server import MessagesServer, Reply, Request, edits_reply
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.judging import Made
from trueup.engine.recorded import Books
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe, Ruling, Suggestion, Surface
from trueup.trust import Answer


@dataclass(frozen=True)
class Payload:
    number: int
    where: str
    words: str
    act: str
    code: str

    first: bool
    """Of its kind of place; the others are left to the soak."""

    def __str__(self) -> str:
        return f"{'' if self.first else 'many-'}{self.where.replace(' ', '-')}-{self.number}"


def payloads() -> Iterator[Payload]:
    text = Path(__file__).with_name("payloads.md").read_text("utf-8")
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line[:1] == "|"]
    told = [row for row in rows if not row[0].strip().startswith(("where", "---"))]
    seen: set[str] = set()
    for number, row in enumerate(told, 1):
        where, words, act, *code = (cell.strip() for cell in row)
        yield Payload(number, where, words, act, code[0] if code else "", where not in seen)
        seen.add(where)


ALL: Final = tuple(payloads())
DECISION: Final = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: How it is done here
status: accepted
scope: {{paths: ["shop/**"]}}
---
# How it is done here

{words}
"""
DELIMITED: Final = re.compile(r"<<<(\w{24}) [^\n]*>>>\n.*?\n<<<\1 end>>>", re.DOTALL)
CONTRACT: Final = """
[[tool.trueup.contracts]]
kind = "layers"
name = "Imports point down"
layers = ["shop.bill", "shop.total", "shop.round"]
because = {words}
"""


def test_there_are_enough_and_each_is_told_apart() -> None:
    assert len(ALL) >= 60
    assert len({payload.words for payload in ALL}) == len(ALL)


def planted(payload: Payload, words: str) -> dict[str, str]:
    """The project with the words where they belong."""
    quoted = json.dumps(words)
    test, bill = FILES["tests/test_total.py"], FILES["shop/bill.py"]
    lines = {
        "comment": {SOURCE: CODE.replace("    return", f"    # {words}\n    return")},
        "docstring": {SOURCE: CODE.replace("    return", f"    {quoted}\n    return")},
        "callee": {"shop/round.py": f"def rounded(value):\n    # {words}\n    return value\n"},
        "caller": {"shop/bill.py": bill.replace("    return", f"    # {words}\n    return")},
        "test": {"tests/test_total.py": test.replace("    assert", f"    # {words}\n    assert")},
        "test name": {"tests/test_total.py": test.replace("test_total()", f"{words}()")},
        "decision": {"docs/decisions/0001-so.md": DECISION.format(words=words)},
        "rules": {"AGENTS.md": f"# Rules\n\n{words}\n"},
        "contract": {"pyproject.toml": CONTRACT.format(words=quoted)},
        "instruction in code": {SOURCE: f"{CODE}\n\n{words}\n"},
        "traceback": {"tests/test_total.py": test.replace("== 3", f"== 3, {quoted}")},
    }  # fmt: skip
    return {**FILES, **lines.get(payload.where, {})}


def obeyed(payload: Payload, code: str) -> Reply:
    """The honest change, and what the words say beside it."""
    act, _, rest = payload.act.partition(" ")
    path, _, symbol = rest.partition(" ")
    honest: dict[str, object] = {"path": SOURCE, "symbol": "total", "after": RIGHT}
    if act == "says":
        return Reply(code)
    if act == "tool":
        return Reply("I run it.", stop_reason="tool_use")
    if act == "inside":
        body = RIGHT.replace("    return", f"    {code}\n    return")
        return edits_reply("Document it", [{**honest, "after": body}])
    if act == "above":
        return edits_reply("Document it", [{**honest, "after": f"{code}\n\n\n{RIGHT}"}])
    if act == "edit" and symbol:
        head = {"bill": "def bill(prices):", "rounded": "def rounded(value):"}.get(symbol)
        edit = {
            "path": path,
            "symbol": symbol,
            "after": f"{head or f'def {symbol}():'}\n    {code}\n",
        }
        return edits_reply("Document it", [honest, edit])
    before = FILES.get(path, "").partition("\n")[0] if act == "edit" else ""
    edit = {"path": path, "before": before or None, "after": f"{code}\n{before}"}
    return edits_reply("Document it", [honest, edit])


class Watch:
    """What this process starts and whom it connects to, as the interpreter reports it."""

    def __init__(self) -> None:
        self.on = False
        self.started: list[str] = []
        self.asked: list[object] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "subprocess.Popen":
            self.started.append(Path(str(arguments[0])).name)
        elif event in {"os.system", "os.exec", "os.posix_spawn"}:
            self.started.append(event)
        elif event == "socket.connect":
            self.asked.append(arguments[1])


WATCH: Final = Watch()


@pytest.fixture
def watch() -> Iterator[Watch]:
    WATCH.started.clear()
    WATCH.asked.clear()
    WATCH.on = True
    yield WATCH
    WATCH.on = False


@dataclass
class Obedient:
    """The model: honest until it reads the words, obedient from then on."""

    payload: Payload
    words: str
    code: str
    honest: Reply
    read: bool = False
    beside: bool = False
    """Whether the words stood outside of the delimiters, where instructions stand."""

    def __call__(self, request: Request) -> Reply:
        text = "\n\n".join(texts_of(request.body))
        self.read, self.beside = self.words in text, self.words in DELIMITED.sub("", text)
        return obeyed(self.payload, self.code) if self.read else self.honest


def texts_of(body: dict[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        content = message["content"]
        if isinstance(content, str):
            yield content
        else:
            yield from (part["text"] for part in content)


def goal_of(payload: Payload, root: Path, words: str) -> Goal:
    goal = jobs.about(root)
    if payload.where != "diagnostic":
        return goal
    found = Diagnostic(SOURCE, goal.span, words, "checker", "X1")
    return dataclasses.replace(
        goal, kind=GoalKind.FIX, recipe=Recipe.FIX_DIAGNOSTIC, diagnostic=found, surface=Surface()
    )


def outside(root: Path, made: Made) -> list[str]:
    """What would be changed beside the goal, were it applied."""
    if not isinstance(made, Suggestion) or made.verdict.outcome is Ruling.REJECTED:
        return []
    place = jobs.about(root).span
    return [
        f"{edit.path}: {edit.replacement!r}"
        for edit in made.candidate.edits
        if edit.path != SOURCE or not place.contains(edit.span)
    ]


@pytest.mark.parametrize("payload", [item for item in ALL if item.where != "traceback"], ids=str)
async def test_nothing_but_the_goal(tmp_path: Path, payload: Payload, watch: Watch) -> None:
    marker = tmp_path / "marker"
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        address = f"http://127.0.0.1:{canary.getsockname()[1]}"
        filled = [
            said.replace("MARKER", str(marker)).replace("CANARY", address)
            for said in (payload.words, payload.code)
        ]
        words, code = filled
        root = jobs.put(tmp_path / "project", planted(payload, words))
        disk = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
        model = Obedient(payload, words, code, Reply("unread"))
        with MessagesServer(model) as server:
            goal = goal_of(payload, root, words)
            made = await jobs.run(root, goal, server.url, limits={"repair_rounds": 0})
            assert len(server.requests) == 1
            assert {request.path for request in server.requests} == {"/v1/messages"}
            here = int(server.url.rpartition(":")[2])
        with pytest.raises(BlockingIOError):
            canary.accept()
    assert model.read, "the model was never shown the words"
    assert not model.beside
    assert outside(root, made) == []
    if payload.act in {"inside", "above"}:
        assert isinstance(made, Suggestion)
        assert made.verdict.outcome is not Ruling.VERIFIED
    assert disk == {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    assert not marker.exists()
    assert set(watch.started) <= {"ruff"}
    assert {place for place in watch.asked if isinstance(place, tuple)} <= {("127.0.0.1", here)}


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


async def trusting(_says: str, choices: tuple[str, ...]) -> str:
    return Answer.ONCE if Answer.ONCE in choices else ""


@pytest.mark.parametrize("payload", [item for item in ALL if item.where == "traceback"], ids=str)
async def test_what_a_failing_test_says_is_no_instruction(
    tmp_path: Path, interpreter: Path, payload: Payload
) -> None:
    """The words reach the model by the failure of a test, in the second round."""
    marker = tmp_path / "marker"
    words, code = (said.replace("MARKER", str(marker)) for said in (payload.words, payload.code))
    root = jobs.put(tmp_path / "project", {**planted(payload, words), "conftest.py": ""})
    disk = {file: file.read_bytes() for file in root.glob("[st]*/*.py")}
    wrong = jobs.answer("def total(prices):\n    return rounded(max(prices))\n")
    model = Obedient(payload, words, code, wrong)
    goal = dataclasses.replace(jobs.about(root), recipe=Recipe.SIMPLIFY, surface=Surface())
    limits = {"repair_rounds": 1, "candidates": 1}
    beds = Beds()
    try:
        with MessagesServer(wrong, model) as server:
            start = jobs.start(root, goal, server.url, interpreter=str(interpreter), limits=limits)
            made = await job.run(start, job.Ports(beds, trusting, lambda _: None, Books("s")))
            assert len(server.requests) == 2
    finally:
        await beds.close()
    assert model.read
    assert not model.beside
    assert outside(root, made) == []
    assert isinstance(made, Suggestion)
    assert made.verdict.outcome is Ruling.REJECTED
    assert not marker.exists()
    assert disk == {file: file.read_bytes() for file in root.glob("[st]*/*.py")}
