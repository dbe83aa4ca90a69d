"""The model's answer: two forms of edits, and a sentence for everything that is neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.propose.proposal import Failure, FailureKind
from trueup.propose.reply import (
    EXPLANATION_CHARACTERS_MAX,
    SCHEMA,
    TITLE_CHARACTERS_MAX,
    Reply,
    parse_reply,
)
from trueup.snapshot import Document, Snapshot

CODE = '''\
import os


@cached
def f(x):
    # a comment
    return x


class A:
    """Doc."""

    @property
    def g(self):
        query = """
  select
"""
        return query

    @g.setter
    def g(self, value):
        pass

    def h(self):
        return 1  # twice
        return 1  # twice
'''


def snapshot_of(text: str, root: Path = Path("/nowhere")) -> Snapshot:
    return Snapshot.of(str(root), [Document("a.py", text)])


def answer(*edits: dict[str, object], title: str = "T", explanation: str = "E") -> str:
    full = [{"path": "a.py", "symbol": None, "before": None, **edit} for edit in edits]
    return json.dumps({"title": title, "explanation": explanation, "edits": full})


def changed(text: str, *edits: dict[str, object]) -> str:
    snapshot = snapshot_of(text)
    reply = parse_reply(answer(*edits), snapshot)
    assert isinstance(reply, Reply), reply
    return snapshot.edited(reply.edits).documents["a.py"].text


def complaint(reply: str, text: str = CODE) -> str:
    failure = parse_reply(reply, snapshot_of(text))
    assert isinstance(failure, Failure), failure
    assert failure.kind is FailureKind.NONSENSE
    return failure.sentence


def test_a_quoted_text_is_replaced() -> None:
    assert changed(CODE, {"before": "return x\n", "after": "return x + 1\n"}) == CODE.replace(
        "return x\n", "return x + 1\n"
    )


def test_a_symbol_is_replaced_with_its_decorators() -> None:
    after = changed(CODE, {"symbol": "f", "after": "def f(x):\n    # a comment\n    return 0\n"})
    assert after == CODE.replace("@cached\n", "").replace("return x", "return 0")


def test_only_the_lines_that_differ_are_touched() -> None:
    text = "@cached\ndef f(x):\n    # a comment\n    return 2"
    reply = parse_reply(answer({"symbol": "f", "after": text}), snapshot_of(CODE))
    assert isinstance(reply, Reply)
    (edit,) = reply.edits
    assert CODE[edit.span.start : edit.span.end] == "    return x\n"


H = "    def h(self, y):\n        if y:\n            return 2\n        return 1\n"


@pytest.mark.parametrize(
    "written",
    [
        H,
        "\n" + H + "\n\n",
        H.lstrip(),
        "def h(self, y):\n    if y:\n        return 2\n    return 1",
        "      def h(self, y):\n          if y:\n              return 2\n          return 1",
        "def h(self, y):\r\n    if y:\r\n        return 2\r\n    return 1\r\n",
    ],
    ids=["in place", "blank lines", "from the symbol", "from column 0", "too deep", "crlf"],
)
def test_indentation_is_that_of_the_place(written: str) -> None:
    after = changed(CODE, {"symbol": "A.h", "after": written})
    assert after == CODE[: CODE.index("    def h")] + H


def test_a_signature_and_a_decorator_at_the_depth_of_the_symbol() -> None:
    inner = "@staticmethod\n    def h(\n        y,\n    ):\n        return y"
    after = changed(CODE, {"symbol": "A.h", "after": inner})
    assert after.endswith("\n    " + inner + "\n")


def test_docstrings_are_indented_and_other_strings_are_not() -> None:
    new = 'def h(self):\n    """One.\n\n    Two.\n    """\n    return """\n  a\n"""\n'
    after = changed(CODE, {"symbol": "A.h", "after": new})
    assert after.endswith(
        '    def h(self):\n        """One.\n\n        Two.\n        """\n'
        '        return """\n  a\n"""\n'
    )


def test_a_text_within_a_symbol() -> None:
    text = "def f():\n    return 1\n\n\ndef g():\n    return 1\n"
    after = changed(text, {"symbol": "g", "before": "return 1", "after": "return 2"})
    assert after == "def f():\n    return 1\n\n\ndef g():\n    return 2\n"


def test_crlf_is_kept() -> None:
    text = CODE.replace("\n", "\r\n")
    after = changed(text, {"before": "    # a comment\n    return x\n", "after": "    return 0\n"})
    assert after == text.replace("    # a comment\r\n    return x\r\n", "    return 0\r\n")


def test_several_edits_in_several_files(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("y = 1\n")
    snapshot = snapshot_of(CODE, tmp_path)
    edits: tuple[dict[str, object], ...] = (
        {"path": "./b.py", "before": "1", "after": "2"},
        {"before": "import os\n", "after": ""},
        {"symbol": "f", "after": "def f(): pass"},
    )
    reply = parse_reply(answer(*edits), snapshot)
    assert isinstance(reply, Reply)
    assert sorted({edit.path for edit in reply.edits}) == ["a.py", "b.py"]


@pytest.mark.parametrize(
    "around",
    ["{}", "```json\n{}\n```", "```\n{}```", "Here it is:\n```json\n{}\n```\nBye.", "Sure! {} ok"],
)
def test_fences_and_chatter_are_tolerated(around: str) -> None:
    text = around.replace("{}", answer({"before": "import os", "after": "import re"}))
    assert isinstance(parse_reply(text, snapshot_of(CODE)), Reply)


def test_title_and_explanation_are_cut() -> None:
    text = answer(
        {"before": "import os", "after": "import re"}, title="a\nb " * 99, explanation="x" * 9999
    )
    reply = parse_reply(text, snapshot_of(CODE))
    assert isinstance(reply, Reply)
    assert len(reply.title) == TITLE_CHARACTERS_MAX
    assert "\n" not in reply.title
    assert len(reply.explanation) == EXPLANATION_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ("", "the model answered with nothing"),
        ("I cannot do that.", "the model's answer is not JSON: I cannot do that."),
        ('{"title": "a", "edits": [{"pa', "the model's answer is not JSON: {"),
        ("[1]", "the model's answer is not JSON: [1]"),
        ("[" * 100_000, "the model's answer is not JSON: ["),
        ('{"title": 1, "explanation": "", "edits": []}', "the model's title is not text"),
        ('{"title": "a"}', "the model's answer has no list of edits"),
        ('{"title": "a", "edits": ["x"]}', "the model's answer has no list of edits"),
        (answer({"path": "", "after": ""}), "an edit of the model names no path"),
        (answer({"after": "x"}), "an edit of the model in a.py names neither a symbol nor a text"),
        (
            answer({"before": "", "after": "x"}),
            "an edit of the model in a.py names neither a symbol nor a text",
        ),
        (
            answer({"symbol": "f"}),
            "an edit of the model in a.py does not say what comes after",
        ),
        (answer({"symbol": "A.k", "after": ""}), "there is no symbol A.k in a.py"),
        (
            answer({"symbol": "A.g", "after": ""}),
            "a.py defines A.g 2 times; quote the text instead",
        ),
        (answer({"before": "nope", "after": ""}), "the text nope does not occur in a.py"),
        (
            answer({"before": "return 1  # twice", "after": ""}),
            "the text return 1 # twice occurs 2 times in a.py; quote more of it",
        ),
        (
            answer(
                {"symbol": "f", "after": "def f(): pass"}, {"before": "# a comment", "after": ""}
            ),
            "two edits of the model overlap in a.py",
        ),
        (
            answer({"path": "gone.py", "before": "a", "after": "b"}),
            "the model edited a file that it cannot edit: gone.py is not a file",
        ),
        (
            answer({"path": "../b.py", "before": "a", "after": "b"}),
            "the model edited a file that it cannot edit: ../b.py leads out of the workspace",
        ),
        (
            answer({"path": "/etc/hosts", "before": "a", "after": "b"}),
            "/etc/hosts is not a path inside the workspace",
        ),
    ],
)
def test_nonsense_is_named(reply: str, sentence: str) -> None:
    said = complaint(reply)
    assert said.startswith(sentence) if sentence.endswith(("{", "[")) else said == sentence


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            answer(explanation="It is right as it is."),
            "the model proposes no change: It is right as it is.",
        ),
        (answer(explanation=""), "the model proposes no change"),
        (
            answer({"before": "import os", "after": "import os"}),
            "the model's edits change nothing",
        ),
    ],
)
def test_no_change_is_no_nonsense(reply: str, sentence: str) -> None:
    failure = parse_reply(reply, snapshot_of(CODE), proposer="m")
    assert failure == Failure(FailureKind.NOTHING_TO_DO, sentence, "m")


def test_the_schema_is_the_form() -> None:
    """What the schema demands is what the parser reads, and nothing may be added."""
    row = SCHEMA["properties"]["edits"]["items"]
    assert set(row["required"]) == set(row["properties"]) == {"path", "symbol", "before", "after"}
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])
    assert row["additionalProperties"] is SCHEMA["additionalProperties"] is False


ODD = st.sampled_from([None, True, 1.5, [], {}, [[]], {"a": 1}, "\ud800", "x\0y", "\r", "é😀"])
VALUES = st.sampled_from(["a.py", "", "f", "A.g", "return x", CODE, "def f(x): pass"]) | ODD
ROWS = st.fixed_dictionaries(
    {}, optional={"path": VALUES, "symbol": VALUES, "before": VALUES, "after": VALUES}
)
EDITS = st.lists(ROWS, max_size=3) | ODD


@given(st.fixed_dictionaries({}, optional={"title": VALUES, "edits": EDITS}))
def test_no_answer_raises(table: dict[str, object]) -> None:
    result = parse_reply(json.dumps(table), snapshot_of(CODE))
    assert isinstance(result, Reply | Failure)
