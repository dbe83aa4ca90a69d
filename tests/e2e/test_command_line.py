"""The commands as a person, a hook or CI types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.sessions import SOURCE
from support.tiny_projects import Project

Run = Callable[..., subprocess.CompletedProcess[str]]

RIGHT = ("return result - discount", "return -(discount - result)")
WRONG = ("return result - discount", "return result")
DEAD = ("return len(values) == 0", "return not values")


@pytest.fixture
def trueup(shop: Project, environment: dict[str, str]) -> Run:
    """Runs `trueup` in the project, without a terminal."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trueup", *arguments],
            cwd=shop.root,
            env=environment | {"COLUMNS": "200"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def repository(shop: Project) -> Project:
    def git(*arguments: str) -> None:
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_COMMITTER_NAME": "a"} | {
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        subprocess.run(
            ["git", "-c", "init.defaultBranch=main", *arguments],
            cwd=shop.root, env=os.environ | identity, check=True, capture_output=True,
        )  # fmt: skip

    git("init")
    git("add", ".")
    git("commit", "-m", "Start")
    return shop


def change(project: Project, replacement: tuple[str, str]) -> None:
    file = project.root / SOURCE
    file.write_text(file.read_text().replace(*replacement))


def verdict(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    ("replacement", "kind", "outcome", "code"),
    [
        (RIGHT, "refactor", "verified", 0),
        (WRONG, "refactor", "rejected", 1),
        (DEAD, "refactor", "unproven", 3),
    ],
)
def test_the_working_tree_is_judged_against_the_last_commit(
    repository: Project,
    trueup: Run,
    replacement: tuple[str, str],
    kind: str,
    outcome: str,
    code: int,
) -> None:
    change(repository, replacement)
    done = trueup("verify", "--json", "--trust", "--kind", kind, *interpreter(repository))
    answer = verdict(done)
    assert (answer["outcome"], done.returncode) == (outcome, code), answer
    assert set(answer) == {
        "outcome", "kind", "evidence", "tests", "counterexample", "isolation", "elapsed_ms",
    }  # fmt: skip
    assert set(answer["tests"]) == {
        "selected", "total", "passed", "failed", "red_before",
        "changed_statements", "covered_statements",
    }  # fmt: skip
    assert answer["tests"]["total"] == 4
    if outcome == "rejected":
        assert answer["tests"]["failed"] == ["tests/test_total.py::test_the_discount_is_taken_off"]


def interpreter(project: Project) -> tuple[str, str]:
    return "--interpreter", str(project.interpreter)


def test_what_is_staged_is_judged_as_it_would_be_committed(
    repository: Project, trueup: Run
) -> None:
    change(repository, RIGHT)
    subprocess.run(["git", "add", "-A"], cwd=repository.root, check=True)
    change(repository, (RIGHT[1], "return 17"))
    staged = trueup("verify", "--staged", "--json", "--trust", *interpreter(repository))
    assert verdict(staged)["outcome"] == "verified", staged.stdout
    tree = trueup("verify", "--json", "--trust", *interpreter(repository))
    assert verdict(tree)["outcome"] == "rejected"


def test_a_diff_of_whoever_wrote_it(repository: Project, trueup: Run) -> None:
    change(repository, WRONG)
    diff = subprocess.run(
        ["git", "diff"], cwd=repository.root, check=True, capture_output=True, text=True
    ).stdout
    subprocess.run(["git", "checkout", "."], cwd=repository.root, check=True, capture_output=True)
    before = (repository.root / SOURCE).read_bytes()
    done = trueup("verify", "--diff", "-", "--trust", *interpreter(repository), stdin=diff)
    assert done.returncode == 1
    assert "REJECTED" in done.stdout
    assert "test_the_discount_is_taken_off" in done.stdout
    assert "-    return result - discount" in done.stdout
    assert (repository.root / SOURCE).read_bytes() == before


def test_a_file_that_git_does_not_know_yet_is_part_of_the_tree(
    repository: Project, trueup: Run
) -> None:
    repository.put("shop/extra.py", "def extra():\n    return 1\n")
    repository.put(
        "tests/test_extra.py",
        "from shop.extra import extra\n\n\ndef test_it():\n    assert extra()\n",
    )
    done = trueup("verify", "--json", "--trust", "--kind", "fix", *interpreter(repository))
    answer = verdict(done)
    assert answer["tests"]["selected"] == 1, answer
    assert answer["outcome"] == "unproven"


def test_a_fix_is_shown_and_written_only_when_told(repository: Project, trueup: Run) -> None:
    change(repository, ('"""What a basket costs."""', '"""What a basket costs."""\n\nimport os'))
    before = (repository.root / SOURCE).read_text()
    shown = trueup("fix", f"{SOURCE}:3", "--trust", *interpreter(repository))
    assert shown.returncode == 0, shown.stderr
    assert "VERIFIED" in shown.stdout
    assert (repository.root / SOURCE).read_text() == before
    written = trueup("fix", f"{SOURCE}:3", "--apply", "--trust", *interpreter(repository))
    assert written.returncode == 0
    assert "import os" not in (repository.root / SOURCE).read_text()


def test_all_fixes_are_the_part_that_verifies(repository: Project, trueup: Run) -> None:
    repository.put("pyproject.toml", '[tool.ruff.lint]\nselect = ["F", "E711", "PLR5501", "SIM"]\n')
    repository.put(
        "shop/many.py",
        """
        import os


        class Anything:
            def __eq__(self, other):
                return True


        def odd(value):
            return value == None


        def dead():
            unused = 1
        """,
    )
    repository.put(
        "tests/test_many.py",
        "from shop.many import Anything, odd\n\n\ndef test_odd():\n    assert odd(Anything())\n",
    )
    done = trueup("fix", "shop/many.py", "--all", "--json", "--trust", *interpreter(repository))
    assert verdict(done)["outcome"] == "verified", done.stderr
    assert "left out E711" in done.stderr
    assert "rejected: " in done.stderr
    assert "left out F841" in done.stderr
    assert "unproven: " in done.stderr
    assert "F401" not in done.stderr


def test_without_a_terminal_nothing_runs_unless_told(repository: Project, trueup: Run) -> None:
    change(repository, RIGHT)
    done = trueup("verify", "--json", *interpreter(repository))
    answer = verdict(done)
    assert (answer["outcome"], done.returncode) == ("unproven", 3)
    assert any("not trusted this folder" in found["detail"] for found in answer["evidence"])
    asked = trueup("trust", *interpreter(repository))
    assert asked.returncode == 2
    assert str(repository.interpreter) in asked.stdout
    assert "no terminal" in asked.stderr


USAGE = {
    "no such file": (("fix", "nothing.py"), "nothing.py is not a file of this project"),
    "no such line": (("fix", f"{SOURCE}:999"), "lines"),
    "nothing found": (("fix", SOURCE), "Ruff finds nothing in shop/total.py"),
    "not a diff": (("verify", "--diff", "pyproject.toml"), "not a unified diff"),
    "diff and staged": (("verify", "--diff", "-", "--staged"), "exclude each other"),
    "no repository": (("verify",), "git says"),
    "no interpreter": (("trust",), "no interpreter"),
    "no model": (("fix", f"{SOURCE}:5", "--goal", "be nice"), "ANTHROPIC_API_KEY"),
}


@pytest.mark.parametrize("case", USAGE, ids=lambda name: name.replace(" ", "-"))
def test_a_mistake_gets_one_sentence_and_exit_code_2(trueup: Run, case: str) -> None:
    arguments, words = USAGE[case]
    done = trueup(*arguments)
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_says_what_works(shop: Project, trueup: Run) -> None:
    done = trueup("doctor", "--trust", *interpreter(shop))
    assert "4 tests found" in done.stdout
    assert str(shop.interpreter) in done.stdout
    assert "no key in ANTHROPIC_API_KEY" in done.stdout
    assert done.returncode == 0
    untrusted = trueup("doctor", *interpreter(shop))
    assert "this folder is not trusted" in untrusted.stdout


def test_trust_is_remembered_and_revoked(shop: Project, environment: dict[str, str]) -> None:
    script = Path(__file__).parents[1] / "support" / "terminal.py"
    assert script.exists()
    command = [sys.executable, str(script), "y", "trust", str(shop.root), *interpreter(shop)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "Let Trueup run it" in said.stdout
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "You trust it already" in again.stdout
    gone = subprocess.run(
        [sys.executable, "-m", "trueup", "trust", str(shop.root), "--revoke"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "not trusted any more" in gone.stdout.replace("\n", " ")


def git_diff(project: Project, *options: str) -> str:
    """What `git diff` says of everything in the folder, and the folder as it was again."""
    for command in (["git", "add", "-A"], ["git", "diff", "--cached", *options]):
        said = subprocess.run(command, cwd=project.root, check=True, capture_output=True, text=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=project.root, check=True)
    return said.stdout


def test_every_part_of_a_diff_is_judged(repository: Project, trueup: Run) -> None:
    change(repository, ('"""A name as it is printed."""', '"""A name, as it is printed."""'))
    (repository.root / "sitecustomize.py").write_bytes(b"raise SystemExit  # \0")
    diff = git_diff(repository, "--binary")
    assert "GIT binary patch" in diff
    done = trueup(
        "verify", "--diff", "-", "--json", "--trust", *interpreter(repository), stdin=diff
    )
    assert verdict(done)["outcome"] != "verified"
    assert done.returncode != 0


def test_a_picture_beside_the_code_is_no_reason_to_refuse(repository: Project, trueup: Run) -> None:
    change(repository, RIGHT)
    (repository.root / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\xff")
    done = trueup("verify", "--trust", *interpreter(repository))
    assert done.returncode in {0, 3}, done.stderr
    assert "Binary file picture.png differs" in done.stdout


def test_a_file_whose_name_git_quotes(repository: Project, trueup: Run) -> None:
    path = "shop/größe tea.py"
    repository.put(path, "ONE = 1\n")
    subprocess.run(["git", "add", "-A"], cwd=repository.root, check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "Add"],
        cwd=repository.root, check=True,
    )  # fmt: skip
    repository.put(path, "ONE = 1  # one\n")
    diff = git_diff(repository)
    assert "\\303" in diff
    done = trueup(
        "verify", "--diff", "-", "--json", "--trust", *interpreter(repository), stdin=diff
    )
    assert verdict(done)["evidence"][0]["detail"] == f"edits {path} only"


def test_a_forgotten_file_is_not_in_the_commit(repository: Project, trueup: Run) -> None:
    change(repository, ("def total(", "from shop.rates import RATE\n\n\ndef total("))
    subprocess.run(["git", "add", "-A"], cwd=repository.root, check=True)
    repository.put("shop/rates.py", "RATE = 1\n")
    done = trueup(
        "verify", "--staged", "--kind", "fix", "--json", "--trust", *interpreter(repository)
    )
    answer = verdict(done)
    assert answer["outcome"] == "rejected", answer
    assert any("shop.rates" in found["detail"] for found in answer["evidence"])


def test_an_error_is_json_too(trueup: Run) -> None:
    done = trueup("verify", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["outcome"] == "error"


def test_control_c_at_the_question_ends_it(
    repository: Project, environment: dict[str, str]
) -> None:
    change(repository, RIGHT)
    script = Path(__file__).parents[1] / "support" / "terminal.py"
    done = subprocess.run(
        [sys.executable, str(script), "^C", "verify", *interpreter(repository)],
        cwd=repository.root, env=environment, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert done.returncode == 130, done.stdout
    assert "cancelled" in done.stdout
    assert "Traceback" not in done.stdout


BROKEN = ("return result - discount", "return result")


@pytest.fixture
def broken(repository: Project) -> Project:
    """A project with a failing test in its last commit."""
    change(repository, BROKEN)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "Break"],
        cwd=repository.root,
        check=True,
    )
    return repository


def evidence(answer: dict[str, Any], check: str) -> str:
    return next(item["detail"] for item in answer["evidence"] if item["check"] == check)


RED = "tests/test_total.py::test_the_discount_is_taken_off"


@pytest.mark.parametrize("named", [(), ("--red", RED)], ids=["not named", "named"])
def test_a_fix_turns_a_red_test_green(broken: Project, trueup: Run, named: tuple[str, ...]) -> None:
    change(broken, (BROKEN[1], BROKEN[0]))
    done = trueup("verify", "--kind", "fix", *named, "--json", "--trust", *interpreter(broken))
    answer = verdict(done)
    assert answer["outcome"] == "verified", answer
    assert evidence(answer, "red-to-green") == f"{RED} was red and is green"


def test_a_fix_that_leaves_its_test_red_is_rejected(broken: Project, trueup: Run) -> None:
    change(broken, (BROKEN[1], "return result + discount"))
    done = trueup("verify", "--red", RED, "--json", "--trust", *interpreter(broken))
    answer = verdict(done)
    assert (answer["outcome"], answer["kind"]) == ("rejected", "fix"), answer
    assert evidence(answer, "red-to-green").startswith(f"{RED} is still red")


def test_a_fix_may_bring_the_test_that_was_red(broken: Project, trueup: Run) -> None:
    (broken.root / "tests" / "test_total.py").write_text(
        "from shop.total import total\n\n\ndef test_the_sum():\n    assert total([1, 2]) == 3\n"
    )
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "Few"],
        cwd=broken.root,
        check=True,
    )
    change(broken, (BROKEN[1], BROKEN[0]))
    broken.put(
        "tests/test_discount.py",
        "from shop.total import total\n\n\ndef test_it():\n    assert total([3], 1) == 2\n",
    )
    done = trueup("verify", "--kind", "fix", "--json", "--trust", *interpreter(broken))
    answer = verdict(done)
    assert answer["outcome"] == "verified", answer
    assert (
        evidence(answer, "red-to-green") == "tests/test_discount.py::test_it was red and is green"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fix", f"{SOURCE}:0"), "lines are counted from 1"),
        (("fix", SOURCE, "--goal", " "), "--goal needs words"),
        (("fix", SOURCE, "--red", "tests/test_x.py"), "--red needs --goal"),
        (("verify", "--red", "--help"), "is not a test of this project"),
        (("verify", "--base=--cached"), "git says"),
    ],
)
def test_what_cannot_be_meant_is_said(
    repository: Project, trueup: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    change(repository, RIGHT)
    done = trueup(*arguments)
    assert done.returncode == 2, done.stdout
    assert sentence in done.stderr


@pytest.mark.usefixtures("repository")
def test_nothing_to_judge_is_no_mistake(trueup: Run) -> None:
    done = trueup("verify", "--json")
    assert (done.returncode, verdict(done)["outcome"]) == (0, "nothing"), done.stderr
    empty = trueup("verify", "--diff", "-", stdin="\n")
    assert empty.returncode == 0
    assert "there is nothing to judge: the diff is empty" in empty.stderr


def test_documentation_needs_no_tests(repository: Project, trueup: Run) -> None:
    repository.put("NOTES.md", "Something to read.\n")
    done = trueup("verify", "--json")
    assert verdict(done)["outcome"] == "verified", done.stdout
    repository.put("tests/test_notes.py", "NOTES = open('NOTES.md').read()\n")
    subprocess.run(["git", "add", "tests"], cwd=repository.root, check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "Read"],
        cwd=repository.root,
        check=True,
    )
    read = trueup("verify", "--json")
    assert verdict(read)["outcome"] == "unproven", read.stdout


def test_a_diff_from_a_part_of_a_repository(tmp_path: Path) -> None:
    outer = tmp_path / "whole"
    part = outer / "part"
    outer.mkdir()
    part.mkdir()
    (part / "pyproject.toml").write_text("")
    (part / "one.py").write_text("ONE = 1\n")
    subprocess.run(["git", "init", "-q", "."], cwd=outer, check=True)
    diff = "--- a/part/one.py\n+++ b/part/one.py\n@@ -1 +1 @@\n-ONE = 1\n+ONE = 1  # one\n"
    done = subprocess.run(
        [sys.executable, "-m", "trueup", "verify", "--diff", "-", "--json"],
        cwd=part, input=diff, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert verdict(done)["evidence"][0]["detail"] == "edits one.py only"


def test_all_fixes_of_a_file_that_is_not_python(repository: Project, trueup: Run) -> None:
    repository.put("shop/broken.py", "import os\ndef f(:\n")
    done = trueup("fix", "shop/broken.py", "--all")
    assert done.returncode == 2
    assert "shop/broken.py is not Python as it stands" in done.stderr


def test_what_all_fixes_left_out_is_in_the_json(repository: Project, trueup: Run) -> None:
    repository.put("shop/lonely.py", "def lonely(x):\n    return x == None\n")
    repository.put("pyproject.toml", '[tool.ruff.lint]\nselect = ["E711"]\n')
    done = trueup("fix", "shop/lonely.py", "--all", "--json", "--trust", *interpreter(repository))
    answer = verdict(done)
    assert (done.returncode, answer["outcome"]) == (3, "unproven"), answer
    assert [(item["code"], item["line"]) for item in answer["dropped"]] == [("E711", 2)]


def test_lines_are_not_broken_for_a_pipe(repository: Project, trueup: Run) -> None:
    long = "A" * 300
    change(repository, ("What a basket costs.", f"What a basket costs. {long}"))
    done = trueup("verify")
    assert f'+"""What a basket costs. {long}"""' in done.stdout


@pytest.fixture
def documented(repository: Project) -> Project:
    """A project that runs the examples in its docstrings."""
    repository.put("pytest.ini", "[pytest]\naddopts = --doctest-modules\n")
    repository.put(
        "shop/tax.py",
        '''
        def tax(net):
            """A fifth.

            >>> tax(10)
            2.0
            """
            return net / 5
        ''',
    )
    subprocess.run(["git", "add", "-A"], cwd=repository.root, check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "Tax"],
        cwd=repository.root,
        check=True,
    )
    return repository


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("net / 5", "net * 0.2", "verified"),
        ("net / 5", "net / 4", "rejected"),
        (">>> tax(10)\n    2.0", ">>> tax(20)\n    4.0", "verified"),
        (">>> tax(10)\n    2.0", ">>> tax(20)\n    2.0", "rejected"),
        ("A fifth.", "Every fifth.", "verified"),
    ],
)
def test_examples_in_docstrings_are_tests_where_the_project_runs_them(
    documented: Project, trueup: Run, old: str, new: str, outcome: str
) -> None:
    file = documented.root / "shop" / "tax.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    done = trueup("verify", "--json", "--trust", *interpreter(documented))
    answer = verdict(done)
    assert answer["outcome"] == outcome, answer
    assert answer["tests"]["selected"] == 1


def test_code_that_no_test_reaches_is_pinned_whatever_it_is_called(
    shop: Project, trueup: Run
) -> None:
    file = shop.root / SOURCE
    module = file.with_name("checks.py")
    module.write_text(
        "def test_sum(values: list[float]) -> float:\n"
        "    total = 0.0\n"
        "    for value in values:\n"
        "        total = total + value\n"
        "    return total\n"
    )
    name = module.relative_to(shop.root).as_posix()
    diff = (
        f"--- a/{name}\n+++ b/{name}\n@@ -1,5 +1,2 @@\n"
        " def test_sum(values: list[float]) -> float:\n"
        "-    total = 0.0\n-    for value in values:\n"
        "-        total = total + value\n-    return total\n+    return sum(values, 0.0)\n"
    )
    asked = ("verify", "--diff", "-", "--pin", "--trust", "--json", *interpreter(shop))
    done = trueup(*asked, stdin=diff)
    found = {item["check"]: item for item in verdict(done)["evidence"]}
    assert found["pinned"]["outcome"] == "passed", found["pinned"]["detail"]
    assert found["tests"]["outcome"] == "passed"
    assert verdict(done)["outcome"] == "verified"
