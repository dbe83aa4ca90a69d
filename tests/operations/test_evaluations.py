"""The evaluations: what blocks is right, what is watched is told, and a trace becomes a case."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from support import traces
from support.tiny_projects import PYTEST_AND_ITS_NEEDS, make_environment
from trueup.cli import cli
from trueup.evals import cases, from_trace, replay
from trueup.evals.cases import EvalCase, Reply, cases_in, written
from trueup.literate import CaseError
from trueup.operations.tally import tallies
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe

EVALS: Final = Path(__file__).parents[2] / "evals"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pytest alone, in which runs start fast."""
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PYTEST_AND_ITS_NEEDS)


async def test_what_blocks_is_right(interpreter: Path) -> None:
    report = await replay.report(EVALS / "blocking", interpreter)
    assert [f"{item.case.name}: {item.problem}" for item in report.wrong] == []
    tally = report.tallies["suggest@v1"]
    assert tally.jobs == len(report.replayed)
    assert (tally.refused, tally.invented) == (1, 1)
    assert tally.cost_per_accepted_usd is not None


@pytest.mark.parametrize("folder", ["monitoring", "backlog"])
def test_every_other_case_can_be_read(folder: str) -> None:
    assert replay.read(EVALS / folder)


def trueup_eval(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["eval", *arguments])


WRONG: Final = """# Cases

## One

origin: a test

```python path=a.py
def $0f$0(x):
    return x
```

```goal
kind: refactor
recipe: simplify
symbol: f
```

```reply refusal
```

```expect
verified
```
"""


def test_what_blocks_ends_in_one_and_what_is_watched_in_zero(tmp_path: Path) -> None:
    (tmp_path / "wrong.md").write_text(WRONG)
    python = ("--interpreter", sys.executable)
    blocked = trueup_eval("blocking", str(tmp_path), *python)
    assert blocked.exit_code == 1
    assert "✗ wrong: One: refused" in blocked.output
    assert "verified was expected, and it is refused" in blocked.output
    traces_before = TraceStore(TraceLimits()).names()
    watched = trueup_eval("monitoring", str(tmp_path), "--json", *python)
    assert watched.exit_code == 0
    said = json.loads(watched.stdout)
    assert [case["ok"] for case in said["cases"]] == [False]
    assert said["prompts"]["suggest@v1"]["rates"]["refused"] == 1.0
    # A replay is none of the user's own suggestions.
    assert (said["traces"], TraceStore(TraceLimits()).names()) == ({}, traces_before)


NO_BLOCK: Final = "`x` is no block of a case: path=, edit=, goal, reply, expect or diff"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("origin: a test\n", "", "bad.md:3: 'One' has no line `origin: …`"),
        ("reply refusal", "x", f"bad.md:18: {NO_BLOCK}"),
        ("reply refusal", "reply tired", "bad.md:18: no answer ends with 'tired'"),
        ("```expect\nverified\n```\n", "", "bad.md:3: 'One' has no `expect` block"),
        ("recipe: simplify", "recipe: pray", "'One' has no goal: 'pray' is not a valid Recipe"),
        ("symbol: f", "sybmol: f", "bad.md:3: 'One' has no goal: a goal has no 'sybmol'"),
        ("python path=a.py", "python edit=a.py too", "no edit before, to which this belongs"),
        (WRONG, "# Nothing\n", "bad.md:1: there is no case: a case begins with `## title`"),
    ],
)
def test_a_case_that_cannot_be_read_says_where(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.md"
    file.write_text(WRONG.replace(old, new), "utf-8")
    with pytest.raises(CaseError) as raised:
        cases_in(file)
    assert sentence in str(raised.value)
    ended = trueup_eval("blocking", str(file))
    assert ended.exit_code == 2
    assert sentence in ended.output


TEXTS: Final = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029$"),
    max_size=40,
)
LINES: Final = st.text("abc xyz.", min_size=1, max_size=12).map(
    lambda text: " ".join(text.split()) or "x"
)


