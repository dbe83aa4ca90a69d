"""How much memory the front holds: after `initialize`, and after 50 open files and 50 code actions.

Resident and unique (not shared with other processes) size of the process that the editor starts,
and of it alone: our engine is another process, is started on first need, and is not needed here.
The files are the largest modules of the standard library below 120 KB. After `initialize` one
answer of each server is awaited, because ours answers before it is loaded. The value is the
resident size at the end, in MB of 10^6 bytes.
"""

from __future__ import annotations

import sysconfig
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from common import SERVERS, Target, Wire, area, load, position

TARGET: Final = Target("memory", "MB", 120.0)
FILES: Final = 50
FILE_BYTES_MAX: Final = 120_000


@dataclass(frozen=True, slots=True)
class Size:
    """MB of 10^6 bytes."""

    resident: float
    unique: float


@dataclass(frozen=True, slots=True)
class Sizes:
    loaded: Size
    working: Size
    children: int


def files() -> dict[str, str]:
    """FILES modules of the standard library by name."""
    folder = Path(sysconfig.get_path("stdlib"))
    found = [path for path in folder.glob("*.py") if path.stat().st_size < FILE_BYTES_MAX]
    found.sort(key=lambda path: path.stat().st_size, reverse=True)
    return {path.name: path.read_text("utf-8") for path in found[:FILES]}


def size_of(process: int) -> Size:
    # psutil has no types.
    memory = import_module("psutil").Process(process).memory_full_info()
    return Size(memory.rss / 1e6, memory.uss / 1e6)


def measure(command: tuple[str, ...], sources: dict[str, str]) -> Sizes:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with Wire(command, folder) as wire:
            wire.initialize(folder)
            # A document that is not open: an answer, and no work.
            ask(wire, folder / "none.py", "")
            loaded = size_of(wire.process.pid)
            for name, text in sources.items():
                (folder / name).write_text(text)
                wire.open((folder / name).as_uri(), text)
            for name, text in sources.items():
                ask(wire, folder / name, text)
            children = import_module("psutil").Process(wire.process.pid).children(recursive=True)
            return Sizes(loaded, size_of(wire.process.pid), len(children))


def ask(wire: Wire, path: Path, text: str) -> None:
    """Code actions at the first function of a module, with the cursor in its name."""
    before = text.partition("\ndef ")[0]
    here = position(before.count("\n") + 1, len("def ")) if before != text else position(0, 0)
    params = {
        "textDocument": {"uri": path.as_uri()},
        "range": area(here, here),
        "context": {"diagnostics": [], "triggerKind": 1},
    }
    try:
        wire.ask("textDocument/codeAction", params)
    except OSError:
        # A peer may call it an error that the document is not open; an answer it is.
        if path.exists():
            raise


def main() -> int:
    sources = files()
    total = sum(len(text.encode()) for text in sources.values())
    print(f"memory of the process that the editor starts, in MB; {load()}")
    print(f"{len(sources)} open files, {total / 1e6:.1f} MB and 50 code actions")
    measured = {name: measure(command, sources) for name, command in SERVERS.items()}
    ours = measured["trueup"].working.resident
    print(f"{'':22}{'':8}{'loaded':>18}{'working':>22}")
    print(f"{'':30}{'RSS':>9}{'USS':>9}{'RSS':>13}{'USS':>9}")
    for name, sizes in measured.items():
        print(
            f"{name:22}{sizes.working.resident / ours:7.1f}x"
            f"{sizes.loaded.resident:9.1f}{sizes.loaded.unique:9.1f}"
            f"{sizes.working.resident:13.1f}{sizes.working.unique:9.1f}"
            + (f"  and {sizes.children} more processes" if sizes.children else "")
        )
    TARGET.report(ours)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
