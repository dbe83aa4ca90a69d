"""A whole editor session on packages that we did not write.

Each: a fix of Ruff verified and applied; a wrong change of the model rejected by a named test of
that package, the right one verified and applied; not a byte on disk before the client saves.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from lsprotocol import types

from real.conftest import CACHE, Opening
from support.messages_server import MessagesServer, edits_reply
from support.packages import VERSIONS, prepare
from support.sessions import ruff_diagnostic
from trueup import workspace
from trueup.lsp.convert import Codec
from trueup.symbols import Outline


@dataclass(frozen=True)
class Story:
    """What happens in one package."""

    fixed_path: str
    code: str
    path: str
    symbol: str
    before: str
    wrong: str
    right: str
    named_test: str


STORIES = {
    "jinja2": Story(
        fixed_path="src/jinja2/async_utils.py",
        code="RET505",
        path="src/jinja2/filters.py",
        symbol="do_truncate",
        before="""\
    if killwords:
        return s[: length - len(end)] + end

    result = s[: length - len(end)].rsplit(" ", 1)[0]
    return result + end
""",
        wrong="""\
    result = s[:length]

    if not killwords:
        result = result.rsplit(" ", 1)[0]

    return result + end
""",
        right="""\
    result = s[: length - len(end)]

    if not killwords:
        result = result.rsplit(" ", 1)[0]

    return result + end
""",
        named_test="tests/test_filters.py::TestFilter::test_truncate",
    ),
    "marshmallow": Story(
        fixed_path="src/marshmallow/fields.py",
        code="SIM108",
        path="src/marshmallow/utils.py",
        symbol="get_value",
        before="""\
    if "." in key:
        for k in key.split("."):
            obj = _get_value_for_key(obj, k, default)
    else:
        obj = _get_value_for_key(obj, key, default)
    return obj
""",
        wrong="""\
    return _get_value_for_key(obj, key, default)
""",
        right="""\
    for part in key.split("."):
        obj = _get_value_for_key(obj, part, default)
    return obj
""",
        named_test="TestSchemaDeserialization::test_deserialize_with_attribute_param_symmetry",
    ),
    "tomlkit": Story(
        fixed_path="tomlkit/_utils.py",
        code="RET505",
        path="tomlkit/_utils.py",
        symbol="parse_rfc3339",
        before="""\
                offset = timedelta(seconds=hour_offset * 3600 + minute_offset * 60)
                if sign == "-":
                    offset = -offset
""",
        wrong="""\
                offset = timedelta(hours=hour_offset, minutes=minute_offset)
                if sign == "+":
                    offset = -offset
""",
        right="""\
                offset = timedelta(hours=hour_offset, minutes=minute_offset)
                if sign == "-":
                    offset = -offset
""",
        named_test="tests/test_items.py::test_datetimes_behave_like_datetimes",
    ),
}


def fingerprint(root: Path) -> str:
    """Of every file of the package that a change or a test run could have touched."""
    hashed = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.is_file() and ".venv" not in file.parts:
            hashed.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return hashed.hexdigest()


@pytest.mark.parametrize(
    "name",
    [name if name == "marshmallow" else pytest.param(name, marks=pytest.mark.soak)
     for name in STORIES],
)  # fmt: skip
async def test_a_session_on(name: str, opening: Opening) -> None:
    story = STORIES[name]
    package = await asyncio.to_thread(prepare, name, VERSIONS[name], CACHE)
    untouched = fingerprint(package.root)
    wrong, right = (
        edits_reply("Simplify", [{"path": story.path, "before": story.before, "after": after}])
        for after in (story.wrong, story.right)
    )
    with MessagesServer(wrong, right) as model:
        async with opening(package, model.url) as vim:
            diagnostic = await ruff_diagnostic(package.root, story.fixed_path, story.code)
            document = vim.open(story.fixed_path)
            area = Codec("utf-8").range(document, diagnostic.span)
            shown = types.Diagnostic(
                area, diagnostic.message, code=diagnostic.code, source=diagnostic.source
            )
            fixed = await vim.pick(story.fixed_path, area, f"Fix {story.code}", shown)
            assert (fixed["outcome"], fixed["applied"]) == ("verified", True), fixed["message"]
            assert vim.text(story.fixed_path) != document.text

            document = vim.open(story.path)
            at = Outline(document.text).find(story.symbol)[0].name.start
            here = vim.codec.position(document, at)
            changed = await vim.pick(story.path, types.Range(here, here), "Simplify")
            assert (changed["outcome"], changed["applied"]) == ("verified", True), changed
            assert story.right in vim.text(story.path)
            assert vim.undo_steps == 2

            complaint = str(model.requests[1].body["messages"][-1]["content"])
            assert story.named_test in complaint
            assert fingerprint(package.root) == untouched
            assert workspace.read(str(package.root), story.path).text != vim.text(story.path)
