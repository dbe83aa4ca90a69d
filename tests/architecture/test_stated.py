"""What is kept of a text while it is edited is what a scan of it would find."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import rope
from hypothesis import given
from hypothesis import strategies as st

from trueup.architecture import scan
from trueup.architecture.stated import Stated

PIECES = (
    "import a", "from b import c", "from d import (e,\n  f)", "x = 1", "", "    import g",
    "# import h", "if TYPE_CHECKING:", "    y = 2", '"""', "'''", "'import i'", "(", ")", "\\",
    "j,", "import k; l = 3", "from m import (", "def n():", "else:", "\r", "\f", "from",
    "import",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map("\n".join)


def held_to(old: Stated, text: str) -> Stated | None:
    made = old.edited(text)
    if made is not None:
        assert (made.imports, made.names) == (scan.imports(text), scan.names(text)), text
        assert scan.scanned(text).typing == made.typing
        assert made.document.text == text
    return made


@given(TEXT, st.data())
def test_an_edit_leaves_what_a_scan_finds(text: str, data: st.DataObject) -> None:
    held = Stated(text, "a.py", text)
    for _ in range(3):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + data.draw(TEXT | st.sampled_from([" ", "q", "\n"])) + text[end:]
        held = held_to(held, text) or Stated(text, "a.py", text)


def test_real_files_are_rarely_scanned_again() -> None:
    chance = random.Random(1)  # noqa: S311 - places, not secrets
    files = sorted(Path(str(rope.__file__)).parent.rglob("*.py"))
    kept = edits = 0
    for file in files:
        text = file.read_text("utf-8")
        held = Stated(text, "a.py", text)
        for _ in range(6):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(["x", "\n", " ", "1 + 1", "#"]) + text[at:]
            made = held_to(held, text)
            kept += made is not None
            edits += 1
            held = made or Stated(text, "a.py", text)
    assert kept > edits * 0.6, (kept, edits)


@pytest.mark.soak
def test_many_edits_of_real_files() -> None:
    for _ in range(40):
        test_real_files_are_rarely_scanned_again()
