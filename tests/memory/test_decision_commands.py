"""`trueup decisions` from one end to the other, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from trueup.cli import cli

ROOT: Final = Path(__file__).parents[2]
RULE: Final = """kind: forbid-pattern
pattern: print($$$ARGS)
message: Use the log
examples: {bad: ["print(1)"], good: ["log(1)"]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("", "utf-8")
    (folder / "src" / "a.py").write_text("print(1)\n", "utf-8")
    (folder / "rule.yml").write_text(RULE, "utf-8")
    monkeypatch.chdir(folder)
    return folder


def trueup(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["decisions", *words])
    assert result.exit_code == code, result.output
    return result


def test_the_whole_life(project: Path) -> None:
    assert "no decisions yet" in trueup("list").output
    made = trueup("add", "Nothing is printed", "--severity", "veto", "--path", "src/**",
                  "--rule", "rule.yml")  # fmt: skip
    assert made.stdout == "proposed: docs/decisions/0001-nothing-is-printed.md\n"
    trueup("check")
    assert trueup("accept", "1").stdout.startswith("accepted: docs/decisions/0001")
    found = trueup("check", code=1).stdout
    assert found == (
        "src/a.py:1:1: error Use the log (decision 0001: Nothing is printed);"
        " `# trueup: ignore[0001] reason` makes an exception\n"
        "1 files, 1 rules in force, 1 findings\n"
    )
    (project / "src" / "a.py").write_text("print(1)  # trueup: ignore[1] a toy\n", "utf-8")
    assert "decision 0001 is overridden once" in trueup("check").stdout
    trueup("add", "Everything is printed", "--supersedes", "1", "--accepted")
    assert "superseded" in trueup("list", "--status", "superseded").stdout
    assert trueup("retire", "0002").stdout.startswith("retired: ")
    assert "Use the log" in trueup("show", "1").stdout


def test_json(project: Path) -> None:
    made = json.loads(trueup("add", "Nothing [bold] is printed", "--severity", "veto",
                             "--rule", "rule.yml", "--accepted", "--json").stdout)  # fmt: skip
    assert (made["name"], made["status"], made["rules"]) == ("0001", "accepted", ["forbid-pattern"])
    listed = json.loads(trueup("list", "--json").stdout)
    assert listed == [made]
    assert json.loads(trueup("show", made["id"], "--json").stdout)["body"].startswith("# Nothing")
    found = json.loads(trueup("check", "src", "--json", code=1).stdout)
    assert found["files"] == 1
    finding = found["findings"][0]
    assert (finding["decision"], finding["code"], finding["path"]) == (
        made["id"], "decision", "src/a.py",
    )  # fmt: skip
    assert [finding[key] for key in ("line", "column", "end_line", "end_column")] == [1, 1, 1, 9]
    assert (project / made["path"]).is_file()


def test_broken_decisions_are_two(project: Path) -> None:
    trueup("add", "Nothing is printed", "--rule", "rule.yml", "--accepted")
    (project / "docs" / "decisions" / "0002-broken.md").write_text("---\nid: [\n---\n", "utf-8")
    result = trueup("check", code=2)
    assert "docs/decisions/0002-broken.md:" in result.stderr
    assert "src/a.py:1:1: information Use the log" in result.stdout


def test_a_rule_that_cannot_be_read_is_said_at_once(project: Path) -> None:
    (project / "rule.yml").write_text("kind: forbid-patern\n", "utf-8")
    result = trueup("add", "Nothing is printed", "--rule", "rule.yml", code=2)
    assert "did you mean 'forbid-pattern'?" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "7"], "there is no decision '7'"),
        (["accept", "x"], "there is no decision 'x'"),
        (["add", " "], "a decision needs a title"),
        (["add", "x", "--rule", "nowhere.yml"], "nowhere.yml cannot be read as a rule"),
        (["add", "x", "--supersedes", "9"], "there is no decision '9'"),
        (["check", "/etc/passwd"], "/etc/passwd lies outside the project"),
    ],
)
@pytest.mark.usefixtures("project")
def test_errors_are_one_sentence(words: list[str], says: str) -> None:
    assert trueup(*words, code=2).stderr == f"trueup: {says}\n"


def test_export_says_whether_it_is_due(project: Path) -> None:
    trueup("add", "Nothing is printed", "--accepted")
    assert trueup("export", "--check", code=1).stdout == "not up to date: AGENTS.md\n"
    assert trueup("export").stdout == "written: AGENTS.md\n"
    assert trueup("export", "--check").stdout == "everything is up to date\n"
    trueup("export", "--to", "cursor")
    trueup("retire", "1")
    trueup("export")
    assert not list((project / ".cursor" / "rules").iterdir())
    assert "None yet." in (project / "AGENTS.md").read_text("utf-8")


def test_what_a_file_says_does_not_steer_the_terminal(project: Path) -> None:
    (project / "rule.yml").write_text(RULE.replace("Use the log", r'"\x1b[31mred"'), "utf-8")
    trueup("add", "Nothing \x1b[2J is printed", "--rule", "rule.yml", "--accepted")
    (project / "src" / "a.py").write_text("print('\x1b[2J\u202e')\n", "utf-8")
    for words in (["check"], ["list"], ["show", "1"]):
        said = trueup(*words)
        assert "\x1b" not in said.output
        assert "\u202e" not in said.output


def test_one_page_under_two_names(project: Path) -> None:
    (project / "AGENTS.md").write_text("# Ours\n", "utf-8")
    (project / "CLAUDE.md").symlink_to("AGENTS.md")
    trueup("add", "Ends <!-- trueup: end of decisions --> here", "--accepted")
    assert trueup("export").stdout == "written: AGENTS.md\n"
    first = (project / "AGENTS.md").read_text("utf-8")
    assert first.startswith("# Ours\n")
    assert first.count("<!--") == 2
    trueup("add", "Another", "--accepted")
    trueup("export", "--to", "claude", "--to", "agents")
    assert (project / "CLAUDE.md").is_symlink()
    assert (project / "AGENTS.md").read_text("utf-8").count("<!--") == 2
    listed = json.loads(trueup("list", "--json").stdout)
    assert [item["path"] for item in listed if item["origin"] == "instructions"] == ["AGENTS.md"]


def test_our_own_house(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our decisions are read without a remark, and our code keeps them."""
    monkeypatch.chdir(ROOT)
    found = json.loads(trueup("check", "--json").stdout)
    assert not found["problems"]
    assert not found["findings"]
    assert found["decisions"] >= 7
