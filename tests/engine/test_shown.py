"""What is shown is what is sent, byte for byte, and showing it sends nothing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support import jobs
from support.commands import trueup
from support.jobs import RIGHT, SOURCE, answer
from support.messages_server import MessagesServer
from trueup.engine import shown
from trueup.engine.shown import Shown


async def what_is_shown(root: Path, url: str) -> Shown:
    made = await shown.run(jobs.start(root, jobs.about(root), url), jobs.ports())
    assert isinstance(made, Shown), made
    return made


async def test_what_is_shown_is_what_is_sent(root: Path) -> None:
    with MessagesServer(answer(RIGHT)) as server:
        before = await what_is_shown(root, server.url)
        assert server.requests == []
        await jobs.run(root, jobs.about(root), server.url)
    (request,) = server.requests
    assert request.raw.decode() == before.request.json
    assert request.body["system"] in before.text
    assert request.body["messages"][0]["content"] in before.text


async def test_nothing_is_connected_to(root: Path) -> None:
    """A listener that accepts nobody would still see the attempt."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        made = await what_is_shown(root, url)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert made.text.startswith("What would be sent for: Document total. Nothing was sent.\n")
    assert f"To: {url}, model claude-sonnet-5-5\n" in made.text


def test_the_command_shows_it_and_sends_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MessagesServer() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        done = trueup(root, "fix", f"{SOURCE}:6", "--goal", "Use fsum.", "--show-prompt")
        assert server.requests == []
    assert done.returncode == 0, done.stderr
    assert "Use fsum." in done.stdout
    assert "def rounded(value)" in done.stdout
    assert "Nothing was sent." in done.stdout
