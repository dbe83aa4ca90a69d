"""What a call does besides giving a result: files and sockets, logs and warnings, what is held.

Listens while it is told to. Knows nothing of the call itself, nor of what is made of it.
"""

# ruff: noqa: ANN401
# ANN401: the values of other people's programs have no type here.

from __future__ import annotations

import inspect
import logging
import os
import re
import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Sequence, Tuple

EFFECTS = (
    "socket.connect", "socket.bind", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod",
    "os.link", "os.symlink", "os.truncate", "os.putenv", "os.unsetenv", "os.kill",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "sqlite3.connect",
)  # fmt: skip
TOLD_MAX = 200
STATE_NODES_MAX = 300
"""What a module holds is looked at after every call, so a big table is not looked at."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)


class Effects:
    """What a call did to the world outside of its process, as far as Python tells."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.heard = ""
        self.listening = False

    def hear(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if not self.listening or self.heard:
            return
        if event in EFFECTS:
            self.heard = event
        elif event == "open" and len(arguments) > 2:
            flags = arguments[2]
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.heard = "open for writing"


class Told:
    """What the project's own code logged and warned of."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.listening = False
        self.logged: List[List[str]] = []
        self.warned: List[List[str]] = []

    def install(self) -> None:
        """Before the project is imported, which may take `warn` by its name."""
        handle, warn = logging.Logger.handle, warnings.warn

        def handled(logger: logging.Logger, record: logging.LogRecord) -> None:
            if self.listening and self._is_ours(record.pathname):
                self._log(record)
            handle(logger, record)

        def warned(message: Any, category: Any = None, stacklevel: int = 1, *rest: Any,
                   **more: Any) -> None:  # fmt: skip
            if self.listening and self._is_ours(sys._getframe(1).f_code.co_filename):
                kind = type(message) if isinstance(message, Warning) else category or UserWarning
                self._keep(self.warned, [kind.__name__, str(message)])
            warn(message, category, stacklevel + 1, *rest, **more)

        logging.Logger.handle = handled  # type: ignore[assignment, method-assign, unused-ignore]
        warnings.warn = warned  # type: ignore[assignment, unused-ignore]

    def listen(self) -> None:
        self.logged, self.warned = [], []
        # Messages of every level count; a logger that has a level of its own keeps it.
        logging.getLogger().setLevel(1)
        self.listening = True

    def _is_ours(self, path: str) -> bool:
        return os.path.realpath(path).startswith(self.root + os.sep)

    def _log(self, record: logging.LogRecord) -> None:
        try:
            says = record.getMessage()
        except Exception as problem:
            says = type(problem).__name__
        self._keep(self.logged, [record.levelname, says])

    def _keep(self, kept: List[List[str]], said: List[str]) -> None:
        if len(kept) < TOLD_MAX:
            kept.append([ADDRESS.sub("", text)[:1000] for text in said])


class State:
    """What a module and its classes hold under given names, and which of it changes."""

    def __init__(
        self, function: Any, names: Sequence[str], view: Callable[[int, Any], Any]
    ) -> None:
        self.function, self.names, self.view = function, list(names), view
        self.last = self._look()

    def changed(self) -> Dict[str, Any]:
        """What is held now and was not when it was last asked."""
        now, last = self._look(), self.last
        self.last = now
        return {name: value for name, value in now.items() if value != last.get(name)}

    def _look(self) -> Dict[str, Any]:
        found = {}
        for name in list(self.names):
            try:
                found[name] = self.view(STATE_NODES_MAX, self._value(name))
            except BaseException:
                self.names.remove(name)
        return found

    def _value(self, name: str) -> Any:
        first, *rest = name.split(".")
        value = self.function.__globals__[first]
        for part in rest:
            value = inspect.getattr_static(value, part)
        return value
