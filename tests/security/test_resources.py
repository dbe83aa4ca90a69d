"""Limits are written down, loop and memory are watched, and bug reports hold no secret."""

from __future__ import annotations

import asyncio
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from security.corpora import filled, lines_of
from trueup import bundle, limits, settings
from trueup.doctor import Finding
from trueup.operations.pulse import Pulse, resident_bytes
from trueup.operations.trace import Recording
from trueup.operations.tracestore import TraceStore
from trueup.snapshot import Span
from trueup.suggestion import Goal, GoalKind, Recipe

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
TEMPLATES = [text for _, text in lines_of("secrets.md", "secret")]


def test_the_page_of_limits_is_the_program() -> None:
    found = limits.every()
    said = limits.as_markdown(found)
    assert PAGE.read_text("utf-8") == said, "trueup doctor --limits > docs/limits.md"
    names = [(item.where, item.name) for item in found]
    assert len(set(names)) == len(names)
    assert all(item.unit for item in found)
    assert all(item.says for item in found if not item.where)
    assert ("workspace", "FILE_BYTES_MAX") in names
    assert ("", "limits.job_seconds") in names


async def test_a_callback_that_holds_the_loop_is_told_by_name() -> None:
    told: list[str] = []
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(says: str) -> None:
        told.append(says)
        loop.call_soon_threadsafe(heard.set)

    pulse = Pulse(tell)
    holding(until=lambda: bool(told))
    async with asyncio.timeout(20):
        await heard.wait()
    pulse.stop()
    assert told[0].startswith("the event loop is held by ")
    assert "test_resources." in told[0]


def holding(until: Callable[[], bool]) -> None:
    """Hold the loop as bad code does, but no longer than the test needs, and 20 s at most."""
    ends = time.monotonic() + 20
    while not until() and time.monotonic() < ends:
        pass


async def test_memory_beyond_its_limit_is_told_once() -> None:
    told: list[str] = []
    pulse = Pulse(told.append, memory_bytes_max=1 << 20)
    pulse._weigh()
    pulse._weigh()
    pulse.stop()
    assert len(told) == 1
    assert f"{resident_bytes() >> 20}"[0].isdecimal()
    assert told[0].startswith("this process holds ")


def test_a_bundle_holds_no_secret_and_no_code(tmp_path: Path) -> None:
    parts: list[str] = []
    store = TraceStore(settings.TraceLimits())
    for template in TEMPLATES[::4]:
        text, random_parts = filled(template)
        parts += random_parts
        goal = Goal(GoalKind.FIX, Recipe.INSTRUCT, "secret_module.py", Span(0, 0), instruction=text)
        recording = Recording(str(tmp_path), goal)
        recording.keep(text)
        store.keep(recording.ended("rejected", text), recording.texts)
    target = tmp_path / "bundle.zip"
    findings = (Finding("model", good=False, says=filled(TEMPLATES[0])[0]),)
    names = bundle.write(target, findings, settings.Settings())
    with zipfile.ZipFile(target) as found:
        whole = "".join(found.read(name).decode() for name in names)
        assert set(found.namelist()) == set(names)
    assert not [part for part in parts if part in whole]
    assert "secret_module" not in whole
    assert str(Path.home()) + "/" not in whole
    assert '"outcome": "rejected"' in whole
    assert target.stat().st_mode & 0o777 == 0o600
    # What is kept on this machine has none either.
    kept = [
        path.read_text("utf-8") for path in settings.state_folder().rglob("*") if path.is_file()
    ]
    assert len(kept) > len(TEMPLATES) // 4
    assert not [part for part in parts if any(part in text for text in kept)]
