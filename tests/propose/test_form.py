"""What is proposed is written as the project's formatter writes it, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.propose.form import in_the_projects_form
from trueup.propose.hunks import minimal_edits
from trueup.snapshot import Document, Snapshot
from trueup.suggestion import Candidate

CONFIGURED = "[tool.ruff]\nline-length = 40\n"
BEFORE = "def price(net):\n    return net\n\n\nOTHER = 'x'\n"
CLEAN = BEFORE.replace("'x'", '"x"')
LONG = "    return total(net, 'reduced', rounding=True)"


@pytest.mark.parametrize(
    ("settings", "before", "expected"),
    [
        (
            CONFIGURED,
            CLEAN,
            '    return total(\n        net, "reduced", rounding=True\n    )',
        ),
        (CONFIGURED, BEFORE, LONG),
        ("", CLEAN, LONG),
        ("tool = 3", CLEAN, LONG),
        ("not toml", CLEAN, LONG),
    ],
    ids=["formatted", "not formatted before", "no Ruff", "no table", "no toml"],
)
async def test_only_in_a_formatted_file_of_a_project_with_ruff(
    tmp_path: Path, settings: str, before: str, expected: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(settings)
    snapshot = Snapshot.of(str(tmp_path), [Document("price.py", before)])
    edits = minimal_edits("price.py", before, before.replace("    return net", LONG))
    made = await in_the_projects_form(Candidate("change", edits, "model"), snapshot)
    result = snapshot.edited(made.edits).documents["price.py"].text
    assert result == before.replace("    return net", expected)
    assert made.title == "change"
