"""Reviews without an editor: what is asked, what is made of an answer, and what a command says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from support.messages_server import Fault, MessagesServer, Reply
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup.cli import cli
from trueup.engine import review as reviewing
from trueup.engine.beds import Beds
from trueup.engine.job import UNSENT, Ports
from trueup.engine.messages import Review
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.propose import claims
from trueup.propose.proposal import Failure, FailureKind
from trueup.settings import TraceLimits, config_file
from trueup.snapshot import Document, Span

OLD = "def f(x):\n    return x\n\n\ndef g(x):\n    return x\n"
NEW = OLD.replace("return x\n\n\n", "return x + 1\n\n\n")


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith("ANTHROPIC_"):
            monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one commit, and a change that is not committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "a.py").write_text(OLD)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "One"]):
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *author, *command], cwd=folder, check=True, timeout=60)
    (folder / "a.py").write_text(NEW)
    return folder


def finding(symbol: str | None, quote: str, message: str = "It is wrong.") -> dict[str, Any]:
    return {"symbol": symbol, "quote": quote, "message": message, "explanation": "", "test": None}


def review(root: Path, url: str, *arguments: str) -> Result:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(f'[model]\nbase_url = "{url}"\n')
    return CliRunner().invoke(cli, ["review", str(root / "a.py"), *arguments])


def said(*found: dict[str, Any]) -> Reply:
    return Reply(json.dumps({"findings": list(found)}))


def test_a_guess_alone_ends_in_three(root: Path) -> None:
    with MessagesServer(said(finding("f", "x + 1"))) as server:
        ended = review(root, server.url, "--json")
    assert ended.exit_code == 3, ended.output
    found = json.loads(ended.stdout)
    assert found["outcome"] == "guess"
    assert [(item["line"], item["unproven"]) for item in found["findings"]] == [
        (2, "it comes without a test")
    ]
    trace = TraceStore(TraceLimits()).read(found["trace"])
    assert isinstance(trace, Trace)
    assert (trace.outcome, trace.goal.title) == ("unproven", "Review a.py")
    assert trace.usage.total == 110


def test_a_defect_ends_in_one_and_its_test_is_kept(root: Path, tmp_path: Path) -> None:
    interpreter = make_environment(tmp_path / "venv", PYTEST_AND_ITS_NEEDS)
    test = "from a import f\n\n\ndef test_f():\n    assert f(1) == 1\n"
    with MessagesServer(said({**finding("f", "x + 1", "It adds one."), "test": test})) as server:
        given = ("--trust", "--keep", "--interpreter", str(interpreter))
        ended = review(root, server.url, *given)
    assert ended.exit_code == 1, ended.output
    assert "defect a.py:2 It adds one." in ended.output
    assert "tests/test_a_review.py::test_f: assert 2 == 1" in ended.output
    assert (root / "tests" / "test_a_review.py").read_text() == test


@pytest.mark.parametrize(
    ("item", "code", "says"),
    [
        (said(), 0, "finds nothing wrong with what changed in a.py"),
        (Reply("Looks good to me!"), 2, "has no list of findings"),
        (Reply(stop_reason="refusal"), 2, "refuses to answer this"),
        (Fault(status=401), 2, "key"),
    ],
    ids=["nothing", "chatter", "refusal", "key"],
)
def test_what_else_may_come_of_it(root: Path, item: Reply | Fault, code: int, says: str) -> None:
    with MessagesServer() as server:
        # Whichever model of the list is asked.
        server.always(item)
        ended = review(root, server.url)
    assert ended.exit_code == code, ended.output
    assert says in ended.output


def test_nothing_is_asked_where_nothing_changed(root: Path) -> None:
    with MessagesServer() as server:
        (root / "a.py").write_text(OLD)
        ended = review(root, server.url)
    assert (ended.exit_code, server.requests) == (0, [])
    assert "nothing changed in a.py" in ended.output


def test_no_call_is_made_that_the_budget_has_no_room_for(root: Path) -> None:
    with MessagesServer() as server:
        config_file().parent.mkdir(parents=True)
        ended = review(root, f'{server.url}"\n[budget]\nday_tokens = 10\n[x]\ny = "')
    assert (ended.exit_code, server.requests) == (2, [])
    assert "the budget of today is 10 tokens" in ended.output


def test_what_is_never_sent_is_not_reviewed(root: Path) -> None:
    with MessagesServer() as server:
        ended = review(root, f'{server.url}"\n[visibility]\nnever = ["a.py"]\n[x]\ny = "')
    assert (ended.exit_code, server.requests) == (2, [])
    assert "a.py is never sent to a model" in ended.output


def test_secrets_stay_here(root: Path) -> None:
    key = "AKIA" + "Q3EGRNVZJ5XW7LMT"
    (root / "a.py").write_text(f'KEY = "{key}"\n{NEW}')
    with MessagesServer(said()) as server:
        assert review(root, server.url).exit_code == 0
    assert key not in str(server.requests[0].body)
    assert "return x + 1" in str(server.requests[0].body)


async def test_nothing_is_sent_from_a_workspace_that_the_editor_does_not_trust(root: Path) -> None:
    with MessagesServer() as server:
        given: dict[str, object] = {"model": {"base_url": server.url}}
        wanted = Review(0, str(root), "a.py", settings=given, trusted=False)
        made = await reviewing.run(wanted, Ports(Beds(), _nobody, str, None))
    assert (made, server.requests) == (Failure(FailureKind.CANNOT, UNSENT, "model"), [])


async def _nobody(_says: str, _choices: tuple[str, ...]) -> str:
    return ""


@pytest.mark.parametrize("path", ["b.txt", "../outside.py"])
def test_what_is_no_file_of_the_project_is_one_sentence(root: Path, path: str) -> None:
    (root / path).write_text("")
    ended = CliRunner().invoke(cli, ["review", str(root / path), "--base", "HEAD"])
    assert ended.exit_code == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:\n", "is not Python as it stands; it is reviewed when it is"),
        ("x\0 = 1\n", "is not Python as it stands; it is reviewed when it is"),
        ("x = 1\n" * 80_000, "is too long to be reviewed"),
    ],
    ids=["broken", "null", "long"],
)
def test_what_cannot_be_reviewed_is_not_sent(root: Path, text: str, says: str) -> None:
    (root / "a.py").write_text(text)
    with MessagesServer() as server:
        ended = review(root, server.url)
    assert (ended.exit_code, server.requests) == (2, [])
    assert f"a.py {says}" in ended.output


def test_lines_are_those_of_python() -> None:
    """A form feed ends none, and how a line ends is no change of it."""
    assert claims.changed_lines("a = '\f'\nb\n", "a = '\f'\r\nc\r\n") == {1}


def test_findings_about_code_that_did_not_change_are_left_out() -> None:
    document = Document("a.py", NEW)
    answer = json.dumps({"findings": [finding("f", "x + 1"), finding("g", "return x")]})
    found = claims.claims(answer, document, OLD, proposer="model")
    assert not isinstance(found, Failure)
    assert [(claim.symbol, NEW[claim.span.start : claim.span.end]) for claim in found] == [
        ("f", "x + 1")
    ]


@pytest.mark.parametrize(
    ("symbol", "quote", "marked"),
    [
        ("f", "x + 1", "x + 1"),
        ("f", "not there", "f"),
        ("f", "", "f"),
        ("h", "x + 1", None),
        (None, "x + 1", "x + 1"),
        (None, "return x", None),
        (None, "", None),
    ],
)
def test_where_a_finding_stands(symbol: str | None, quote: str, marked: str | None) -> None:
    answer = json.dumps({"findings": [finding(symbol, quote)]})
    found = claims.claims(answer, Document("a.py", NEW), OLD, proposer="model")
    assert not isinstance(found, Failure)
    spans = [NEW[claim.span.start : claim.span.end] for claim in found]
    assert spans == ([marked] if marked else [])


def test_what_a_model_says_is_words() -> None:
    item = finding("f", "x + 1", "\x1b[31mSee [this](command:evil)\u202e.")
    found = claims.claims(
        json.dumps({"findings": [item]}), Document("a.py", NEW), OLD, proposer="model"
    )
    assert not isinstance(found, Failure)
    assert found[0].message == "See [this] (command :evil)\\u202e."


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["findings", "symbol", "quote", "message", "test", "explanation"]), inner),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=40)
@given(JSON | st.builds(lambda rows: {"findings": rows}, st.lists(JSON, max_size=4)))
def test_whatever_a_model_answers_is_a_value(answer: object) -> None:
    found = claims.claims(json.dumps(answer), Document("a.py", NEW), OLD, proposer="model")
    if not isinstance(found, Failure):
        assert all(claim.body.contains(Span(claim.span.start, claim.span.start)) for claim in found)


LINES = st.lists(st.sampled_from("abcd"), max_size=12).map("\n".join)


@given(LINES, LINES)
def test_a_text_changed_where_its_lines_differ(before: str, after: str) -> None:
    changed = claims.changed_lines(before, after)
    assert bool(changed) == (before != after)
    kept = [line for number, line in enumerate(after.split("\n")) if number not in changed]
    rest = iter(before.split("\n"))
    # What did not change is there before, in the same order.
    assert all(line in rest for line in kept)


def test_the_question_holds_the_diff_and_how_tests_import_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    document = Document("src/shop/a.py", NEW)
    asked = claims.question(str(tmp_path), document, OLD, 24_000)
    assert isinstance(asked, str)
    assert "-    return x\n+    return x + 1" in asked
    assert asked.rpartition(">>>")[2].strip() == (
        "Task\n\nReview what the diff changed in src/shop/a.py. Tests import it as `shop.a`."
    )
    too_long = claims.question(str(tmp_path), document, OLD, 100)
    assert isinstance(too_long, Failure)
    assert too_long.sentence.endswith("is too long for a prompt of 100 tokens")
