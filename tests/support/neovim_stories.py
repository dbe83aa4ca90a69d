"""What several stories in Neovim begin with."""

from __future__ import annotations

from pathlib import Path

from support.messages_server import Reply, edits_reply
from support.neovim import Neovim
from support.sessions import SOURCE
from trueup.trust import Answer

TRUSTING = ("wants to run", Answer.ALWAYS.value)


RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''


WRONG = RIGHT.replace(" - discount", "")


UNTESTED = 'def unused(values):\n    """Nobody calls this."""\n    return not values\n'


def attached(vim: Neovim, path: Path) -> None:
    vim.open(path)
    vim.until("#vim.lsp.get_clients({ name = 'trueup', bufnr = 0 }) > 0")


def replies(symbol: str, *after: str) -> tuple[Reply, ...]:
    edits = [{"path": SOURCE, "symbol": symbol, "after": text} for text in after]
    return tuple(edits_reply("Say it shorter", [edit]) for edit in edits)


def simplify(vim: Neovim, symbol: str) -> None:
    """Pick the action; what comes of it comes later."""
    vim.at(f"def {symbol}")
    vim.keys("w")
    vim.answers("Code actions", f"Simplify {symbol}")
    vim.command("Trueup run refactor.rewrite")
