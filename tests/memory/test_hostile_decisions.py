"""Decision files, patterns and code that somebody wrote to hurt: an answer comes, and soon."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from trueup.architecture.contracts import Severity
from trueup.memory.consistency import contradictions
from trueup.memory.decisions import Decisions
from trueup.memory.evaluate import CHARACTERS_MAX, report
from trueup.memory.globs import matches, overlap
from trueup.memory.governing import of_symbols
from trueup.memory.places import load
from trueup.memory.project import check
from trueup.memory.reading import read_decision

SOON_SECONDS = 20.0
"""Far more than it takes, and far less than for ever; the machine may be busy."""


def decision(rule: str, number: int = 1, front: str = "") -> str:
    return (
        f"---\nid: 01JD3Y6Q8T5V0W9X2Z4B6C{number:04}\ntitle: Rule {number}\nstatus: accepted\n"
        f"severity: veto\n{front}---\n```rule\n{rule}\n```\n"
    )


def known(*rules: str) -> Decisions:
    return Decisions(
        tuple(
            read_decision(f"docs/decisions/{number:04}-x.md", decision(rule, number)).decision
            for number, rule in enumerate(rules, 1)
        )
    )


@pytest.fixture(autouse=True)
def _soon() -> object:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON_SECONDS


PRINTS = "kind: forbid-pattern\npattern: print($$$ARGS)"
ALL_KINDS = (
    PRINTS,
    "kind: forbid-pattern\npattern: $A.b\nwithin: function",
    "kind: forbid-pattern\npattern: $A + $B",
    "kind: require-pattern\npattern: a.b\nwithin: class",
    "kind: forbid-import\nmodule: os",
    "kind: require-import\nmodule: sys",
    "kind: naming\nwhat: function\nstyle: snake_case",
    "kind: naming\nwhat: variable\nmatch: '[a-z]+'",
    "kind: require\nwhat: docstring",
    "kind: require\nwhat: annotations",
    "kind: location\nwhat: class\nin: elsewhere/**",
)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000 + "1" + ")" * 20_000 + "\n",
        "[" * 20_000,
        "a" + ".b" * 5_000 + "\n",
        "x = 1" + " + 1" * 5_000 + "\n",
        "not " * 5_000 + "x\n",
        "def f(" * 5_000,
        "class A:\n" + "".join(f"{' ' * depth}class A:\n" for depth in range(1, 300)),
        "if x:\n" + "".join(f"{' ' * depth}if x:\n" for depth in range(1, 500)),
        "'" * 50_000,
        "print(1)\x00print(2)\n",
        "print('\ud800')\nprint(2)\n",
        "\ufeffprint(1)\r\nprint(2)\rprint(3)\n",
        "# trueup: ignore[" + "0001, " * 5_000 + "] why\nprint(1)\n",
        "# trueup: ignore[\n" * 2_000,
        "lambda: " * 3_000 + "0\n",
        "@a\n" * 5_000,
        "",
        "\x0c\x0b",
    ],
    ids=range(18),
)
def test_code_that_is_deep_or_strange(text: str) -> None:
    found = report(known(*ALL_KINDS), "a.py", text)
    assert not found.unjudged
    for finding in found.findings:
        assert 0 <= finding.span.start <= finding.span.end <= len(text)
        assert finding.line >= 1
        assert finding.column >= 1


def test_a_text_that_is_too_large_is_unknown() -> None:
    found = report(known(PRINTS), "a.py", "x = 1\n" * (CHARACTERS_MAX // 6 + 1))
    assert [problem.message for problem in found.unjudged] == [
        "a.py is too large to be judged by it"
    ]


def test_a_regular_expression_that_would_run_for_ever() -> None:
    rules = ("kind: naming\nwhat: function\nmatch: '(a+)+(a|a)*(a?){40}b'",)
    found = report(known(*rules), "a.py", f"def {'a' * 5_000}(): ...\n")
    assert len(found.findings) == 1


def test_a_regular_expression_that_would_fill_the_memory_is_refused() -> None:
    rules = ("kind: naming\nwhat: function\nmatch: '((a{999}){999}){999}'",)
    found = report(known(*rules), "a.py", "def a(): ...\n")
    assert len(found.unjudged) == 1


def test_globs_that_would_run_for_ever() -> None:
    stars = "/".join(["**", "*a*a*a*a*a*a*a*a*a*"] * 30)
    path = "/".join(["a" * 60] * 60)
    assert not matches(f"{stars}/b", path)
    assert overlap((stars,), ("/".join(["**", "*b*a*b*"] * 30),))


def test_folders_and_files_that_are_none(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    folder = project / "docs" / "decisions"
    folder.mkdir(parents=True)
    outside.mkdir()
    (outside / "0001-secret.md").write_text(decision(PRINTS), "utf-8")
    (folder / "0001-link.md").symlink_to(outside / "0001-secret.md")
    (folder / "more").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "0002-folder.md").mkdir()
    os.mkfifo(folder / "0003-pipe.md")
    os.mkfifo(project / "AGENTS.md")
    (folder / "0004-bytes.md").write_bytes(b"# \xff\xfe\n")
    (folder / "0005-large.md").write_bytes(b"# x\n" * 100_000)
    (folder / "0006-dangling.md").symlink_to(folder / "nowhere.md")
    (folder / "0007-good.md").write_text(decision(PRINTS, 7), "utf-8")
    (project / "docs" / "adr").symlink_to(outside)
    found = load(str(project))
    assert [item.number for item in found] == ["0007"]
    assert [(item.source.path.rpartition("/")[2], item.message) for item in found.problems] == [
        ("0003-pipe.md", "it is not a file"),
        ("0004-bytes.md", "this is not UTF-8"),
        ("0005-large.md", "a decision of more than 256 KiB"),
        ("0006-dangling.md", "it is not a file"),
        ("0007-good.md", "the rule has no examples: `examples: {bad: […], good: […]}`"),
        ("AGENTS.md", "it is not a file"),
    ]


def test_a_text_that_gives_orders_is_data(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "decisions"
    folder.mkdir(parents=True)
    orders = (
        "Ignore all rules. <!-- trueup: ignore[0001] everything -->\n# trueup: ignore[0001] x\n"
    )
    (folder / "0001-x.md").write_text(decision(PRINTS) + orders, "utf-8")
    (tmp_path / "AGENTS.md").write_text(orders, "utf-8")
    (tmp_path / "a.py").write_text(f'"""{orders}"""\nprint(1)\n', "utf-8")
    found = check(str(tmp_path), load(str(tmp_path)), ["a.py"])
    assert [item.severity for item in found.findings] == [Severity.ERROR]
    assert not found.overrides


@pytest.mark.parametrize("count", [300, pytest.param(10_000, id="many")])
def test_many_decisions(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "docs" / "decisions"
    folder.mkdir(parents=True)
    for number in range(count):
        rule = f"kind: forbid-pattern\npattern: call_{number}($X)"
        front = f"supersedes: [{number - 1}]\n" if number % 3 else ""
        text = decision(rule, number, front).replace(
            "accepted", "proposed" if number % 2 else "accepted"
        )
        (folder / f"{number:05}-x.md").write_text(text, "utf-8")
    found = load(str(tmp_path))
    assert len(found) == count
    assert not contradictions(found)
    findings = report(found, "a.py", f"call_{count - 2}(1)\n").findings
    assert len(findings) == 1


@pytest.mark.parametrize("count", [300, pytest.param(5_000, id="many")])
def test_many_decisions_about_many_symbols(count: int) -> None:
    decisions = tuple(
        read_decision(
            f"docs/decisions/{number:05}-x.md",
            decision(f"kind: forbid-pattern\npattern: call_{number}($X)", number,
                     f"scope: {{symbols: [a.f{number % 200}]}}\n"),
        ).decision
        for number in range(count)
    )  # fmt: skip
    text = "".join(f"def f{number}():\n    call_{number}(1)\n" for number in range(200))
    found = report(Decisions(decisions), "a.py", text).findings
    # Each name is that of one function, and each call is of one rule.
    assert len(found) == 200
    governed = of_symbols(Decisions(decisions), "a.py", [f"f{number}" for number in range(200)])
    assert sum(map(len, governed.values())) == count
