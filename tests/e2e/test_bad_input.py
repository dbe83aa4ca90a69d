"""What users have and models say: each gets one clear sentence, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.messages_server import Fault, MessagesServer, Reply, edits_reply
from support.sessions import SOURCE, TOTAL, Editing, evidence, inside, pick, ruff_diagnostic
from support.tiny_projects import Project
from trueup.lsp.suggest import APPLY, APPLY_ANYWAY
from trueup.snapshot import Span
from trueup.suggestion import Diagnostic

RIGHT = '''def total(prices, discount=0):
    """The sum of `prices`, less a discount."""
    return sum(prices) - discount
'''


def edits(*given: dict[str, object]) -> Reply:
    return edits_reply("Use sum", list(given))


MODELS = {
    "answers nonsense": (Reply("I would rather talk about the weather."), "declined", "not JSON"),
    "names a symbol that is not there": (
        edits({"path": SOURCE, "symbol": "totals", "after": RIGHT}),
        "declined",
        "totals",
    ),
    "edits a file it was not asked about": (
        edits({"path": "shop/__init__.py", "before": "", "after": "x = 1\n"}),
        "declined",
        "shop/__init__.py",
    ),
    "edits another file too": (
        edits(
            {"path": SOURCE, "symbol": "total", "after": RIGHT},
            {"path": "shop/other.py", "before": "OTHER = 1", "after": "OTHER = 2"},
        ),
        "rejected",
        "edits shop/other.py; it was asked about shop/total.py",
    ),
    "edits a test": (
        edits(
            {"path": SOURCE, "symbol": "total", "after": RIGHT},
            {
                "path": "tests/test_total.py",
                "before": "assert total([10], discount=4) == 6",
                "after": "pass",
            },
        ),
        "rejected",
        "tests/test_total.py",
    ),
    "breaks the syntax": (
        edits({"path": SOURCE, "symbol": "total", "after": "def total(:\n    pass\n"}),
        "rejected",
        "does not parse",
    ),
    "changes the signature": (
        edits(
            {
                "path": SOURCE,
                "symbol": "total",
                "after": RIGHT.replace("discount=0", "rebate=0").replace("- discount", "- rebate"),
            }
        ),
        "rejected",
        "parameters were (prices, discount), are (prices, rebate)",
    ),
    "loses the docstring": (
        edits(
            {
                "path": SOURCE,
                "symbol": "total",
                "after": "def total(prices, discount=0):\n    return sum(prices) - discount\n",
            }
        ),
        "rejected",
        "docstring",
    ),
    "is overloaded": (Fault(529), "declined", "overloaded"),
    "knows another key": (Fault(401), "declined", "key"),
}


@pytest.mark.parametrize("case", MODELS, ids=lambda name: name.replace(" ", "-"))
async def test_a_model_that(shop: Project, editing: Editing, case: str) -> None:
    answer, outcome, words = MODELS[case]
    shop.put("shop/other.py", "OTHER = 1\n")
    with MessagesServer() as model:
        model.always(answer)
        async with editing(shop, APPLY, APPLY_ANYWAY, model=model.url) as editor:
            before = editor.open(SOURCE).text
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
            assert (result["outcome"], result["applied"]) == (outcome, False), result["message"]
            assert words in str(result["message"])
            assert str(result["message"]) in editor.said
            assert editor.text(SOURCE) == before


async def test_a_model_that_cannot_be_reached(shop: Project, editing: Editing) -> None:
    with MessagesServer() as model:
        address = model.url
    async with editing(shop, model=address) as editor:
        result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert result["outcome"] == "declined"
    assert "cannot be reached" in str(result["message"])


async def test_a_model_does_not_get_the_leave_that_a_rules_own_fix_has(
    shop: Project, editing: Editing
) -> None:
    after = RIGHT.replace("discount=0", "discount: float = 0")
    span = Span(TOTAL.index("discount=0"), TOTAL.index("discount=0") + 8)
    # Nobody has a fix of this rule but the model; Ruff's own would be allowed annotations.
    diagnostic = Diagnostic(SOURCE, span, "Use a union", "Ruff", "UP007")
    with MessagesServer() as model:
        model.always(edits({"path": SOURCE, "symbol": "total", "after": after}))
        async with editing(shop, APPLY_ANYWAY, model=model.url) as editor:
            result = await pick(editor, SOURCE, span, "Fix UP007", (diagnostic,))
    assert (result["outcome"], result["applied"]) == ("rejected", False), result["message"]
    assert "parameter discount" in str(result["message"])


TEXTS = {
    "crlf": b"import os\r\n\r\n\r\ndef one():\r\n    return 1\r\n",
    "byte-order-mark": b"\xef\xbb\xbfimport os\n\n\ndef one():\n    return 1\n",
    "latin-1": b"# -*- coding: latin-1 -*-\nimport os\n\n\ndef one():\n    return 1  # \xe9t\xe9\n",
    "no-final-newline": b"import os\n\n\ndef one():\n    return 1",
    "form-feed": b"import os\n\x0c\n\ndef one():\n    return 1\n",
    "line-separator": "import os\n\n\ndef one():\n    return 1  # \u2028 here\n".encode(),
    "astral": "import os\n\n\ndef one():\n    return 1  # \U0001f375 tea\n".encode(),
}


@pytest.mark.parametrize("name", TEXTS)
async def test_every_kind_of_text_keeps_its_bytes(
    shop: Project, editing: Editing, name: str
) -> None:
    path = "shop/odd.py"
    (shop.root / path).write_bytes(TEXTS[name])
    shop.put(
        "tests/test_odd.py", "from shop.odd import one\n\n\ndef test_one():\n    assert one()\n"
    )
    diagnostic = await ruff_diagnostic(shop.root, path, "F401")
    async with editing(shop) as editor:
        suggestion, applied = await editor.pick_fix(diagnostic)
        assert (suggestion.verdict.outcome, applied) == ("verified", True)
        editor.save_all()
    removed = b"import os\r\n" if name == "crlf" else b"import os\n"
    assert (shop.root / path).read_bytes() == TEXTS[name].replace(removed, b"", 1)


async def test_a_file_that_does_not_parse(shop: Project, editing: Editing) -> None:
    shop.put(SOURCE, RIGHT + "\n\ndef broken(:\n    pass\n")
    with MessagesServer() as model:
        model.always(
            edits({"path": SOURCE, "symbol": "total", "after": RIGHT.replace("sum", "max")})
        )
        async with editing(shop, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert result["applied"] is False
    assert "does not parse" in str(result["message"]) or "did not parse" in str(result["message"])


async def test_a_project_without_tests(shop: Project, editing: Editing) -> None:
    (shop.root / "tests/test_total.py").unlink()
    with MessagesServer(edits({"path": SOURCE, "symbol": "total", "after": RIGHT})) as model:
        async with editing(shop, model=model.url) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert (result["outcome"], result["applied"]) == ("unproven", False)
    assert evidence(result)["tests"] == ("unknown", "no test imports shop/total.py")


async def test_a_project_without_an_interpreter(shop: Project, editing: Editing) -> None:
    with MessagesServer(edits({"path": SOURCE, "symbol": "total", "after": RIGHT})) as model:
        settings: dict[str, object] = {"interpreter": None}
        async with editing(shop, model=model.url, settings=settings) as editor:
            result = await pick(editor, SOURCE, inside(editor, SOURCE, "total"), "Simplify")
    assert (result["outcome"], result["applied"]) == ("unproven", False)
    outcome, detail = evidence(result)["tests"]
    assert outcome == "unknown"
    assert detail.startswith("no interpreter")


async def test_a_folder_without_python(tmp_path: Path, shop: Project, editing: Editing) -> None:
    empty = Project(tmp_path / "empty", shop.interpreter)
    empty.put("notes.txt", "nothing here\n")
    async with editing(empty) as editor:
        # Nothing is offered in a file that is not Python; the session goes on.
        assert await editor.actions("notes.txt", Span(0, 0)) == ()
