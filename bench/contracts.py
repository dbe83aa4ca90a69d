"""How fast contracts are checked on a save, in a project of a million lines.

Home Assistant's wheel (6,700 modules), four contracts, a real server over pipes. Each of the saves
is an edit, its `didChange` and its `didSave` in one write; the clock runs until the diagnostics of
that version are published. A third of them is in the largest files, half of them change an import.
In the same run, on the same tree: `lint-imports` with its cache warm, `tach check`, and tach's own
language server from `didSave` to its diagnostics. Then the start with and without the cache, the
memory, typing, and independence over 400 siblings. The value is the p95 of the saves, in seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

import platformdirs

from common import SERVERS, Target, Wire, area, load, milliseconds, percentile, position
from trueup.architecture.checker import Architecture

TARGET: Final = Target("contracts", "s", 0.015)
P99: Final = 0.025
RELEASE: Final = "homeassistant==2024.3.3"
SAVES: Final = 600
LARGEST: Final = 40
PEER_RUNS: Final = 5
KEYSTROKES: Final = 300
H: Final = "homeassistant"
COMPONENTS: Final = (
    "hue", "zha", "mqtt", "sonos", "cast", "zwave_js", "shelly", "unifi", "tplink", "esphome",
)  # fmt: skip
_SCRIPTS: Final = Path(sys.executable).parent


def contracts() -> str:
    independent = "".join(f"    {H}.components.{name}\n" for name in COMPONENTS)
    nine = [
        "scripts",
        "components",
        "auth",
        "config_entries",
        "helpers",
        "core",
        "util",
        "const",
        "generated",
    ]
    return (
        f"[importlinter]\nroot_package = {H}\n\n"
        "[importlinter:contract:four]\nname = Four layers\ntype = layers\n"
        f"layers =\n    {H}.components\n    {H}.helpers\n    {H}.util\n    {H}.const\n\n"
        "[importlinter:contract:nine]\nname = Nine layers\ntype = layers\nlayers =\n"
        + "".join(f"    {H}.{name}\n" for name in nine)
        + "\n[importlinter:contract:ten]\nname = Ten components apart\ntype = independence\n"
        f"modules =\n{independent}\n"
        "[importlinter:contract:util]\nname = Utilities know no component\ntype = forbidden\n"
        f"source_modules = {H}.util\nforbidden_modules = {H}.components\n"
    )


TACH: Final = f"""
interfaces = []
layers = ["components", "helpers", "util", "const"]
source_roots = ["."]
[[modules]]
path = "{H}.components"
layer = "components"
[[modules]]
path = "{H}.helpers"
layer = "helpers"
[[modules]]
path = "{H}.util"
layer = "util"
[[modules]]
path = "{H}.const"
layer = "const"
"""


def unpacked(folder: Path) -> Path:
    """A tree with Home Assistant's package in it; the wheel is downloaded once."""
    kept = platformdirs.user_cache_path("trueup") / "packages"
    kept.mkdir(parents=True, exist_ok=True)
    if not list(kept.glob("homeassistant-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", RELEASE]
        subprocess.run([*command, "--dest", str(kept)], check=True)
    with zipfile.ZipFile(next(iter(kept.glob("homeassistant-*.whl")))) as wheel:
        wheel.extractall(folder)
    (folder / "pyproject.toml").write_text('[project]\nname = "house"\nversion = "1"\n')
    (folder / ".importlinter").write_text(contracts())
    return folder


@dataclass(frozen=True, slots=True)
class Saves:
    """Seconds of each save, and how many diagnostics were published in all."""

    plain: list[float]
    importing: list[float]
    shown: int

    @property
    def all(self) -> list[float]:
        return self.plain + self.importing


def saves(wire: Wire, root: Path, count: int) -> Saves:
    chance = random.Random(20261121)  # noqa: S311 - places, not secrets
    files = sorted((root / H).rglob("*.py"), key=lambda file: file.stat().st_size, reverse=True)
    files = [file for file in files if file.stat().st_size]
    targets = ["const", "core", "util.dt", "helpers.entity", "components.zha", "config_entries"]
    held: dict[Path, int] = {}
    plain: list[float] = []
    importing: list[float] = []
    shown = 0
    for number in range(count):
        file = chance.choice(files[:LARGEST] if number % 3 == 0 else files)
        uri = file.as_uri()
        if file not in held:
            wire.open(uri, file.read_text("utf-8"))
            wire.diagnostics(uri, 1)
            held[file] = 1
        held[file] += 1
        changes = number % 2 == 1
        name, _, member = f"{H}.{chance.choice(targets)}".rpartition(".")
        text = f"from {name} import {member}\n" if changes else "# edited\n"
        start = position(0, 0)
        document = {"uri": uri, "version": held[file]}
        edit = {"range": area(start, start), "text": text}
        began = time.perf_counter()
        wire.send(
            _told("didChange", {"textDocument": document, "contentChanges": [edit]}),
            _told("didSave", {"textDocument": {"uri": uri}}),
        )
        found = wire.diagnostics(uri, held[file])
        (importing if changes else plain).append(time.perf_counter() - began)
        shown += len(found)
    return Saves(plain, importing, shown)


def _told(method: str, params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": f"textDocument/{method}", "params": params}


def ready(wire: Wire, root: Path) -> None:
    """Wait until the project was read: a file that breaks a contract shows it."""
    wire.initialize(root, pulls=False)
    file = root / H / "const.py"
    text = f"import {H}.components\n" + file.read_text("utf-8")
    wire.open(file.as_uri(), text)
    while not wire.diagnostics(file.as_uri()):
        pass


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(root: Path, *words: str) -> Callable[[], object]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    return lambda: subprocess.run(
        [str(_SCRIPTS / words[0]), *words[1:]],
        cwd=root, env=environment, capture_output=True, check=False,
    )  # fmt: skip


def tach_server(root: Path, runs: int) -> list[float]:
    file = root / H / "core.py"
    times = []
    with Wire((str(_SCRIPTS / "tach"), "server"), root) as wire:
        wire.initialize(root, pulls=False)
        wire.open(file.as_uri(), file.read_text("utf-8"))
        wire.diagnostics(file.as_uri())
        for _ in range(runs):
            began = time.perf_counter()
            wire.tell("textDocument/didSave", {"textDocument": {"uri": file.as_uri()}})
            wire.diagnostics(file.as_uri())
            times.append(time.perf_counter() - began)
    return times


def starts(root: Path, folder: Path) -> None:
    """CPU of an index without and with its cache, each in a process of its own, and its memory."""
    script = (
        "import sys, time, gc, psutil\n"
        "from pathlib import Path\n"
        "from trueup.architecture.checker import Architecture\n"
        "gc.freeze()\n"
        "before = psutil.Process().memory_info().rss\n"
        "began, wall = time.process_time(), time.perf_counter()\n"
        "made = Architecture(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(time.process_time() - began, time.perf_counter() - wall,\n"
        "      psutil.Process().memory_info().rss - before)\n"
    )
    cache = folder / "imports"
    rows: dict[str, list[list[float]]] = {"cold": [], "warm": []}
    for kind in ("cold", "warm", "warm", "warm", "cold", "warm"):
        if kind == "cold":
            cache.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", script, str(root), str(cache)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows[kind].append([float(word) for word in done.stdout.split()])
    grimp = (
        "import sys, time\nsys.path.insert(0, sys.argv[1])\nimport grimp\n"
        "began = time.process_time()\n"
        f"grimp.build_graph({H!r}, cache_dir=None)\nprint(time.process_time() - began)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", grimp, str(root)], capture_output=True, text=True, check=True
    )
    cold = min(row[0] for row in rows["cold"])
    print(f"index cold: {cold:.2f} s CPU (target 2.5); {cold / float(done.stdout):.2f}x of grimp")
    warm = min(row[1] for row in rows["warm"])
    print(f"start warm: {milliseconds(warm)} (target 150 ms), contracts judged")
    added = max(row[2] for row in rows["warm"]) / 1e6
    cold_added = max(row[2] for row in rows["cold"]) / 1e6
    print(f"added memory: {added:.0f} MB warm, {cold_added:.0f} MB cold (target 60)")


def typing(root: Path) -> None:
    """How long one check of a keystroke holds the loop, in the largest files."""
    architecture = Architecture(root)
    files = sorted((root / H).rglob("*.py"), key=lambda file: file.stat().st_size)[-10:]
    held: list[float] = []
    for number in range(KEYSTROKES):
        file = files[number % len(files)]
        path = file.relative_to(root).as_posix()
        text = file.read_text("utf-8") + "x" * number

        def look(path: str = path, text: str = text) -> None:
            architecture.follow(path, text)
            architecture.findings(path)

        held.append(seconds(look))
    print(
        f"a check while typing holds the loop p50 {milliseconds(statistics.median(held))}, "
        f"max {milliseconds(max(held))} (target 20 ms)"
    )


def independence(root: Path) -> None:
    grimp = import_module("grimp")
    sys.path.insert(0, str(root))
    graph = grimp.build_graph(H, cache_dir=None)
    modules = sorted(graph.find_children(f"{H}.components"))[:400]
    table = "".join(f"    {name}\n" for name in modules)
    (root / ".importlinter").write_text(
        f"[importlinter]\nroot_package = {H}\n\n[importlinter:contract:many]\nname = Many\n"
        f"type = independence\nmodules =\n{table}"
    )
    architecture = Architecture(root)
    ours = min(seconds(architecture.judge_again) for _ in range(3))
    theirs = seconds(lambda: graph.find_illegal_dependencies_for_layers([grimp.Layer(*modules)]))
    print(
        f"independence of 400: {milliseconds(ours)} (target 50 ms), grimp {milliseconds(theirs)}: "
        f"{theirs / ours:.0f}x"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=SAVES)
    parser.add_argument("--peers", type=int, default=PEER_RUNS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        root = unpacked(folder / "house")
        print(f"{RELEASE}, {chosen.saves} saves; {load()}")
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        with Wire(SERVERS["trueup"], root) as wire:
            ready(wire, root)
            found = saves(wire, root, chosen.saves)
        every = found.all
        for name, times in (("all", every), ("plain", found.plain), ("imports", found.importing)):
            print(
                f"{name:8} p50 {milliseconds(percentile(times, 0.5))}  "
                f"p95 {milliseconds(percentile(times, 0.95))}  "
                f"p99 {milliseconds(percentile(times, 0.99))}  max {milliseconds(max(times))}"
            )
        print(f"{found.shown} diagnostics published; p99 target {milliseconds(P99)}")
        mean = statistics.mean(every)
        command(root, "lint-imports", "--no-logo")()
        (root / "tach.toml").write_text(TACH)
        peers = {
            "lint-imports, warm": [
                seconds(command(root, "lint-imports", "--no-logo")) for _ in range(chosen.peers)
            ],
            "tach check": [seconds(command(root, "tach", "check")) for _ in range(chosen.peers)],
            "tach server, a save": tach_server(root, chosen.peers),
        }
        (root / "tach.toml").unlink()
        for name, times in peers.items():
            middle = statistics.median(times)
            print(f"{name}: {middle:.2f} s, {middle / mean:.0f}x of the mean save (target 100x)")
        starts(root, folder)
        typing(root)
        independence(root)
        TARGET.report(percentile(every, 0.95))


if __name__ == "__main__":
    main()
