"""Laws of reading and writing: what was written is read back, an edit touches one value."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup import InputError, StaleError
from trueup.files import replace_unchanged
from trueup.memory import governing, lifecycle, ulid
from trueup.memory.decisions import (
    Decision,
    Decisions,
    Origin,
    Scope,
    Status,
    Visibility,
    Weight,
)
from trueup.memory.export import Target, exported, pages
from trueup.memory.globs import matches, overlap
from trueup.memory.hidden import one_line
from trueup.memory.instructions import read_instructions
from trueup.memory.lifecycle import Draft, quoted, rendered, with_status, with_superseded
from trueup.memory.places import load
from trueup.memory.reading import read_decision
from trueup.memory.yaml_text import Text, YamlError, read

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
TITLES = TEXTS.filter(lambda text: bool(text.strip()))
PARTS = st.sampled_from(["src", "shop", "*", "**", "a?c", "*.py", "[ab]x", "abc", "ax"])
GLOBS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
NAMES = st.sampled_from(["src", "shop", "a.py", "abc", "ax", "axc", "x"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
ID = "01JD3Y6Q8T5V0W9X2Z4B6C8D0E"


@given(TEXTS)
def test_a_quoted_text_is_read_back(text: str) -> None:
    plain = " ".join(text.split())
    for front in (f"key: {quoted(plain)}", f"key: [{quoted(plain)}]"):
        node = read(front)
        assert isinstance(node, read("a: b").__class__), node
        value = node.get("key")
        items = (value,) if isinstance(value, Text) else value.items
        assert [item.value for item in items] == [plain]


@given(TITLES, st.sampled_from(Status), st.sampled_from(Weight), st.lists(GLOBS, max_size=3))
def test_a_draft_is_read_back(
    title: str, status: Status, severity: Weight, paths: list[str]
) -> None:
    draft = Draft(title, "Why.", status, severity, Scope(tuple(paths)), supersedes=("0001",))
    found = read_decision("docs/decisions/0002-x.md", rendered(draft, ID))
    decision = found.decision
    assert (decision.id, decision.origin) == (ID, Origin.DECISION)
    assert decision.title == one_line(" ".join(title.split()))
    assert (decision.status, decision.severity) == (status, severity)
    assert (decision.scope.paths, decision.supersedes) == (tuple(paths), ("0001",))
    assert not [problem for problem in found.problems if "invisible" not in problem.message]


@given(st.sampled_from(Status), st.sampled_from(Status), TITLES, st.sampled_from(["\n", "\r\n"]))
def test_an_edit_of_the_status_changes_that_word_only(
    before: Status, after: Status, title: str, newline: str
) -> None:
    text = rendered(Draft(title, status=before), ID).replace("\n", newline)
    edited = with_status(text, after)
    assert edited == text.replace(f"status: {before}", f"status: {after}", 1)
    assert read_decision("0001.md", edited).decision.status is after
    assert with_status(edited, before) == text


@given(st.lists(st.sampled_from([ID, "01JD3Y6Q8T5V0W9X2Z4B6C8D0F", "0007"]), max_size=4))
def test_what_is_superseded_is_added_once(names: list[str]) -> None:
    text = rendered(Draft("New"), "01JD3Y6Q8T5V0W9X2Z4B6C8D00")
    for name in names:
        text = with_superseded(text, name)
    decision = read_decision("0001.md", text).decision
    assert decision.supersedes == tuple(dict.fromkeys(names))


@given(TEXTS, TEXTS)
def test_any_text_is_read_as_something(front: str, body: str) -> None:
    for text in (front, f"---\n{front}\n---\n{body}", f"# T\n\n```rule\n{front}\n```\n"):
        found = read_decision("docs/decisions/0001-any.md", text)
        assert found.decision.title
        assert all(problem.source.line >= 1 for problem in found.problems)
        read_instructions("AGENTS.md", text)


@given(GLOBS, PATHS)
def test_globs_that_match_one_path_overlap(glob: str, path: str) -> None:
    exact = (path,)
    if matches(glob, path):
        assert overlap((glob,), exact)


@given(GLOBS, GLOBS, PATHS)
def test_globs_that_share_a_path_overlap(one: str, two: str, path: str) -> None:
    if matches(one, path) and matches(two, path):
        assert overlap((one,), (two,))
        assert overlap((two,), (one,))


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("src/**", "src/a/b.py", True),
        ("src/**", "source/a.py", False),
        ("src/*.py", "src/a/b.py", False),
        ("src", "src/a/b.py", True),
        ("src/", "x/src/b.py", True),
        ("*.py", "a/b/c.py", True),
        ("a.py", "b/a.py", True),
        ("./a/b.py", "a/b.py", True),
        ("**/test_*.py", "test_x.py", True),
        ("src/**/x.py", "src/x.py", True),
        ("src/[ab].py", "src/c.py", False),
        ("**", "anything", True),
    ],
)
def test_globs(glob: str, path: str, expected: bool) -> None:
    assert matches(glob, path) is expected


def test_ids_are_ulids_in_the_order_of_time() -> None:
    made = [ulid.new() for _ in range(200)]
    assert all(map(ulid.is_ulid, made))
    assert len(set(made)) == 200
    assert [identity[:9] for identity in made] == sorted(identity[:9] for identity in made)


def test_whoever_edits_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    path = lifecycle.add(str(tmp_path), Draft("One"))
    decision = load(str(tmp_path)).decisions[0]
    theirs = (tmp_path / path).read_text("utf-8") + "More.\n"
    (tmp_path / path).write_text(theirs, "utf-8")
    with pytest.raises(StaleError, match="changed meanwhile"):
        lifecycle.accept(str(tmp_path), decision)
    assert (tmp_path / path).read_text("utf-8") == theirs


def test_a_file_is_replaced_only_while_it_is_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.md"
    assert replace_unchanged(file, None, b"one")
    assert not replace_unchanged(file, None, b"two")
    assert not replace_unchanged(file, b"other", b"two")
    file.chmod(0o640)
    assert replace_unchanged(file, b"one", b"two")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"two", 0o640)
    assert not replace_unchanged(tmp_path / "gone", b"one", b"two")
    assert [path.name for path in file.parent.iterdir()] == ["b.md"]


def test_added_at_once_by_two_nobody_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom trueup.memory.lifecycle import Draft, add\n"
        "for number in range(10):\n    add(sys.argv[1], Draft(f'same {number}'))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    known = load(str(tmp_path))
    assert len(known) == len({item.id for item in known}) == 20


def test_two_branches_add_a_decision_each(tmp_path: Path) -> None:
    """Numbers may be the same then; ids are not, and either is called by its id."""
    for branch in ("one", "two"):
        text = rendered(Draft(branch), ulid.new())
        folder = tmp_path / "docs" / "decisions"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"0001-{branch}.md").write_text(text, "utf-8")
    known = load(str(tmp_path))
    assert not known.problems
    assert [known.short(item) for item in known] == [item.id for item in known]
    assert len(known.find("0001")) == 2
    with pytest.raises(InputError, match="more than one decision"):
        lifecycle.clear(known, "1")
    assert lifecycle.clear(known, known.decisions[1].id[:24]).title == "two"


def test_what_the_team_may_not_see_is_never_exported(tmp_path: Path) -> None:
    for visibility in Visibility:
        path = lifecycle.add(str(tmp_path), Draft(f"canary-{visibility}", status=Status.ACCEPTED))
        file = tmp_path / path
        text = file.read_text("utf-8")
        file.write_text(text.replace("evidence: []", f"visibility: {visibility}"), "utf-8")
    misspelt = tmp_path / lifecycle.add(str(tmp_path), Draft("canary-teem", status=Status.ACCEPTED))
    text = misspelt.read_text("utf-8")
    misspelt.write_text(text.replace("evidence: []", "visibility: teem"), "utf-8")
    broken = tmp_path / lifecycle.add(str(tmp_path), Draft("canary-broken", status=Status.ACCEPTED))
    text = broken.read_text("utf-8")
    broken.write_text(text.replace("evidence: []", "visibility: never\n`"), "utf-8")
    known = load(str(tmp_path))
    assert [item.title for item in exported(known)] == ["canary-team"]
    for target in Target:
        written = "".join(page.text or "" for page in pages(str(tmp_path), known, target))
        assert set(re.findall(r"canary-\w+", written)) == {"canary-team"}


@pytest.mark.parametrize(
    "front",
    [
        "a: &x [1]\nb: [*x, *x]",
        "a: !!python/name:os.system x",
        "[" * 3000,
        "a: " + "{b: " * 3000,
        "a: " + "x" * 100_000,
        "- " * 9000,
        "a: [" + "x," * 9000 + "]",
        "? [a]\n: b",
        "a: b\n--- \nc: d",
        "a: \x07",
        "a: b\na: c",
        "%YAML 9.9\n---\na: b",
        "a: 'x",
        "\ta: b",
    ],
)
def test_hostile_yaml_is_refused_with_a_line(front: str) -> None:
    with pytest.raises(YamlError) as raised:
        read(front)
    assert raised.value.line >= 1
    assert "\n" not in str(raised.value)


def test_values_stay_what_was_written() -> None:
    node = read("a: no\nb: 007\nc: 2020-01-01\nd: ~\ne: 1e5\nf:\n")
    values = [value.value for _, value in node.entries]
    assert values == ["no", "007", "2020-01-01", "~", "1e5", ""]


SYMBOLS = st.sampled_from(["shop", "shop.a", "shop.a.*", "shop.a.f", "shop.a.f.g", "shop.ab",
                                "other.a.f", "shop.a.C.*"])  # fmt: skip


@given(names=st.lists(st.lists(SYMBOLS, max_size=3), max_size=6))
def test_what_governs_a_symbol_is_what_names_it(names: list[list[str]]) -> None:
    known = Decisions(
        tuple(
            Decision(f"ID{number}", "", f"docs/{number}.md", Origin.DECISION, Status.ACCEPTED,
                     scope=Scope(symbols=tuple(symbols)))
            for number, symbols in enumerate(names)
        )
    )  # fmt: skip
    symbols = ("f", "f.g", "C", "C.m")
    found = governing.of_symbols(known, "shop/a.py", symbols)
    for symbol in symbols:
        name = f"shop.a.{symbol}"
        expected = [
            item.id
            for item in known
            if any(
                name.startswith(f"{written.removesuffix('.*')}.") or name == written
                for written in item.scope.symbols
            )
        ]
        assert [item.id for item in found[symbol]] == expected
