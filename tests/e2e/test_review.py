"""A review in the editor: what is shown as a defect, what as a guess, and how a defect is fixed."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from lsprotocol import types

from support import traces
from support.messages_server import MessagesServer, Reply, edits_reply
from support.sessions import Editing, where
from support.tiny_projects import Project
from trueup import demo
from trueup.editor import Editor
from trueup.lsp.suggest import KEEP
from trueup.operations.trace import Trace
from trueup.operations.tracestore import TraceStore
from trueup.settings import TraceLimits

PATH = "src/shop/pricing/shipping.py"
RIGHT = "if grams == 0 or (self.free_from"
WRONG = "if (self.free_from"
TEST_PATH = "tests/test_shipping_review.py"
TEST = """from shop.catalog import Money
from shop.pricing.shipping import STANDARD


def test_sending_nothing_costs_nothing():
    assert STANDARD.charge(0, Money(0)) == Money(0)
"""


def finding(symbol: str, quote: str, message: str, test: str | None) -> dict[str, object]:
    return {
        "symbol": symbol, "quote": quote, "message": message, "explanation": "It says so.",
        "test": test,
    }  # fmt: skip


TRUE = finding("Tariff.charge", "price = self._band(grams)", "Sending nothing costs money.", TEST)
FALSE = finding(
    "Tariff.charge",
    "return Money(0)",
    "A heavy parcel is free.",
    TEST.replace("charge(0, Money(0)) == Money(0)", "charge(900, Money(0)) == Money(490)"),
)
UNTESTED = finding("Tariff.charge", "self.free_from is not None", "It may be slow.", None)


def found(*findings: dict[str, object]) -> Reply:
    return Reply(json.dumps({"findings": findings}))


@pytest.fixture
def example(tmp_path: Path, interpreter: Path) -> Project:
    """The example project with its last commit, and a defect that came after it."""
    root = tmp_path / "example"
    shutil.copytree(demo.example(), root, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All of it"]):
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *author, *command], cwd=root, check=True, timeout=60)
    text = (root / PATH).read_text("utf-8")
    (root / PATH).write_text(text.replace(RIGHT, WRONG), "utf-8")
    return Project(root, interpreter)


REMARK = '"""What it costs'


async def review(editor: Editor, path: str = PATH) -> dict[str, object]:
    editor.open(path)
    command = types.ExecuteCommandParams("trueup.review", [{"uri": (editor.root / path).as_uri()}])
    result = await editor.client.workspace_execute_command_async(command)
    assert isinstance(result, dict)
    return result


async def shown(editor: Editor, *codes: str) -> tuple[types.Diagnostic, ...]:
    """What is shown, once it has these codes and no others."""
    await editor.seen(PATH, lambda items: sorted(str(item.code) for item in items) == list(codes))
    return editor.shown[PATH]


