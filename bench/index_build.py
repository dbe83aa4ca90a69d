"""How soon the index of a real project is there, and how soon it is fresh after one change.

For two wheels: a full rebuild into an empty cache folder, in a process of its own whose memory is
measured; then 100 saves of one file, each the file's new bytes and a `refresh` of its path; then a
sweep of all files with nothing changed, and with one changed. The value is the largest share of
their limits that these take, so that all is kept when it is at most 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from common import Target, load, milliseconds, percentile
from trueup.memory.index import Index
from wheels import unpacked

TARGET: Final = Target("index_build", "of the limits", 1.0)
REBUILD_SECONDS: Final = {"django": 3.0, "homeassistant": 15.0}
FRESH_SECONDS: Final = 0.050
MEMORY_MEGABYTES: Final = 40.0
SAVES: Final = 100
SWEEPS: Final = 5


def resident() -> int:
    """Bytes of this process in memory, as Linux counts them."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def build(root: str) -> None:
    """In a process of its own: the first refresh, then an index that is only held open."""
    before = resident()
    index = Index(root)
    began = time.perf_counter()
    state = index.refresh()
    taken = time.perf_counter() - began
    after = resident()
    index.close()
    print(json.dumps({"seconds": taken, "chunks": state.chunks, "files": state.files,
                      "megabytes": (after - before) / 2**20}))  # fmt: skip


def save(index: Index, file: Path, path: str) -> list[float]:
    taken = []
    text = file.read_text("utf-8")
    for number in range(SAVES):
        file.write_text(f"{text}\n\ndef saved_{number}() -> None:\n    pass\n", "utf-8")
        began = time.perf_counter()
        state = index.refresh([path])
        taken.append(time.perf_counter() - began)
        if state.behind or state.changed != 1:
            raise SystemExit("a save was not seen")
    file.write_text(text, "utf-8")
    index.refresh([path])
    return taken


def sweeps(index: Index) -> float:
    taken = []
    for _ in range(SWEEPS):
        began = time.perf_counter()
        index.refresh()
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    if len(sys.argv) > 1:
        build(sys.argv[1])
        return
    shares: list[float] = []
    with tempfile.TemporaryDirectory() as made:
        roots = {name: unpacked(name, Path(made)) for name in REBUILD_SECONDS}
        os.environ["XDG_CACHE_HOME"] = f"{made}/cache"
        for name, limit in REBUILD_SECONDS.items():
            root = roots[name]
            command = [sys.executable, __file__, str(root)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            built = json.loads(said)
            with Index(str(root)) as index:
                before = resident()
                swept = sweeps(index)
                largest = max(root.rglob("*.py"), key=lambda file: file.stat().st_size)
                middle = sorted(root.rglob("*.py"), key=lambda file: file.stat().st_size)
                typical = middle[len(middle) * 3 // 4]
                took = {
                    which: percentile(save(index, file, str(file.relative_to(root))), 0.95)
                    for which, file in (("typical", typical), ("largest", largest))
                }
                held = (resident() - before) / 2**20
            print(
                f"{name}: {built['files']:,} files, {built['chunks']:,} chunks in "
                f"{built['seconds']:.2f} s of {limit:.0f}; {built['megabytes']:.0f} MB "
                f"while building, {held:.0f} MB held; sweep {milliseconds(swept)}; "
                f"fresh after a save {milliseconds(took['typical'])}, of the largest file "
                f"{milliseconds(took['largest'])}; {load()}"
            )
            shares += [
                built["seconds"] / limit,
                took["typical"] / FRESH_SECONDS,
                held / MEMORY_MEGABYTES,
            ]
    TARGET.report(max(shares))


if __name__ == "__main__":
    main()
