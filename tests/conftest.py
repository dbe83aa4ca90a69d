"""What every test has: folders of its own, and the two ways to run the property tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from support import interpreters

settings.register_profile("default", max_examples=100, deadline=None, derandomize=True)
# Not derandomized, so that `--hypothesis-seed` decides; a shared machine makes generation slow.
settings.register_profile(
    "soak", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-cases",
        action="store_true",
        help="rewrite the verdict blocks of tests/cases/*.md to what the gate says",
    )


SOAK: Final = {
    "test_forgeries.py": ("patch",),
    "test_against_tach.py": ("soak",),
    "test_tach_cases.py": ("tach",),
    "test_lifetime.py": ("spawn", "copy"),
    "test_hostile_tests.py": ("spawn",),
    "test_session.py": ("spawn",),
    "test_copy.py": ("spawn",),
    "test_hostile_decisions.py": ("many",),
    "test_index.py": ("many",),
    "test_saving_at_once.py": ("many",),
    "test_killed.py": ("many",),
    "test_interpreters.py": ("3.9", "3.10", "3.11", "3.12"),
    "test_against_import_linter.py": ("many",),
    "test_incremental.py": ("many",),
    "test_labels.py": ("many",),
    "test_import_graph.py": ("every",),
    "test_following.py": ("many",),
    "test_captured_clients.py": ("forced",),
    "test_import_sources.py": ("many",),
    "test_scenarios.py": ("late",),
    "test_killed_applying.py": ("many",),
    "test_editors.py": ("many",),
    "test_mutated.py": ("many",),
    "test_random_edits.py": ("many",),
    "test_life.py": ("thread", "read"),
    "test_long_session.py": ("minutes", "many"),
    "test_endings_by_stage.py": ("many",),
    "test_hidden_instructions.py": ("many",),
}
"""Files of tests, and what in the id of one says that it is left to `make soak`."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = item.nodeid.rpartition("[")[2].rstrip("]")
        said = set(name.split("-"))
        if said & set(SOAK.get(item.path.name, ())):
            item.add_marker(pytest.mark.soak)


def pytest_report_header() -> str:
    """A Python that is not here says nothing about Trueup; better to see which those are."""
    here, missing = ", ".join(interpreters.found()), ", ".join(interpreters.missing())
    return f"projects of Python: {here}; not here, so unknown: {missing or 'none'}"


@pytest.fixture(autouse=True)
def _folders_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing reads or writes the folders of the person who runs the tests."""
    for kind in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / ".xdg" / kind.lower()))
