"""A real Neovim without a screen, driven from the outside: keys go in, buffers and messages out.

Each call is one more Neovim that asks the first one, and waiting is done inside of that, so that
its events go on. What would ask the user for a choice or a line is answered from a list, and kept
to be looked at; everything else is as it comes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

PLUGIN: Final = Path(__file__).parents[2] / "editors" / "neovim"
ANSWER_SECONDS: Final = 60

_INIT: Final = """
vim.opt.runtimepath:prepend(%(plugin)s)
vim.opt.swapfile = false
vim.opt.hidden = true
-- Debian's Neovim comes without the parsers that its own plugins for file types start.
local highlighted = vim.treesitter.start
vim.treesitter.start = function(...)
  pcall(highlighted, ...)
end
vim.lsp.config('trueup', vim.json.decode(%(config)s))
Asked, Answers = {}, vim.json.decode(%(answers)s)
local function answered(question, choices)
  Asked[#Asked + 1] = { question = question, choices = choices }
  for _, answer in ipairs(Answers) do
    if question:find(answer[1], 1, true) then
      return answer[2]
    end
  end
end
vim.ui.select = function(items, options, chosen)
  local titles = vim.tbl_map(options.format_item or tostring, items)
  local wanted = answered(options.prompt or '', titles)
  for number, title in ipairs(titles) do
    if wanted and title:find(wanted, 1, true) then
      return chosen(items[number], number)
    end
  end
  chosen(nil)
end
vim.ui.input = function(options, done)
  done(answered(options.prompt or ''))
end
vim.lsp.enable('trueup')
"""


class Neovim:
    """One running Neovim. Lines and columns are as Neovim counts them: lines from 1."""

    def __init__(self, program: Path, socket: Path) -> None:
        self._program, self._socket = program, socket

    def lua(self, code: str, *arguments: object) -> Any:
        """What a chunk returns, through JSON; the arguments are its `...`. Raises
        CalledProcessError where it fails.
        """
        packed = json.dumps({"code": code, "arguments": arguments}).replace("'", "''")
        run = (
            "vim.json.encode((function(given) return assert(loadstring(given.code))"
            "(unpack(given.arguments)) end)(vim.json.decode(_A)) or vim.NIL)"
        )
        done = subprocess.run(
            [
                str(self._program), "--server", str(self._socket),
                "--remote-expr", f"luaeval('{run}', '{packed}')",
            ],
            capture_output=True, text=True, timeout=ANSWER_SECONDS + 10, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout or done.stderr)

    def until(self, condition: str, *arguments: object, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until a Lua expression is true."""
        code = (
            "local given, check = { ... }, nil\n"
            f"check = function() return {condition} end\n"
            f"return vim.wait({int(seconds * 1000)}, check, 20)"
        )
        assert self.lua(code, *arguments) is True, f"{condition} {arguments}: {self.messages}"

    def open(self, path: Path) -> None:
        self.lua("vim.cmd.edit(vim.fn.fnameescape((...)))", str(path))

    def keys(self, keys: str) -> None:
        """Type, and come back when it was taken."""
        self.lua(
            "vim.api.nvim_feedkeys(vim.keycode((...)), 'xt', false)",
            keys,
        )

    def command(self, line: str) -> None:
        self.lua("vim.cmd((...))", line)

    def cursor(self, line: int, column: int = 0) -> None:
        self.lua("vim.api.nvim_win_set_cursor(0, { ... })", line, column)

    def at(self, text: str) -> None:
        """Put the cursor on the first place of `text`."""
        found = self.lua(
            "return vim.fn.searchpos('\\\\V' .. vim.fn.escape(..., '\\\\'), 'cw')", text
        )
        assert found != [0, 0], f"{text} is not in the buffer"

    def text(self, path: Path | None = None) -> str:
        """What a buffer holds; the current one where no path is given."""
        lines: list[str] = self.lua(
            "local name = ...\n"
            "return vim.api.nvim_buf_get_lines(name and vim.fn.bufnr(name) or 0, 0, -1, true)",
            *([str(path)] if path else []),
        )
        return "\n".join(lines) + "\n"

    @property
    def diagnostics(self) -> list[str]:
        """What is shown of the current buffer."""
        return list(
            self.lua("return vim.tbl_map(function(d) return d.message end, vim.diagnostic.get(0))")
        )

    @property
    def messages(self) -> str:
        """Everything that was said on the message line."""
        return str(self.lua("return vim.api.nvim_exec2('messages', { output = true }).output"))

    @property
    def asked(self) -> list[dict[str, Any]]:
        return list(self.lua("return Asked"))

    def answers(self, question: str, answer: str) -> None:
        """From now on, answer so where a question has these words."""
        self.lua("table.insert(Answers, 1, { ... })", question, answer)


@contextmanager
def neovim(
    program: Path,
    folder: Path,
    environment: Mapping[str, str],
    *,
    settings: Mapping[str, object],
    answers: tuple[tuple[str, str], ...] = (),
    options: Mapping[str, object] | None = None,
) -> Iterator[Neovim]:
    """A Neovim with the plugin, whose state is in `folder`; it ends with the block."""
    config: dict[str, object] = {
        "cmd": [sys.executable, "-m", "trueup", "serve"],
        "settings": settings,
        "init_options": options or {},
    }
    init = folder / "init.lua"
    init.write_text(
        _INIT
        % {
            "plugin": _quoted(str(PLUGIN)),
            "config": _quoted(json.dumps(config)),
            "answers": _quoted(json.dumps(answers)),
        }
    )
    socket = folder / "nvim.sock"
    command = [str(program), "--headless", "--listen", str(socket), "-u", str(init), "-i", "NONE"]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere
    ) as process:
        try:
            _listening(process, socket)
            yield Neovim(program, socket)
        finally:
            process.terminate()
            process.wait(20)


def _listening(process: subprocess.Popen[bytes], socket: Path) -> None:
    """Wait for a program to open its socket."""
    while not socket.exists():
        assert process.poll() is None, "Neovim did not start"


def _quoted(text: str) -> str:
    """A long string of Lua."""
    return f"[====[{text}]====]"


Starting = Callable[..., AbstractContextManager[Neovim]]
"""How tests start one: with answers, and with settings and options by name."""
