"""Canaries: what is never to be sent is in no prompt, no trace, no export and no other project."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.messages_server import MessagesServer, Reply, edits_reply
from trueup import ConfigurationError, settings
from trueup.cli import cli
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import Start
from trueup.engine.recorded import Books
from trueup.memory.audience import Audience
from trueup.memory.index import Index
from trueup.memory.lookup import find_code
from trueup.memory.unsent import hidden_from
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.propose.proposal import Failure
from trueup.settings import Shown, TraceLimits
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe, Suggestion

CANARY = "osprey-4711"
"""In whatever is never to be sent; the word itself is in nothing else."""
DECISION = f"""---
id: 01JD3Y6Q8T5V0W9X2Z4B6C8D0E
title: The margin is {CANARY}
status: accepted
severity: veto
visibility: never
scope: {{paths: ["shop/**"]}}
---
# The margin is {CANARY}

Nobody is to know {CANARY}.

```rule
kind: forbid-pattern
pattern: margin($$$ARGS)
message: The margin {CANARY} is not computed here
examples: {{bad: ["margin(1)"], good: ["price(1)"]}}
```
"""
PYPROJECT = """[project]
name = "shop"
version = "1"
[tool.trueup.visibility]
never = ["shop/secret/**", "docs/decisions/0009-*"]
local = ["docs/decisions/0008-*"]
"""
TOLD = DECISION.replace("visibility: never\n", "").replace(CANARY, "spelled out")
SHOP = "def total(prices):\n    return sum(prices)\n"
SIMPLIFY = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, "shop/a.py", Span(4, 9), symbol="total")


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("ANTHROPIC_", "RUFF_")):
            monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in {
        "pyproject.toml": PYPROJECT,
        "shop/__init__.py": "",
        "shop/a.py": SHOP,
        "shop/secret/__init__.py": "",
        "shop/secret/prices.py": f'def price_{CANARY.replace("-", "_")}():\n    """{CANARY}"""\n',
        "docs/decisions/0007-margin.md": DECISION,
        "docs/decisions/0009-too.md": TOLD.replace("0E\n", "0F\n").replace("is spelled", CANARY),
        "docs/decisions/0010-cents.md": TOLD.replace("0E\n", "0G\n").replace("margin", "cent"),
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "shop/alias.py").symlink_to("secret/prices.py")
    return root


async def run(root: Path, goal: Goal, *script: Reply) -> tuple[Suggestion | Failure, str]:
    """What came of a job, and all that was sent."""

    async def nobody(_says: str, _choices: tuple[str, ...]) -> str:
        return ""

    with MessagesServer(*script) as server:
        model = {"base_url": server.url, "models": ["claude-sonnet-5-5"]}
        start = Start(0, str(root), goal, settings={"model": model})
        ports = job.Ports(Beds(), nobody, lambda _: None, Books("a session"))
        made = await job.run(start, ports)
        return made, json.dumps([request.body for request in server.requests])


def traces() -> tuple[list[Trace], str]:
    """All traces of this test, and everything that is kept of them as one text."""
    store = TraceStore(TraceLimits())
    found = [item for item in store if isinstance(item, Trace)]
    folder = settings.state_folder() / "traces"
    kept = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    return found, "\n".join(kept)


def edit(after: str, title: str = "Do it") -> Reply:
    return edits_reply(title, [{"path": "shop/a.py", "symbol": "total", "after": after}])


async def test_what_the_model_is_told_is_in_the_trace_with_its_reason(root: Path) -> None:
    made, sent = await run(root, SIMPLIFY, edit("def total(prices):\n    return sum(prices, 0)\n"))
    assert isinstance(made, Suggestion)
    assert "The cent is spelled out" in sent
    ((trace,), _) = traces()
    ((told,), (call,)) = trace.told, trace.calls
    assert call.sent is not None
    assert (told.kind, told.name, told.path) == (
        "decision", "0010", "docs/decisions/0010-cents.md",
    )  # fmt: skip
    assert (told.scope, told.rank) == ("shop/**", 1)
    assert told.tokens > 10
    shown = said_by("trace", "show", "last")
    assert (
        f"told: decision 0010 The cent is spelled out (rank 1, {told.tokens} tokens):"
        " its scope shop/** is meant"
    ) in " ".join(shown.split())


async def test_a_decision_that_is_never_sent_rejects_and_is_not_told_of(root: Path) -> None:
    broken = edit("def total(prices):\n    return margin(prices)\n")
    made, sent = await run(root, SIMPLIFY, broken, edit(SHOP.replace("sum", "fsum")))
    assert "margin(prices)" in sent
    assert CANARY not in sent
    # The model is told that it was rejected, and by what: not by which words.
    assert "of a decision that is never sent" in sent
    (_, kept) = traces()
    assert CANARY not in kept
    assert "of a decision that is never sent" in kept
    # The person who asked sees all of it.
    assert isinstance(made, Suggestion)


async def test_a_diagnostic_says_nothing_of_it_either(root: Path) -> None:
    said = f"The margin {CANARY} is not computed here (decision 0007: The margin is {CANARY})"
    found = Diagnostic("shop/a.py", Span(4, 9), said, "other", "X1")
    goal = Goal(GoalKind.FIX, Recipe.FIX_DIAGNOSTIC, "shop/a.py", Span(4, 9), "total", found)
    _, sent = await run(root, goal, edit(SHOP.replace("sum", "fsum")), edit(SHOP))
    assert "the diagnostic" in sent
    assert CANARY not in sent
    assert CANARY not in traces()[1]


async def test_a_file_that_is_never_sent_is_in_no_prompt_and_no_trace(root: Path) -> None:
    path = "shop/secret/prices.py"
    goal = Goal(GoalKind.REFACTOR, Recipe.SIMPLIFY, path, Span(4, 9))
    made, sent = await run(root, goal)
    assert isinstance(made, Failure)
    assert made.sentence.startswith(
        f"{path} is never sent to a model: the setting `visibility.never` names it"
    )
    assert sent == "[]"
    assert traces()[1] == ""


async def test_what_stands_around_a_place_is_shown_without_what_is_never_sent(root: Path) -> None:
    for path, text in {
        "shop/b.py": "from shop.a import total\n\n\ndef told():\n    return total([1])\n",
        "shop/secret/user.py": "from shop.a import total\n\n\n"
        f'def hidden():\n    """{CANARY}"""\n    return total([2])\n',
        "shop/secret/test_a.py": "from shop.a import total\n\n\n"
        f'def test_total():\n    """{CANARY}"""\n    assert total([3]) == 3\n',
        "shop/secret/AGENTS.md": f"Say {CANARY}.\n",
        "AGENTS.md": "Say please.\n",
    }.items():
        (root / path).write_text(text)
    with Index(str(root)) as index:
        index.refresh()
    _, sent = await run(root, SIMPLIFY, edit(SHOP.replace("sum", "fsum")), edit(SHOP))
    (trace, *_), kept = traces()
    # What calls the place is shown, so that which of it is hidden means something.
    assert "def told" in sent
    assert "shop/b.py" in {item.path for item in trace.told}
    assert CANARY not in sent
    assert CANARY not in kept
    assert "shop/secret" not in sent


async def test_what_is_deterministic_goes_on_without_a_trace(root: Path) -> None:
    file = root / "shop/secret/prices.py"
    file.write_text(f"import os\n\n{file.read_text()}")
    found = Diagnostic("shop/secret/prices.py", Span(7, 9), "unused", "Ruff", "F401")
    goal = Goal(GoalKind.FIX, Recipe.RUFF_RULE, found.path, found.span, "", found)
    made, sent = await run(root, goal)
    assert isinstance(made, Suggestion)
    assert sent == "[]"
    assert traces()[1] == ""


async def test_a_change_that_also_touches_it_is_kept_without_it(root: Path) -> None:
    user = root / "shop/secret/user.py"
    user.write_text(f"from shop.a import total\n\nSUM = total([1])  # {CANARY}\n")
    (root / "tests").mkdir()
    failing = f"from shop.secret import user\n\ndef test_{CANARY.replace('-', '_')}():\n    1 / 0\n"
    (root / "shop/secret/test_user.py").write_text(failing)
    goal = Goal(GoalKind.REFACTOR, Recipe.RENAME, "shop/a.py", Span(4, 9), "total", name="grand")
    made, _ = await run(root, goal)
    assert isinstance(made, Suggestion)
    assert set(made.candidate.paths) == {"shop/a.py", "shop/secret/user.py"}
    ((trace,), kept) = traces()
    assert "+def grand(prices):" in kept
    assert CANARY not in kept
    assert CANARY.replace("-", "_") not in kept
    assert trace.outcome == made.verdict.outcome


def said_by(*words: str) -> str:
    """What a command prints in the folder of this process."""
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return done.output


def test_exports_and_searches_for_others_hold_none_of_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    local = TOLD.replace("0E\n", "0H\n").replace("margin", "moon")
    (root / "docs/decisions/0008-local.md").write_text(local)
    said_by("decisions", "export", "--to", "agents")
    exported = (root / "AGENTS.md").read_text()
    assert "The cent is spelled out" in exported
    assert CANARY not in exported
    assert "The moon" not in exported
    for reader, seen in (("person", True), ("model", False), ("team", False)):
        said = said_by("decisions", "search", CANARY, "--code", "--for", reader)
        assert (f"The margin is {CANARY}" in said) is seen
        assert ("prices.py" in said) is seen
        said = said_by("decisions", "search", "moon", "--for", reader)
        assert ("The moon" in said) is (reader != "team")


def test_one_projects_canary_is_in_no_other_projects_index(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_text(SHOP)
    with Index(str(root)) as index:
        index.refresh()
        assert any(CANARY in item.row.head or CANARY.replace("-", "_") in item.row.qualified
                   for item in find_code(index, CANARY))  # fmt: skip
        own = index.folder
    with Index(str(other)) as index:
        index.refresh()
        assert find_code(index, f"{CANARY} total")
        assert not [item for item in find_code(index, f"{CANARY} total")
                    if item.row.path != "a.py"]  # fmt: skip
        files = [path.read_bytes() for path in index.folder.rglob("*") if path.is_file()]
        assert own != index.folder
    assert not any(CANARY.partition("-")[0].encode() in raw for raw in files)


def test_everybody_may_hide_more_and_nobody_less(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[visibility]\nnever = ["keys/**"]\n')
    client = {"visibility": {"local": ["drafts/**"]}}
    made = settings.load(str(root), client, config=config).shown
    assert made == Shown(
        ("keys/**", "shop/secret/**", "docs/decisions/0009-*"),
        ("drafts/**", "docs/decisions/0008-*"),
    )
    (root / "pyproject.toml").write_text("[tool.trueup.visibility]\nnever = []\n")
    assert settings.load(str(root), config=config).shown.never == ("keys/**",)
    for wrong in ('never = "keys"', "seldom = []", "never = [1]", 'never = [""]'):
        config.write_text(f"[visibility]\n{wrong}\n")
        with pytest.raises(ConfigurationError, match="each a list of paths"):
            settings.load(str(root), config=config)


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("shop/secret/prices.py", True),
        ("SHOP/Secret/Prices.py", True),
        ("shop/../shop/secret/prices.py", True),
        ("shop/alias.py", True),
        ("shop/a.py", False),
        ("shop/secrets.py", False),
        ("\0", False),
    ],
)
def test_a_path_is_hidden_by_any_of_its_names(root: Path, path: str, hidden: bool) -> None:
    shown = Shown(("shop/secret/**",))
    assert hidden_from(Audience.MODEL, str(root), shown)(path) is hidden
    assert not hidden_from(Audience.PERSON, str(root), shown)(path)
