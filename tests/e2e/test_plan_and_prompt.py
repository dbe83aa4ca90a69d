"""What an editor sees of the loop: the plan in one line, an edited plan, and what would be sent."""

from __future__ import annotations

import json
from dataclasses import replace

from lsprotocol import types

from support.messages_server import MessagesServer, edits_reply
from support.sessions import SOURCE, Editing, action, inside
from support.tiny_projects import Project
from trueup.editor import Editor
from trueup.engine.messages import goal_from_json, goal_to_json, suggestion_from_json
from trueup.lsp import prompts
from trueup.suggestion import Plan

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''
REPLY = edits_reply("Use sum", [{"path": SOURCE, "symbol": "total", "after": RIGHT}])
SENTENCE = "change shop/total.py::total, judged by 1 test file"


async def offered(editor: Editor) -> dict[str, object]:
    """The argument of the action that asks the model about `total`."""
    found = await action(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert found.command is not None
    (argument,) = found.command.arguments or ()
    assert isinstance(argument, dict)
    return argument


async def done(editor: Editor, command: str, argument: dict[str, object]) -> dict[str, object]:
    result = await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(command, [argument])
    )
    assert isinstance(result, dict)
    return result


async def test_what_would_be_sent_is_shown_and_not_sent(shop: Project, editing: Editing) -> None:
    with MessagesServer() as model:
        async with editing(shop, model=model.url) as editor:
            result = await done(editor, prompts.COMMAND, await offered(editor))
        assert model.requests == []
    assert str(result["text"]) in editor.logged
    assert "Nothing was sent." in str(result["text"])
    assert f"Plan: {SENTENCE}" in str(result["text"])
    body = json.loads(str(result["body"]))
    assert "Simplify the code" in body["messages"][0]["content"]


async def test_the_plan_is_shown_and_an_edited_one_is_kept_to(
    shop: Project, editing: Editing
) -> None:
    with MessagesServer(REPLY, REPLY) as model:
        async with editing(shop, model=model.url) as editor:
            argument = await offered(editor)
            first = suggestion_from_json((await done(editor, "trueup.run", argument))["suggestion"])
            plan = first.plan
            assert plan == Plan((f"{SOURCE}::total",), (), ("tests/test_total.py",))
            goal = goal_from_json(argument["goal"])
            edited = replace(goal, plan=replace(plan, tests=()))
            again = await done(editor, "trueup.run", {**argument, "goal": goal_to_json(edited)})
    second = suggestion_from_json(again["suggestion"])
    said = " ".join(str(getattr(value, "message", value)) for value in editor.progress)
    assert f"plan: {SENTENCE}" in said
    assert (first.verdict.outcome, second.verdict.outcome) == ("verified", "unproven")
    assert "the plan leaves out every test that can see the change" in str(again["message"])
