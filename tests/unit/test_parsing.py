"""Syntax trees are built one at a time, whoever builds them."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from rope.base import ast as rope_ast

from trueup import parsing

SOURCE = "value = " + "+".join(f"[{{'a': ({number}, f(x)[{number}])}}]" for number in range(80))
ROUNDS = 60
BUILDERS = {
    "parse_module": parsing.parse_module,
    "rope": rope_ast.parse,
    "whoever asks Python": ast.parse,
}


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads that take turns as often as they can, also in the middle of a tree: what collects
    garbage there runs Python.
    """

    def collected(*_: object) -> None:
        sum(range(20))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    gc.callbacks.append(collected)
    yield
    gc.callbacks.remove(collected)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", BUILDERS)
def test_threads_that_build_trees_do_not_disturb_each_other(name: str) -> None:
    def build(function: Callable[[str], object]) -> None:
        for _ in range(ROUNDS):
            function(SOURCE)

    with ThreadPoolExecutor(2) as pool:
        for future in [
            pool.submit(build, BUILDERS[name]),
            pool.submit(build, parsing.parse_module),
        ]:
            future.result()
