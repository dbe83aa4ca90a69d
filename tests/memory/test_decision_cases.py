r"""Decisions on the cases of tests/cases/decisions: files, what is done to them, and what is said.

A case is a title, prose and blocks:

    markdown path=docs/decisions/0001-x.md     a file of the project, as any other `path=`
    run                                        one command a line, as after `trueup decisions`
    after=docs/decisions/0001-x.md             that file as the commands leave it
    says                                       all that is said; `pytest --update-cases` rewrites it

`\u202e` in a file is that character, `$ID` in what is said is an id that was made up.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cases.literate import Block, Draft, drafts_in, with_block
from trueup import TrueupError, workspace
from trueup.memory import evidence, export, lifecycle
from trueup.memory.decisions import Decisions
from trueup.memory.places import load
from trueup.memory.project import check

FOLDER: Final = Path(__file__).parent.parent / "cases" / "decisions"
CASES: Final = tuple(
    (file, draft) for file in sorted(FOLDER.glob("*.md")) for draft in drafts_in(file)
)
_ID: Final = re.compile(r"\b01[0-9A-Z]{24}\b")
_ESCAPE: Final = re.compile(r"\\u([0-9a-f]{4})")


@pytest.mark.parametrize(
    ("file", "draft"), CASES, ids=[f"{file.stem}: {draft.title}" for file, draft in CASES]
)
def test_case(file: Path, draft: Draft, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    written = dict(_files(draft, "path"))
    for path, text in written.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8"))
    root = str(tmp_path)
    said = [line for block in _blocks(draft, "run") for line in _run(root, block)]
    said += (_ID.sub("$ID", line) for line in _report(root))
    expected = next(iter(_blocks(draft, "says")))
    if request.config.getoption("--update-cases"):
        now = next(item for item in drafts_in(file) if item.title == draft.title)
        block = next(iter(_blocks(now, "says")))
        file.write_text(with_block(file, block, tuple(said)), "utf-8")
    else:
        assert "\n".join(said) == expected.text.rstrip("\n"), f"{file.name}:{draft.line}"
    for path, text in _files(draft, "after"):
        assert (tmp_path / path).read_bytes().decode() == text, f"{file.name}:{draft.line}"


def _blocks(draft: Draft, word: str) -> Iterator[Block]:
    return (block for block in draft.blocks if block.words[:1] == (word,))


def _files(draft: Draft, attribute: str) -> Iterator[tuple[str, str]]:
    for block in draft.blocks:
        if path := block.attribute(attribute):
            yield path, _ESCAPE.sub(lambda match: chr(int(match[1], 16)), block.text)


def _run(root: str, block: Block) -> Iterator[str]:
    for line in block.text.splitlines():
        try:
            _command(root, shlex.split(line))
        except TrueupError as problem:
            yield f"refused {line}: {problem}"


def _command(root: str, words: list[str]) -> None:
    known = load(root)
    match words:
        case ["add", title, *rules]:
            lifecycle.add(root, lifecycle.Draft(title, rules=tuple(rules)))
        case ["accept", name]:
            evidence.put_in_force(root, known, lifecycle.clear(known, name))
        case ["retire", name]:
            lifecycle.retire(root, lifecycle.clear(known, name))
        case ["supersede", old, new]:
            lifecycle.supersede(root, lifecycle.clear(known, old), lifecycle.clear(known, new))
        case ["review", name]:
            evidence.review(root, lifecycle.clear(known, name))
        case ["refresh", name]:
            evidence.refresh(root, lifecycle.clear(known, name))
        case ["follow", name]:
            evidence.follow(root, known, lifecycle.clear(known, name))
        case ["export", target]:
            for page in export.pages(root, known, export.Target(target)):
                export.write(root, page)
        case _:
            raise AssertionError(f"no command: {words}")


def _report(root: str) -> Iterator[str]:
    known = load(root)
    for item in known:
        yield f"{_name(known, item.id)} {item.status} {item.severity}: {item.title}"
    found = check(root, known, workspace.python_files(root))
    for problem in found.problems:
        yield f"{problem.source.path}:{problem.source.line} {problem.severity} {problem.message}"
    for finding in found.findings:
        place = f"{finding.path}:{finding.line}:{finding.column}-{finding.end_column}"
        yield f"{place} {finding.severity} {finding.says}"
    for override in found.overrides:
        name = _name(known, override.decision)
        needed = "" if override.used else ", for nothing"
        yield f"{override.path}:{override.line} overrides {name}{needed}: {override.reason}"


def _name(known: Decisions, identity: str) -> str:
    return known.short(known.find(identity)[0])
