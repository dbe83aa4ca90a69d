"""A small shop with tests, and a contract that one of its modules can break."""

from __future__ import annotations

from pathlib import Path

from support.sessions import SOURCE, TEST_TOTAL, TOTAL
from support.tiny_projects import Project

CONTRACT = """
[project]
name = "shop"
version = "1"

[[tool.trueup.contracts]]
kind = "forbidden"
name = "Totals know no web"
from = ["shop.total"]
forbid = ["shop.web"]
"""
ILLEGAL = 'SIGN = "🧾🧾"; import shop.web; TEA = "🍵"  # 🛒\n'
"""An import that the contract forbids, among characters outside of the basic plane."""
LEGAL = ILLEGAL.replace("import shop.web; ", "")


def shop_without_a_web(root: Path, interpreter: Path) -> Project:
    """A project whose contract is kept."""
    root.mkdir()
    made = Project(root, interpreter)
    made.put("pyproject.toml", CONTRACT)
    made.put("shop/__init__.py", "")
    made.put("shop/web.py", "PAGE = 1\n")
    made.put(SOURCE, TOTAL)
    made.put("tests/test_total.py", TEST_TOTAL)
    # Tests find the package from the root, as `python -m pytest` does.
    made.put("conftest.py", "")
    return made
