"""Projects written out with what tach finds in them, and those where we find something else.

`pytest --update-cases` rewrites the findings; read them before you commit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from support import tach_projects
from support.tach_projects import boundaries, rows

FOLDER: Final = Path(__file__).parent / "cases"
_BLOCK: Final = re.compile(r"^```(\w+)(?: path=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Case:
    file: Path
    title: str
    files: dict[str, str]
    findings: str

    def __str__(self) -> str:
        return self.title


def cases(file: Path) -> list[Case]:
    found = []
    for section in file.read_text("utf-8").split("\n## ")[1:]:
        blocks = list(_BLOCK.finditer(section))
        files = {block[2]: block[3] for block in blocks if block[2]}
        expected = next(block[3] for block in blocks if block[1] == "findings")
        found.append(Case(file, section.partition("\n")[0], files, expected))
    return found


def said(case: Case) -> str:
    """Everything that we find, a line each."""
    ours = boundaries(case.files)
    paths = sorted(path for path in ours.files.walked() if path in case.files)
    used = {use for path in paths for use in ours.uses(path, case.files[path])}
    problems = (*ours.problems, *ours.unused(used))
    lines = [
        f"{each.source.path}:{each.source.line}: {each.severity}: {each.message}"
        for each in sorted(problems, key=lambda each: (each.source.path, each.source.line))
    ]
    for path in paths:
        for each in ours.judge(path, case.files[path]):
            place = f"{path}:{each.line}"
            if each.statement != each.line:
                place += f" (of {each.statement})"
            by = f"{each.source.path}:{each.source.line}"
            lines.append(f"{place}: {each.severity}: {each.rule}: {each.message} ({by})")
    return "".join(f"{line}\n" for line in lines)


CASES: Final = cases(FOLDER / "tach.md")
DIFFERENCES: Final = cases(FOLDER / "differences.md")


@pytest.mark.parametrize("case", [*CASES, *DIFFERENCES], ids=str)
def test_case(case: Case, request: pytest.FixtureRequest) -> None:
    found = said(case)
    if request.config.getoption("update_cases") and found != case.findings:
        text = case.file.read_text("utf-8")
        before, title, after = text.partition(f"\n## {case.title}\n")
        old, new = f"```findings\n{case.findings}```", f"```findings\n{found}```"
        case.file.write_text(before + title + after.replace(old, new, 1), "utf-8")
        return
    assert found == case.findings


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"tach-{case}")
def test_tach_says_the_same(case: Case, tmp_path: Path) -> None:
    tach_projects.write(tmp_path, case.files)
    tach_projects.compare(tmp_path, case.files)


@pytest.mark.parametrize("case", DIFFERENCES, ids=lambda case: f"tach-{case}")
def test_tach_says_something_else(case: Case, tmp_path: Path) -> None:
    """A difference that is none any more is to be struck from the list."""
    tach_projects.write(tmp_path, case.files)
    report = tach_projects.check(tmp_path)
    ours = boundaries(case.files)
    assert report.error or rows(ours, case.files) != report.rows or ours.problems
