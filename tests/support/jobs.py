"""Whole jobs in this process, against a loopback model: the real loop, gate, budget and trace.

The goals are about documentation, which is proved by equality of the syntax trees: a verdict then
needs no test run, and a test of the loop costs no more than the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.messages_server import Reply, edits_reply
from trueup import workspace
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.judging import Made
from trueup.engine.messages import Start
from trueup.engine.recorded import Books
from trueup.operations.budget import Purse
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import Budget, TraceLimits
from trueup.suggestion import Goal, GoalKind, Recipe, Surface, SurfaceKind
from trueup.symbols import Outline

SOURCE = "shop/total.py"
CODE = """import os

from shop.round import rounded


def total(prices):
    return rounded(sum(prices))
"""
RIGHT = '''def total(prices):
    """The sum."""
    return rounded(sum(prices))
'''
LONGER = RIGHT.replace("The sum.", "The sum of all the prices, rounded as the shop rounds.")
WRONG = RIGHT.replace("rounded(sum(prices))", "sum(prices)")
WORSE = RIGHT.replace("rounded(sum(prices))", "0")
FILES = {
    "pyproject.toml": "",
    "shop/__init__.py": "",
    SOURCE: CODE,
    "shop/round.py": "def rounded(value):\n    return round(value, 2)\n",
    "shop/bill.py": (
        "from shop.total import total\n\n\ndef bill(prices):\n    return f'{total(prices)} EUR'\n"
    ),
    "tests/test_total.py": (
        "from shop.total import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    ),
}


def answer(after: str, path: str = SOURCE, symbol: str = "total") -> Reply:
    """A model's answer that replaces one symbol."""
    return edits_reply("Document it", [{"path": path, "symbol": symbol, "after": after}])


def put(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


def about(root: Path, path: str = SOURCE, symbol: str = "total") -> Goal:
    """Document a symbol."""
    found = Outline(workspace.read(str(root), path).text).find(symbol)
    surface = Surface(SurfaceKind.DOCSTRING)
    return Goal(
        GoalKind.REFACTOR, Recipe.DOCUMENT, path, found[0].span, symbol=symbol, surface=surface
    )


async def nobody(_says: str, _choices: tuple[str, ...]) -> str:
    return ""


def start(root: Path, goal: Goal, url: str, **settings: object) -> Start:
    model = {"base_url": url, "models": ["claude-sonnet-5-5"]}
    return Start(0, str(root), goal, settings={"model": model, **settings})


def ports(say: Callable[[str], None] = lambda _: None) -> job.Ports:
    return job.Ports(Beds(), nobody, say, Books("a session"))


async def run(
    root: Path, goal: Goal, url: str, said: list[str] | None = None, **settings: object
) -> Made:
    """One job to its end."""
    says = [] if said is None else said
    return await job.run(start(root, goal, url, **settings), ports(says.append))


def only_trace() -> Trace:
    """The trace of the only job there was."""
    (trace,) = TraceStore(TraceLimits())
    assert isinstance(trace, Trace), trace
    return trace


def reserved_and_spent() -> tuple[int, int]:
    """Reservations that nobody has settled, and the tokens of today."""
    spent = Purse(Budget(), "any").spent().spent
    return spent.reserved, spent.day.tokens