async def test_a_defect_is_proven_fixed_and_its_test_kept(
    example: Project, editing: Editing, tmp_path: Path
) -> None:
    fix = edits_reply(
        "Charge nothing for nothing", [{"path": PATH, "before": WRONG, "after": RIGHT}]
    )
    with MessagesServer(found(TRUE, FALSE, UNTESTED), fix) as model:
        async with editing(example, KEEP, model=model.url) as editor:
            result = await review(editor)
            assert (result["proven"], result["unproven"]) == (1, 2), result
            items = await shown(editor, "review", "review-unproven", "review-unproven")
            defect, *guesses = sorted(items, key=lambda item: str(item.code))
            assert defect.severity is types.DiagnosticSeverity.Warning
            assert f"{TEST_PATH}::test_sending_nothing_costs_nothing fails" in defect.message
            assert {item.severity for item in guesses} == {types.DiagnosticSeverity.Hint}
            assert sorted(item.message.partition(" (")[2] for item in guesses) == [
                "unproven: it comes without a test)",
                "unproven: its test passes on the code as it is)",
            ]
            # Typing elsewhere moves the findings; the code that they are about is as it was.
            line = defect.range.start.line + 2
            editor.type(PATH, where(editor, PATH, REMARK), f"# A remark.\n\n{REMARK}")
            await editor.seen(PATH, lambda items: line in {item.range.start.line for item in items})
            moved = next(item for item in editor.shown[PATH] if item.code == "review")
            actions = await editor.actions_on(PATH, moved)
            titles = [item.title for item in actions[:2]]
            assert titles == [
                "Fix: Sending nothing costs money.",
                f"Keep the failing test, as {TEST_PATH}",
            ]
            kept = await editor.run(actions[1])
            assert (kept["outcome"], kept["path"]) == ("kept", TEST_PATH)
            (example.root / TEST_PATH).unlink()
            done = await editor.run(actions[0])
            assert (done["outcome"], done["applied"]) == ("verified", True), done["message"]
            assert RIGHT in editor.text(PATH)
            await shown(editor)
    assert (example.root / TEST_PATH).read_text("utf-8") == TEST
    asked = str(model.requests[0].body["messages"])
    assert f"-        {RIGHT}" in asked
    assert f"+        {WRONG}" in asked
    fixing = str(model.requests[1].body["messages"])
    assert "the tests that fail and shall pass" in fixing
    assert "def test_sending_nothing_costs_nothing" in fixing
    last, first = TraceStore(TraceLimits(), tmp_path / "STATE" / "trueup" / "traces")
    assert isinstance(first, Trace)
    assert isinstance(last, Trace)
    assert [call.prompt for call in first.calls] == ["review@v1"]
    assert [item.outcome for item in first.tried] == ["verified", "unproven", "unproven"]
    assert last.outcome == "verified"


def worse(folder: Path) -> None:
    """Traces of suggestions that became worse with the version of a prompt that is used."""
    store = TraceStore(TraceLimits(), folder / "STATE" / "trueup" / "traces")
    for trace in traces.fallen():
        store.keep(trace, {})
    settings = folder / "CONFIG" / "trueup"
    (settings / "prompts").mkdir(parents=True)
    (settings / "prompts" / "suggest.v2.md").write_text('Answer with "edits".')
    (settings / "prompts.toml").write_text('[prompts]\nrefactor = "v2"\n')


async def test_a_save_is_reviewed_and_worse_suggestions_are_noticed(
    example: Project, editing: Editing, tmp_path: Path
) -> None:
    """Both without anybody asking: the one for those who want it, the other once."""
    worse(tmp_path)
    back = "Use suggest@v1 again"
    with MessagesServer(found(TRUE), found()) as model:
        settings: dict[str, object] = {"review": {"on_save": True}}
        async with editing(
            example, back, model=model.url, settings=settings, trusting=False
        ) as editor:
            editor.open(PATH)
            editor.save(PATH)
            (guess,) = await shown(editor, "review-unproven")
            assert "you have not trusted this folder" in guess.message
            await asyncio.to_thread(model.arrived.get, timeout=60)
            editor.type(PATH, where(editor, PATH, REMARK), f"# New.\n{REMARK}")
            editor.save(PATH)
            await asyncio.to_thread(model.arrived.get, timeout=60)
            editor.type(PATH, where(editor, PATH, "return price"), "return  price")
            await shown(editor)
            async with asyncio.timeout(60):
                while "refactor: back to suggest@v1" not in editor.said:
                    await asyncio.sleep(0.05)
    # The one question was about the prompt; nobody is asked for trust on a save.
    assert [question[:50] for question in editor.asked] == [
        "Fewer suggestions of simplify are verified with su"
    ]
    chosen = (tmp_path / "CONFIG" / "trueup" / "prompts.toml").read_text("utf-8")
    assert 'refactor = "v1"' in chosen
    # The second save is about what changed since the first review, which is a remark.
    said = str(model.requests[1].body["messages"])
    assert WRONG not in said.partition("the diff of")[2].partition("Task")[0]
