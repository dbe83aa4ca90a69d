"""Conversations of `tests/cases/protocol`, with a real server process."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.raw_client import PROBE, SERVE, RawClient

CASES = Path(__file__).parents[1] / "cases" / "protocol"
END_SECONDS = 2.0
URI = "file:///nowhere/case.py"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    ends: bool
    steps: tuple[tuple[str, str], ...]


def cases(file: str, sign: str) -> list[Case]:
    """The sections of a file; a step is a line that begins with what `sign` matches."""
    found = []
    for section in (CASES / file).read_text("utf-8").split("\n## ")[1:]:
        head, _, body = section.partition("\n")
        steps = tuple(
            (match[1], (match[2] or "").strip())
            for line in body.splitlines()
            if (match := re.match(rf"({sign})(?: (.*))?$", line))
        )
        found.append(Case(head.removesuffix(" !"), head.endswith(" !"), steps))
    return found


def repeated(text: str) -> str:
    return re.sub(r"\{(\d+) x (.)\}", lambda match: match[2] * int(match[1]), text)


def unescaped(text: str) -> bytes:
    raw = text.encode("utf-8").decode("latin-1")
    escapes = {"r": "\r", "n": "\n"}

    def plain(match: re.Match[str]) -> str:
        return chr(int(match[1][1:], 16)) if match[1][0] == "x" else escapes[match[1]]

    made = re.sub(r"\\(x[0-9a-f]{2}|[rn])", plain, raw)
    length = len(re.split(r"\n\r?\n", made, maxsplit=1)[-1])
    made = re.sub(r"\{length([+-]\d+)?\}", lambda item: str(length + int(item[1] or 0)), made)
    return made.encode("latin-1")


def heard(message: dict[str, object]) -> str:
    """An answer as a case writes it."""
    error = message.get("error")
    what = error["code"] if isinstance(error, dict) else "result"
    return f"{json.dumps(message['id'])} {what}"


MESSAGES = cases("messages.md", "->|=>|<-")
TEXTS = cases("text.md", "open|edit|holds|lost|version|text|save")


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    """One server for all conversations after which it goes on."""
    with RawClient() as talking:
        talking.initialize()
        yield talking


def say(talking: RawClient, case: Case) -> None:
    """Say it all, and compare what is heard with what should be."""
    for sign, text in case.steps:
        if sign == "->":
            talking.frame(repeated(text).encode())
        elif sign == "=>":
            talking.raw(unescaped(repeated(text)))
        else:
            answer = talking.next_answer()
            assert heard(answer) == text
            assert "hunter2" not in json.dumps(answer)
            assert "Traceback" not in json.dumps(answer)
            assert "site-packages" not in json.dumps(answer)


@pytest.mark.parametrize(
    "case", [case for case in MESSAGES if not case.ends], ids=lambda case: case.name
)
def test_a_conversation_that_goes_on(client: RawClient, case: Case) -> None:
    say(client, case)
    client.ping()
    assert client.garbage == b""
    assert [item for item in client.came if item.get("method") != "window/showMessage"] == []


@pytest.mark.parametrize("begun", ["early", "late"])
@pytest.mark.parametrize(
    "case", [case for case in MESSAGES if case.ends], ids=lambda case: case.name
)
def test_a_conversation_that_cannot_go_on(case: Case, begun: str) -> None:
    # The plain server answers these before it has imported what a handler needs.
    with RawClient(SERVE if begun == "early" else PROBE) as talking:
        if begun == "late":
            talking.initialize()
        say(talking, case)
        assert talking.process.wait(END_SECONDS) == 1
        assert talking.rest() == []


def place(text: str) -> dict[str, int]:
    line, _, column = text.partition(":")
    return {"line": int(line), "character": int(column)}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.name)
def test_a_buffer_holds_what_the_editor_holds(client: RawClient, case: Case) -> None:
    version, document = 2, {"uri": URI}
    for sign, rest in case.steps:
        given = ast.literal_eval(rest) if sign in {"open", "holds", "save", "text"} else rest
        held = client.ask("probe/text", document)["result"]
        match sign:
            case "open":
                opened = {**document, "languageId": "python", "version": 1, "text": given}
                client.tell("textDocument/didOpen", {"textDocument": opened})
            case "save":
                client.tell("textDocument/didSave", {"textDocument": document, "text": given})
            case "version":
                version = int(given)
            case "edit" | "text":
                change: dict[str, object] = {"text": given}
                if sign == "edit":
                    area, _, text = given.partition(" ")
                    start, _, end = area.partition("-")
                    change = {
                        "range": {"start": place(start), "end": place(end)},
                        "text": ast.literal_eval(text),
                    }
                edited = {**document, "version": version}
                params = {"textDocument": edited, "contentChanges": [change]}
                client.tell("textDocument/didChange", params)
                version += 1
            case "holds":
                assert held["text"] == given
            case "lost":
                assert held is None
                assert "case.py" in json.dumps(client.came)
                client.came.clear()
    client.tell("textDocument/didClose", {"textDocument": document})
    client.ping()
