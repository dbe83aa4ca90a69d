"""Runs a tool of the project's own environment on the workspace with a change and without it.

Knows nothing of the tool: what is run is asked for, what it said is sent. It runs with the change
first, then what the change edited is put back in this run's own copy of the workspace, so that
whatever the tool keeps between two runs is kept between these.
"""

import base64
import os
import subprocess
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

OUTPUT_MAX = 400_000
"""Characters of one answer that are sent; what is longer is cut, and said to be."""


def main(root: str, task: Dict[str, Any], send: Callable[..., None]) -> None:
    """`task`: `after` and `before`, arguments of the interpreter, empty where nothing is to run;
    and `files`, those that the change edits as they were: base64 by path, None for no file.
    """
    send("ran", "after", *run(root, task["after"]))
    for path, raw in task["files"].items():
        put_back(os.path.join(root, path), raw)
    send("ran", "before", *run(root, task["before"]))


def put_back(path: str, raw: Optional[str]) -> None:
    if raw is None:
        if os.path.lexists(path):
            os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(base64.b64decode(raw))


def run(root: str, arguments: List[str]) -> Tuple[int, str, str, bool]:
    if not arguments:
        return 0, "", "", False
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace").replace(root.rstrip(os.sep) + os.sep, "")
    complaint = done.stderr.decode("utf-8", "replace")
    return done.returncode, said[:OUTPUT_MAX], complaint[-2000:], len(said) > OUTPUT_MAX
