"""Looks for a call on which two versions of a function differ, with CrossHair, where that is there.

The old version is what the workspace imports, the new one comes as text. What is found are sources
of arguments; whether they are worth anything others find out, by calling both versions with them.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

FOUND_MAX = 8


def main(root: str, task: Dict[str, Any], send: Callable[..., None]) -> None:
    for path in (os.path.normpath(os.path.join(root, path)) for path in task["path"]):
        if path not in sys.path:
            sys.path.append(path)
    warnings.simplefilter("ignore")
    try:
        # What makes it understand the built-in types is loaded by this alone.
        importlib.import_module("crosshair.core_and_libs")
        behavior = importlib.import_module("crosshair.diff_behavior")
        functions = importlib.import_module("crosshair.fnutil")
        options = importlib.import_module("crosshair.options")
    except ImportError:
        send("absent")
        return
    try:
        old = importlib.import_module(task["module"])
        new = types.ModuleType(task["module"])
        new.__file__, new.__package__ = old.__file__, old.__package__
        exec(compile(task["text"], str(old.__file__), "exec", dont_inherit=True), new.__dict__)
        sides = [functions.FunctionInfo.from_module(side, task["name"]) for side in (old, new)]
        chosen = options.AnalysisOptionSet(per_condition_timeout=task["seconds"])
        found = behavior.diff_behavior(*sides, options.DEFAULT_OPTIONS.overlay(chosen))
    except BaseException as problem:
        send("failed", "%s: %s" % (type(problem).__name__, problem))
        return
    if isinstance(found, str):
        send("failed", found)
        return
    for item in found[:FOUND_MAX]:
        send("differs", {str(name): str(text) for name, text in item.args.items()})
