"""Decisions that the code left behind, as it happens to people: through git and an editor."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from trueup import StaleError, workspace
from trueup.cli import cli
from trueup.conformance import Conformance
from trueup.memory import evidence
from trueup.memory.normal import digests
from trueup.memory.places import load
from trueup.memory.project import check
from trueup.memory.staleness import Stale, staleness

CLIENT: Final = '''class Client:
    """Talks to others."""

    def get(self, url):
        for attempt in range(3):
            answer = self.session.get(url, timeout=attempt)
            if answer.ok:
                return answer
        raise OSError(url)
'''
DECISION: Final = """---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: The client tries again
status: proposed
severity: warn
scope: {paths: [src/shop/http.py], symbols: [shop.http.Client.get]}
evidence: [{path: src/shop/http.py, symbol: shop.http.Client}]   # seen in March
# Nobody before it.
supersedes: []
---
Why.
"""
PATH: Final = "docs/decisions/0001-client.md"
RULE: Final = """kind: forbid-pattern
pattern: print($$$ARGS)
examples: {bad: ["print(1)"], good: ["log(1)"]}
"""


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> None:
        plain = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.hooksPath=")
        subprocess.run(["git", *plain, *words], cwd=self.root, check=True, capture_output=True)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode()

    def commit(self, message: str = "Change it") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def stale(self) -> list[tuple[Stale, str]]:
        root = str(self.root)
        return [(item.why, item.says) for item in staleness(root, load(root))]

    def whys(self) -> set[Stale]:
        return {why for why, _ in self.stale()}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """With one accepted decision about a method, which rests on its class."""
    made = Repository(tmp_path)
    made.write("pyproject.toml", "")
    made.write("src/shop/__init__.py", "")
    made.write("src/shop/http.py", CLIENT)
    made.write("src/shop/other.py", "def unlike():\n    return [1, 2, 3]\n")
    made.write(PATH, DECISION)
    monkeypatch.chdir(tmp_path)
    trueup("accept", "1")
    made.commit("Begin")
    assert made.stale() == []
    return made


def trueup(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["decisions", *words])
    assert result.exit_code == code, result.output
    return result


def test_accepting_writes_digests_and_nothing_else(repository: Repository) -> None:
    lines = repository.read(PATH).splitlines()
    assert lines[3] == "status: accepted"
    assert lines[6] == "evidence:"
    assert "symbol: shop.http.Client, hash: " in lines[7]
    assert "follows: true" in lines[8]
    kept = [line for number, line in enumerate(lines) if number not in {3, 6, 7, 8}]
    old = [line for number, line in enumerate(DECISION.splitlines()) if number not in {3, 6}]
    assert kept == old


def test_an_edit_of_the_evidence(repository: Repository) -> None:
    repository.write("src/shop/http.py", CLIENT.replace("range(3)", "range(1)"))
    repository.commit()
    ((why, says),) = repository.stale()
    assert why is Stale.EVIDENCE_CHANGED
    assert "shop.http.Client changed" in says
    assert "shop.http.Client changed" in trueup("list").stderr
    assert "shop.http.Client changed" in trueup("check").stderr
    told = CliRunner().invoke(cli, ["check"])
    assert (told.exit_code, "shop.http.Client changed" in told.output) == (0, True)
    assert any(says == item.message for item in Conformance(repository.root).problems)
    assert "status: accepted" in repository.read(PATH)
    trueup("review", "1")
    assert "status: needs-review" in repository.read(PATH)
    trueup("refresh", "1")
    assert "status: accepted" in repository.read(PATH)
    assert repository.stale() == []


def test_a_revert_makes_it_fresh_again(repository: Repository) -> None:
    repository.write("src/shop/http.py", CLIENT.replace("range(3)", "range(1)"))
    repository.commit()
    assert repository.whys() == {Stale.EVIDENCE_CHANGED}
    repository.git("revert", "--no-edit", "HEAD")
    assert repository.stale() == []


def test_formatting_and_comments_are_no_change(repository: Repository) -> None:
    text = CLIENT.replace(
        "(url, timeout=attempt)", "(\n                url,\n  timeout=attempt,\n)"
    )
    text = text.replace("Talks to others.", "Talks.").replace(
        "if answer.ok:", "if (answer.ok):  # 2xx"
    )
    repository.write("src/shop/http.py", f"# A new comment\n\n\n{text}")
    repository.commit()
    assert repository.stale() == []


def test_half_typed_code_says_nothing(repository: Repository) -> None:
    repository.write("src/shop/http.py", CLIENT.replace("raise OSError(url)", "raise OSError("))
    repository.commit()
    assert repository.stale() == []


def test_a_renamed_file_is_followed(repository: Repository) -> None:
    repository.git("mv", "src/shop/http.py", "src/shop/web.py")
    repository.commit()
    says = [text for why, text in repository.stale() if why is Stale.MOVED]
    assert len(says) == 2
    assert (
        "shop.http.Client.get moved to shop.web.Client.get; `trueup decisions follow 0001`"
        in (says[1])
    )
    told = trueup("follow", "1").stdout
    assert f"{PATH}: shop.http.Client.get is shop.web.Client.get" in told
    repository.commit()
    assert repository.stale() == []
    (item,) = load(str(repository.root))
    assert item.scope.paths == ("src/shop/web.py",)
    assert item.scope.symbols == ("shop.web.Client.get",)
    assert "# Nobody before it." in repository.read(PATH)
    assert "nothing that decision 0001 names has moved" in trueup("follow", "1", code=2).output


def test_a_renamed_method_is_followed(repository: Repository) -> None:
    repository.write("src/shop/http.py", CLIENT.replace("def get", "def fetch"))
    repository.commit()
    assert repository.whys() == {Stale.MOVED, Stale.EVIDENCE_CHANGED}
    trueup("follow", "1")
    assert repository.whys() == {Stale.EVIDENCE_CHANGED}
    assert load(str(repository.root)).decisions[0].scope.symbols == ("shop.http.Client.fetch",)


def test_two_that_it_could_be_are_not_followed(repository: Repository) -> None:
    repository.git("mv", "src/shop/http.py", "src/shop/web.py")
    repository.write("src/shop/copy.py", CLIENT)
    repository.commit()
    assert repository.whys() == {Stale.EVIDENCE_GONE, Stale.SYMBOL_GONE, Stale.PATHS_EMPTY}


def test_a_merge_that_deletes_it(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "without")
    repository.git("rm", "-q", "src/shop/http.py")
    repository.commit("Remove it")
    repository.git("checkout", "-q", "main")
    repository.write("src/shop/more.py", "x = 1\n")
    repository.commit()
    assert repository.stale() == []
    repository.git("merge", "-q", "--no-edit", "without")
    assert repository.whys() == {Stale.EVIDENCE_GONE, Stale.SYMBOL_GONE, Stale.PATHS_EMPTY}


def test_a_folder_of_several_that_went(repository: Repository) -> None:
    repository.write("lib/a.py", "x = 1\n")
    trueup(
        "add", "Two places", "--path", "lib/**", "--path", "src/**", "--path", "*.pyi", "--accepted"
    )
    repository.commit()
    assert repository.stale() == []
    repository.git("mv", "lib", "src/lib")
    repository.commit()
    ((why, says),) = repository.stale()
    assert (why, says) == (
        Stale.PATHS_EMPTY, "needs a review: there is no lib, which its scope names",
    )  # fmt: skip


def test_files_that_are_not_python_count(repository: Repository) -> None:
    repository.write(".github/workflows/ci.yml", "on: push\n")
    trueup("add", "One workflow", "--path", ".github/workflows/*.yml", "--accepted")
    repository.commit()
    assert repository.stale() == []
    repository.git("rm", "-q", ".github/workflows/ci.yml")
    repository.commit()
    assert repository.whys() == {Stale.PATHS_EMPTY}


def test_a_rule_that_only_exceptions_answer(repository: Repository) -> None:
    (repository.root / "rule.yml").write_text(RULE, "utf-8")
    trueup("add", "Nothing is printed", "--severity", "veto", "--path", "src/shop/tell/**",
           "--rule", "rule.yml", "--accepted")  # fmt: skip
    says = "2 files make an exception from it, 1 keep it"
    for name in "abc":
        repository.write(f"src/shop/tell/{name}.py", "log(1)\n")
    repository.commit()
    assert says not in trueup("check").output
    for name in "ab":
        text = "print(1)  # trueup: ignore[2] people read it\n"
        repository.write(f"src/shop/tell/{name}.py", text)
        repository.commit()
    assert says in trueup("check").output
    # What is asked of some files only is not enough to say so.
    assert says not in trueup("check", "src/shop/tell/a.py").output


def test_two_branches_each_add_one(repository: Repository) -> None:
    for branch in ("one", "two"):
        repository.git("checkout", "-q", "-b", branch, "main")
        trueup("add", f"What {branch} decided")
        repository.commit()
    repository.git("merge", "-q", "--no-edit", "one")
    known = load(str(repository.root))
    assert len({item.id for item in known}) == len(known) == 3
    assert not known.problems
    made = {known.short(item) for item in known if item.title.startswith("What")}
    # Both have the number 0002, so that their ids are what they are called.
    assert made == {item.id for item in known if item.title.startswith("What")}


def test_what_an_editor_saved_meanwhile_is_never_overwritten(repository: Repository) -> None:
    root = str(repository.root)
    (read,) = load(root)
    edited = repository.read(PATH) + "One more sentence.\n"
    repository.write("src/shop/http.py", CLIENT.replace("range(3)", "range(1)"))
    repository.write(PATH, edited)
    for change in (evidence.accept, evidence.pin, evidence.refresh, evidence.review):
        with pytest.raises(StaleError):
            change(root, read)
    assert repository.read(PATH) == edited


@pytest.mark.parametrize("path", ["../../etc/passwd", "x" * 5000, '"a\\0b"', "docs", "/etc/passwd"])
def test_hostile_evidence_is_only_not_there(repository: Repository, path: str) -> None:
    text = DECISION.replace("src/shop/http.py, symbol: shop.http.Client", path)
    repository.write(PATH, text.replace("proposed", "accepted"))
    repository.commit()
    assert repository.whys() <= {Stale.EVIDENCE_GONE}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("def f(a):\n    return (a + b) * c\n", "def f(a):\n    return a + b * c\n"),
        ("def f(a):\n    return 'b'\n", "def f(a):\n    return b'b'\n"),
        (
            "def f(a):\n    if a:\n        g()\n    h()\n",
            "def f(a):\n    if a:\n        g()\n        h()\n",
        ),
        ("@cache\ndef f(a):\n    return a\n", "def f(a):\n    return a\n"),
        ("def f(a):\n    return a[1:]\n", "def f(a):\n    return a[:1]\n"),
        ("def f(a):\n    return a,\n", "def f(a):\n    return a\n"),
    ],
)
def test_what_means_something_else_has_another_digest(one: str, two: str) -> None:
    first, second = digests(one), digests(two)
    assert first is not None
    assert second is not None
    assert first.symbols["f"] != second.symbols["f"]


def test_many_decisions_over_many_files(tmp_path: Path) -> None:
    """200 decisions over 400 files, each of which has lost its symbol."""
    for number in range(400):
        body = "".join(
            CLIENT.replace("Client", f"Client{part}").replace(
                "range(3)", f"range({number}, {part})"
            )
            for part in range(4)
        )
        file = tmp_path / "shop" / f"m{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(body, "utf-8")
    folder = tmp_path / "docs" / "decisions"
    folder.mkdir(parents=True)
    for number in range(200):
        text = DECISION.replace("8D0E", f"8{number:03}").replace("proposed", "accepted")
        text = text.replace("src/shop/http.py", f"shop/m{number}.py")
        text = text.replace("shop.http.Client", f"shop.m{number}.Gone")
        text = text.replace("Gone}", f"Gone, hash: v1-{number:016x}}}")
        (folder / f"{number:04}-x.md").write_text(text, "utf-8")
    known = load(str(tmp_path))
    start = time.perf_counter()
    found = staleness(str(tmp_path), known)
    spent = time.perf_counter() - start
    assert len(found) == 400
    # On a quiet machine it is half a second; this one may have other work.
    assert spent < 10


def _edited(repository: Repository) -> None:
    repository.write("src/shop/http.py", CLIENT.replace("range(3)", "range(1)"))


def _renamed(repository: Repository) -> None:
    repository.git("mv", "src/shop/http.py", "src/shop/web.py")


def _removed(repository: Repository) -> None:
    repository.git("rm", "-q", "src/shop/http.py")


def _method_removed(repository: Repository) -> None:
    repository.write("src/shop/http.py", CLIENT.replace("def get", "def fetch").replace("3", "4"))


def _excused(repository: Repository) -> None:
    front = DECISION.replace("0E\n", "0F\n").replace("status: proposed", "status: accepted")
    plain = front.replace("scope: {paths: [src/shop/http.py], symbols: [shop.http.Client.get]}",
                          "scope: {paths: [src/shop/**]}")  # fmt: skip
    plain = plain.replace("evidence: [{path: src/shop/http.py, symbol: shop.http.Client}]",
                          "evidence: []")  # fmt: skip
    repository.write("docs/decisions/0002-print.md", f"{plain}\n```rule\n{RULE}```\n")
    for name in ("__init__", "other", "http"):
        path = f"src/shop/{name}.py"
        excuse = "print(1)  # trueup: ignore[0002] a reason\n"
        repository.write(path, repository.read(path) + excuse)


@pytest.mark.parametrize(
    ("change", "whys"),
    [
        (_edited, {Stale.EVIDENCE_CHANGED}),
        (_renamed, {Stale.MOVED, Stale.PATHS_EMPTY}),
        (_removed, {Stale.EVIDENCE_GONE, Stale.SYMBOL_GONE, Stale.PATHS_EMPTY}),
        (_method_removed, {Stale.EVIDENCE_CHANGED, Stale.SYMBOL_GONE}),
        (_excused, {Stale.CONTRADICTED}),
    ],
    ids=["an edit", "a rename", "a removal", "a new name and body", "exceptions"],
)
def test_each_state_comes_from_a_commit_and_goes_with_it(
    repository: Repository, change: Callable[[Repository], None], whys: set[Stale]
) -> None:
    change(repository)
    repository.commit("Leave the decision behind")
    root = str(repository.root)

    def found() -> set[Stale]:
        known = load(root)
        return {item.why for item in check(root, known, workspace.python_files(root)).stale}

    assert found() == whys
    repository.git("revert", "--no-edit", "HEAD")
    assert found() == set()


def test_every_state_is_among_them() -> None:
    marks = test_each_state_comes_from_a_commit_and_goes_with_it.pytestmark  # type: ignore[attr-defined]
    assert set().union(*(whys for _, whys in marks[0].args[1])) == set(Stale)
