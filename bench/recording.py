"""What recording costs: the CPU time of a suite with the recorder, relative to the plain suite.

The recorder is loaded as the agent loads it, with its audit hook and with the functions that keep
things, by an ordinary pytest of the package's own environment. Both kinds of run take turns; of
each the least CPU time counts, user and system together. `--python` adds interpreters, in whose
environments the package and its tests' requirements have to be installed already.

The value is the worst ratio, relative to what is claimed for that version of Python (1.5 from
Python 3.12 on, 2.8 before).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import Target, load
from support.packages import VERSIONS, Package, prepare
from trueup.runner import process, testmap
from trueup.runner.testmap import State
from trueup.settings import cache_folder

TARGET: Final = Target("recording", "of the ratio that is claimed", 1.0)
ROUNDS: Final = 3
SUITES: Final = ("jinja2", "marshmallow")
CLAIMED: Final = {True: 1.5, False: 2.8}
RUN: Final = """
import importlib.util, json, os, sys
import _pytest, pytest
plugins = []
if sys.argv[1]:
    loaded = []
    for name in ("recorder", "holders"):
        file = os.path.join(sys.argv[1], name + ".py")
        spec = importlib.util.spec_from_file_location(name, file)
        loaded.append(importlib.util.module_from_spec(spec))
        spec.loader.exec_module(loaded[-1])
    kind = loaded[0].Recorder
    for hook in (kind.pytest_runtest_protocol, kind.pytest_fixture_setup):
        pytest.hookimpl(hookwrapper=True, tryfirst=True)(hook)
    pytest.hookimpl(tryfirst=True)(kind.pytest_runtest_teardown)
    home = os.path.dirname(_pytest.__file__) + os.sep
    keeping, mine = json.loads(sys.argv[2]), lambda path: "/.venv/" not in path
    made = kind(os.getcwd(), keeping, mine, home, loaded[1].Holders())
    plugins.append(made)
    made.start()
code = pytest.main(["-q", "-p", "no:cacheprovider"], plugins=plugins)
for made in plugins:
    made.stop()
    made.report(lambda *event: json.dumps(event))
sys.exit(code)
"""


def seconds(package: Package, interpreter: Path, recorder: str, keeping: str) -> float:
    """CPU time of one run. Raises CalledProcessError where the suite does not pass."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [str(interpreter), "-c", RUN, recorder, keeping],
        cwd=package.root, check=True, capture_output=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def version(interpreter: Path) -> tuple[int, int]:
    words = "import sys; print(*sys.version_info[:2])"
    said = subprocess.run(
        [str(interpreter), "-c", words], check=True, capture_output=True, text=True
    )
    major, minor = said.stdout.split()
    return int(major), int(minor)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--python", type=Path, nargs="*", default=[], help="more interpreters")
    options = parser.parse_args()
    recorder = str(process.AGENT.parent / "inside")
    worst = 0.0
    print(f"the least of {options.rounds} runs each; {load()}")
    for name in SUITES:
        package = prepare(name, VERSIONS[name], cache_folder() / "packages")
        state = State.of(str(package.root), {})
        keeping = json.dumps(testmap.keepers(state))
        for interpreter in (package.interpreter, *options.python):
            number = version(interpreter)
            pairs = [
                (seconds(package, interpreter, "", ""),
                 seconds(package, interpreter, recorder, keeping))
                for _ in range(options.rounds)
            ]  # fmt: skip
            plain, recorded = (min(each) for each in zip(*pairs, strict=True))
            claimed = CLAIMED[number >= (3, 12)]
            worst = max(worst, recorded / plain / claimed)
            print(
                f"{name:12} Python {number[0]}.{number[1]}  {plain:.2f} s plain  "
                f"{recorded:.2f} s recorded  {recorded / plain:.2f}x of at most {claimed}x",
                flush=True,
            )
    TARGET.report(worst)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
