"""Ruff on unsaved text: its positions are our characters, and its failures are sentences."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from trueup import linting
from trueup.linting import Finding, LintFailure
from trueup.snapshot import Document, apply_edits


async def found(root: Path, document: Document, *select: str) -> tuple[Finding, ...]:
    answer = await linting.diagnostics(str(root), document, select=select)
    assert not isinstance(answer, LintFailure), answer
    return answer


async def refused(root: Path, *select: str) -> str:
    answer = await linting.diagnostics(str(root), Document("m.py", "x = 1\n"), select=select)
    assert isinstance(answer, LintFailure)
    return answer.sentence


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ('x = "😀👩‍👩‍👧"; import os\n', "utf-8"),
        ("x = 1\r\nimport os\r\n", "utf-8"),
        ("x = 1\rimport os\r", "utf-8"),
        ("import os\n", "utf-8-sig"),
        ("x = 1\n\x0cimport os\n", "utf-8"),
        ('x = "\u2028\x0c\x85"\nimport os', "utf-8"),
        ("# coding: latin-1\nx = 'é'; import os\n", "iso-8859-1"),
        ("if True:\n\timport os\n\tx = 1\n", "utf-8"),
    ],
    ids=["emoji", "crlf", "cr", "bom", "form feed", "odd separators", "latin-1", "tab"],
)
async def test_positions_are_characters(tmp_path: Path, text: str, encoding: str) -> None:
    document = Document("m.py", text, encoding=encoding)
    (finding,) = [it for it in await found(tmp_path, document) if it.diagnostic.code == "F401"]
    span = finding.diagnostic.span
    assert text[span.start : span.end] == "os"
    after = apply_edits(text, [(edit.span, edit.replacement) for edit in finding.fix])
    assert "import os" not in after
    compile(after, "m.py", "exec")
    assert finding.applicability == "safe"
    assert finding.diagnostic.source == "Ruff"


async def test_the_projects_configuration_applies(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('[lint]\nselect = ["E711"]\n')
    document = Document("m.py", "import os\nos == None\n")
    assert [it.diagnostic.code for it in await found(tmp_path, document)] == ["E711"]
    more = await found(tmp_path, document, "B015")
    assert sorted(it.diagnostic.code for it in more) == ["B015", "E711"]


async def test_a_selected_rule_is_reported_where_nothing_is_configured(tmp_path: Path) -> None:
    document = Document("m.py", "def f(a=[]):\n    return a\n")
    codes = [it.diagnostic.code for it in await found(tmp_path, document, "B006")]
    assert "B006" in codes


async def test_broken_code_has_findings_without_fixes(tmp_path: Path) -> None:
    findings = await found(tmp_path, Document("m.py", "def (:\n"))
    assert findings
    assert all(it.diagnostic.code == linting.SYNTAX_ERROR and not it.fix for it in findings)


async def test_a_broken_configuration_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text("bogus = [\n")
    sentence = await refused(tmp_path)
    assert sentence.startswith("Ruff cannot run here: Failed to parse ruff.toml;")
    assert str(tmp_path) not in sentence
    assert "\n" not in sentence


async def test_an_unknown_rule_is_a_sentence(tmp_path: Path) -> None:
    assert await refused(tmp_path, "X999") == "Ruff has no rule X999"


async def test_text_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    answer = await linting.diagnostics(str(tmp_path), Document("m.py", "x = '\ud800'\n"))
    assert answer == LintFailure("m.py holds characters that no file can hold")


async def test_a_missing_root_is_a_sentence(tmp_path: Path) -> None:
    assert (await refused(tmp_path / "gone")).startswith("Ruff cannot be started:")


async def test_a_slow_ruff_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(linting, "_binary", lambda: str(slow))
    monkeypatch.setattr(linting, "RUFF_SECONDS", 0.05)
    assert await refused(tmp_path) == "Ruff did not finish within 0.05 s"


async def test_cancelling_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The stand-in says who it is and then reads its input for ever.
    os.mkfifo(tmp_path / "pid")
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(linting, "_binary", lambda: str(slow))
    document = Document("m.py", "x = 1\n")
    task = asyncio.create_task(linting.diagnostics(str(tmp_path), document))
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUFF_OUTPUT_FILE", str(tmp_path / "written"))
    monkeypatch.setenv("RUFF_CACHE_DIR", str(tmp_path / "cache"))
    document = Document("m.py", "import os\n")
    await found(tmp_path, document)
    assert await linting.fixed(str(tmp_path), document) == ""
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the loop has nothing else to do