@settings(max_examples=40)
@given(
    text=TEXTS,
    replies=st.lists(st.tuples(TEXTS, st.sampled_from(sorted(cases.ENDINGS))), max_size=3),
    at=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    instruction=LINES,
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    replies: list[tuple[str, str]],
    at: tuple[int, int],
    instruction: str,
) -> None:
    file = tmp_path_factory.getbasetemp() / "round.md"
    text = text.rstrip("\n") + "\n"
    start, end = sorted(min(place, len(text) - 1) for place in at)
    goal = Goal(
        GoalKind.FIX, Recipe.INSTRUCT, "a.py", Span(start, end), "f",
        Diagnostic("a.py", Span(start, end), "a message", "tool", "E1"), instruction,
    )  # fmt: skip
    case = EvalCase(
        file, "One", "a test", {"a.py": text}, goal,
        tuple(Reply(said.rstrip("\n"), ending) for said, ending in replies), "verified",
        ("calls 2",),
    )  # fmt: skip
    file.write_text(f"# Cases\n\n{written(case)}", "utf-8")
    (again,) = cases_in(file)
    assert (again.files, again.goal, again.seen) == (case.files, case.goal, case.seen)
    for one, other in zip(again.replies, case.replies, strict=True):
        assert one.stop_reason == other.stop_reason
        assert one.text == other.text or json.loads(one.text) == json.loads(other.text)


async def test_a_trace_becomes_a_case_that_agrees_with_it(
    interpreter: Path, tmp_path: Path
) -> None:
    """With the tests that can see the change, and without where it lay on this machine."""
    blocking = replay.read(EVALS / "blocking")
    source = next(case for case in blocking if case.title == "A module that is nowhere")
    kept = tmp_path / "kept"
    secret = f"""\"\"\"Lies in {kept}.\"\"\"\n\n\n"""
    files = {"price.py": secret + source.files["price.py"]}
    goal = replace(source.goal, span=source.goal.span.shifted(len(secret)))
    (first,) = await replay.replay([replace(source, files=files, goal=goal)], interpreter)
    assert first.trace is not None
    assert first.problem == ""
    kept.mkdir()
    test = "from price import price\n\n\ndef test_price():\n    assert price(1.25) == 1.25\n"
    for path, text in {**files, "test_price.py": test, "conftest.py": "import sys\n"}.items():
        (kept / path).write_text(text)
    store = TraceStore(TraceLimits())
    moved = replace(first.trace, root=str(kept)).answered("rejected")
    store.keep(moved, {})
    file = tmp_path / "cases.md"
    exported = CliRunner().invoke(cli, ["trace", "export", moved.id, "--as-case", str(file)])
    assert exported.exit_code == 0, exported.output
    assert str(tmp_path) not in file.read_text()
    (case,) = cases_in(file)
    assert set(case.files) == {"price.py", "test_price.py", "conftest.py"}
    (again,) = await replay.replay([case], interpreter)
    assert again.problem == ""
    assert again.trace is not None
    assert [item.said for item in again.trace.answers] == ["rejected"]
    twice = CliRunner().invoke(cli, ["trace", "export", moved.id, "--as-case", str(file)])
    assert twice.exit_code == 0
    assert len(cases_in(file)) == 2


def test_what_was_pruned_makes_no_case(tmp_path: Path) -> None:
    trace, texts = traces.full("x")
    store = TraceStore(TraceLimits())
    store.keep(trace, texts)
    for file in store.folder.glob("texts/*/*"):
        file.unlink()
    ended = CliRunner().invoke(cli, ["trace", "export", trace.id, "--as-case", str(tmp_path / "c")])
    assert ended.exit_code == 2
    assert "is not kept any more" in ended.output
    assert not (tmp_path / "c").exists()


def test_a_call_that_no_case_can_say_makes_none(tmp_path: Path) -> None:
    trace, texts = traces.full("x")
    broken = replace(trace, calls=(replace(trace.calls[0], ending="overloaded"),))
    with pytest.raises(Exception, match="call 1 ended as overloaded, which no case can say"):
        from_trace.case_of(broken, lambda text: texts[text.digest], tmp_path)


@given(st.lists(st.sampled_from(["verified", "unproven", "rejected", "refused", "error"])))
def test_every_job_is_counted_once(outcomes: list[str]) -> None:
    made = [
        replace(traces.numbered(number)[0], outcome=item) for number, item in enumerate(outcomes)
    ]
    total = tallies(made).get("none")
    if total is None:
        assert not outcomes
        return
    kinds = (total.verified, total.unproven, total.rejected, total.refused, total.other)
    assert sum(kinds) == total.jobs == len(outcomes)
    assert total.verified == outcomes.count("verified")


def test_what_an_accepted_suggestion_costs() -> None:
    trace, _ = traces.full()
    priced = replace(trace, calls=trace.calls[:1])
    taken = replace(priced, answers=()).answered("applied")
    tally = tallies([priced, taken])["suggest@v1"]
    assert (tally.answered, tally.accepted) == (2, 1)
    assert tally.cost_per_accepted_usd == pytest.approx(2 * 5_145_000 / 1e9)
    # Where a price is not known, nobody knows what it costs.
    assert tallies([trace, taken])["suggest@v1"].cost_per_accepted_usd is None
