"""A small project for whole sessions, and words to tell them in."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from lsprotocol import types

from trueup import linting, workspace
from trueup.editor import Editor
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic
from trueup.symbols import Outline

TOTAL = '''
"""What a basket costs."""


def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    result = 0
    for price in prices:
        result = result + price
    return result - discount


def label(name):
    """A name as it is printed."""
    return name.strip().title()


def unused(values):
    """Nobody calls this."""
    return len(values) == 0


def clamp(value: int, most: int = 9) -> int:
    """Nobody tests this."""
    if value > most:
        return most
    return value
'''

TEST_TOTAL = """
from shop.total import label, total


def test_the_sum():
    assert total([1, 2, 3]) == 6


def test_the_discount_is_taken_off():
    assert total([10], discount=4) == 6


def test_nothing_costs_nothing():
    assert total([]) == 0


def test_labels_are_clean():
    assert label(" tea ") == "Tea"
"""

SOURCE = "shop/total.py"

Editing = Callable[..., AbstractAsyncContextManager[Editor]]


def inside(editor: Editor, path: str, symbol: str) -> Span:
    """An empty selection in the name of `symbol`."""
    found = Outline(editor.open(path).text).find(symbol)
    return Span(found[0].name.start, found[0].name.start)


def where(editor: Editor, path: str, text: str) -> Span:
    """The first place of `text`."""
    start = editor.open(path).text.index(text)
    return Span(start, start + len(text))


async def action(
    editor: Editor, path: str, span: Span, title: str, diagnostics: tuple[Diagnostic, ...] = ()
) -> types.CodeAction:
    """The offer whose title begins so."""
    offered = await editor.actions(path, span, diagnostics)
    found = [item for item in offered if item.title.startswith(title)]
    assert found, [item.title for item in offered]
    return found[0]


async def pick(
    editor: Editor, path: str, span: Span, title: str, diagnostics: tuple[Diagnostic, ...] = ()
) -> dict[str, object]:
    """Open the light bulb, pick that action, and see what came of it."""
    return await editor.run(await action(editor, path, span, title, diagnostics))


async def ruff_diagnostic(root: Path, path: str, code: str) -> Diagnostic:
    """What Ruff finds in a file on disk, of one rule."""
    found = await linting.diagnostics(str(root), workspace.read(str(root), path), select=(code,))
    assert not isinstance(found, linting.LintFailure), found
    return next(item.diagnostic for item in found if item.diagnostic.code == code)


def evidence(result: dict[str, object]) -> dict[str, tuple[str, str]]:
    """Outcome and sentence by check, of what a command answered."""
    suggestion = result["suggestion"]
    assert isinstance(suggestion, dict)
    return {
        found["check"]: (found["outcome"], found["detail"])
        for found in suggestion["verdict"]["evidence"]
    }


def processes_with(marker: str) -> list[int]:
    """Processes of this machine whose environment or command line holds `marker`."""
    found = []
    for name in (entry.name for entry in Path("/proc").iterdir()):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            text = Path("/proc", name, "environ").read_bytes()
            text += Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in text:
            found.append(int(name))
    return found


def environment_of(process: int) -> str:
    """The environment of a process as text, "" where it is gone."""
    try:
        return Path("/proc", str(process), "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
