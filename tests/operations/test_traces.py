"""Traces on disk and on paper: whole, private, prunable, and never worth the job they are about."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from support import traces
from trueup.cli import cli
from trueup.operations.trace import Text, Trace
from trueup.operations.tracepage import page
from trueup.operations.tracestore import Broken, TraceStore, from_json, to_json, trace_folder
from trueup.settings import TraceLimits

GOLDEN = Path(__file__).parent / "golden" / "trace.html"


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    return TraceStore(TraceLimits(), tmp_path / "traces")


def kept(store: TraceStore) -> Trace:
    trace, texts = traces.full()
    assert store.keep(trace, texts) == ""
    return trace


def broken(store: TraceStore, name: str) -> str:
    found = store.read(name)
    assert isinstance(found, Broken), found
    assert "\n" not in found.sentence
    return found.sentence


def test_what_is_kept_is_read_again(store: TraceStore) -> None:
    trace, texts = traces.full()
    store.keep(trace, texts)
    assert store.read(trace.id) == trace
    for named in trace.texts:
        assert store.text(named) == texts[named.digest]


def test_what_it_took() -> None:
    trace, _ = traces.full()
    assert trace.usage.total == 2 * 1_550
    assert (trace.cost_nano, trace.unpriced) == (5_145_000, 1_550)


def test_half_a_character_is_no_reason_to_lose_a_trace(store: TraceStore) -> None:
    trace, texts = traces.full("half \ud83d of one")
    assert store.keep(trace, texts) == ""
    found = store.read(trace.id)
    assert isinstance(found, Trace)
    assert found.goal.instruction == "half ? of one"
    assert page(found, lambda named: str(store.text(named))).encode()


def test_the_same_text_is_kept_once(store: TraceStore, tmp_path: Path) -> None:
    for number in range(3):
        trace, texts = traces.numbered(number)
        store.keep(trace, texts)
    first, texts = traces.numbered(0)
    store.keep(replace(first, id="20260521T120000-00000009"), texts)
    assert len(list(tmp_path.rglob("texts/*/*"))) == 3


def test_traces_are_private(store: TraceStore, tmp_path: Path) -> None:
    kept(store)
    for path in (tmp_path / "traces", *(tmp_path / "traces").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_an_answer_is_added(store: TraceStore) -> None:
    trace = kept(store)
    assert store.answer(trace.id, "applied") == ""
    found = store.read(trace.id)
    assert isinstance(found, Trace)
    assert [item.said for item in found.answers] == ["rejected", "applied"]
    assert store.answer("20000101T000000-00000000", "applied").startswith("there is no trace")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b"{}", "its format is None, and this Trueup knows 1"),
        (b'{"format": 2}', "its format is 2, and this Trueup knows 1"),
        (b'{"format": 1, "id": "x"}', "it is not a trace"),
        (b"[" * 200_000, "it is nested too deeply"),
    ],
)
def test_a_damaged_trace_is_a_sentence(store: TraceStore, raw: bytes, why: str) -> None:
    trace = kept(store)
    store._file(trace.id).write_bytes(raw)
    assert broken(store, trace.id) == f"the trace {trace.id} is damaged: {why}"
    assert [type(item) for item in store] == [Broken]


@given(st.data())
def test_no_damage_is_a_crash(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(to_json(traces.full()[0])).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError, RecursionError):
        from_json(json.loads(bytes(raw)))


def test_a_trace_that_calls_itself_otherwise_is_damaged(store: TraceStore) -> None:
    trace = kept(store)
    other = "20260520T120000-ffffffff"
    store._file(trace.id).rename(store._file(other))
    assert "it calls itself" in broken(store, other)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "x", "20260520T120000-0123abcd/.."])
def test_a_name_is_not_a_path(store: TraceStore, name: str) -> None:
    assert "not the name of a trace" in broken(store, name)


def test_a_damaged_text_is_a_sentence(store: TraceStore) -> None:
    trace = kept(store)
    named = trace.texts[0]
    path = store._text_file(named.digest)
    path.write_text("something else")
    assert store.text(named) == Broken(
        named.digest[:12], f"the text {named.digest[:12]} is damaged"
    )
    path.unlink()
    assert "is not kept any more" in str(store.text(named))
    assert "is not the name of a text" in str(store.text(Text("../../etc/passwd", 1)))


def test_a_name_may_be_said_in_part(store: TraceStore) -> None:
    for number in range(3):
        store.keep(*traces.numbered(number))
    names = store.names()
    assert names == sorted(names, reverse=True)
    assert store.find("last") == names[0]
    assert store.find(names[1][:15]) == names[1]
    assert store.find("00000002") == names[0]
    assert "3 traces are called 2026" in str(store.find("2026"))
    assert "there is no trace called x" in str(store.find("x"))


# --- disks that do not work --------------------------------------------------------------------


def test_a_full_disk_is_one_warning(tmp_path: Path) -> None:
    """No file of that process may grow, as on a disk that is full."""
    code = (
        "import sys; from pathlib import Path; from support import traces\n"
        "from trueup.operations.tracestore import TraceStore\n"
        "from trueup.settings import TraceLimits\n"
        "store = TraceStore(TraceLimits(), Path(sys.argv[1]))\n"
        "print([store.keep(*traces.full()) for _ in range(3)], len(store.names()))\n"
    )

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    folder = tmp_path / "traces"
    ended = subprocess.run(
        [sys.executable, "-B", "-c", code, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        preexec_fn=full,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == f"['what happens is not kept: {folder}: File too large', '', ''] 0\n", (
        ended.stderr
    )
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "traces").touch()
    store = TraceStore(TraceLimits(), tmp_path / "traces")
    assert store.keep(*traces.full()).startswith("what happens is not kept: ")
    assert store.keep(*traces.full()) == ""
    assert store.names() == []


def test_threads_share_a_store(store: TraceStore) -> None:
    workers = [
        threading.Thread(target=store.keep, args=traces.numbered(number, "same"))
        for number in range(16)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [type(item) for item in store] == [Trace] * 16


# --- pruning -----------------------------------------------------------------------------------


def test_old_traces_go_and_their_texts_with_them(store: TraceStore) -> None:
    for number in range(4):
        store.keep(*traces.numbered(number))
    for name in store.names()[2:]:
        os.utime(store._file(name), (0, 0))
    removed = store.prune(young_seconds=-1)
    assert (removed.traces, removed.texts, removed.problem) == (2, 2, "")
    assert len(store.names()) == 2
    for trace in store:
        assert isinstance(trace, Trace)
        assert isinstance(store.text(trace.texts[0]), str)


def test_the_oldest_go_until_the_rest_is_small_enough(store: TraceStore) -> None:
    for number in range(8):
        store.keep(*traces.numbered(number, "x" * 1_000))
    each = store._file(store.names()[0]).stat().st_size + 1_002
    removed = store.prune(TraceLimits(bytes=3.5 * each), young_seconds=-1)
    assert (removed.traces, removed.texts) == (5, 5)
    assert [name[-1] for name in store.names()] == ["7", "6", "5"]


def test_a_young_text_stays_for_the_trace_that_is_about_to_name_it(store: TraceStore) -> None:
    store.keep(*traces.numbered(1))
    store._file(store.names()[0]).unlink()
    assert store.prune().texts == 0
    assert store.prune(young_seconds=-1).texts == 1


def test_a_broken_trace_goes_when_it_is_old(store: TraceStore) -> None:
    trace = kept(store)
    store._file(trace.id).write_text("broken")
    assert store.prune(young_seconds=-1).traces == 0
    os.utime(store._file(trace.id), (0, 0))
    assert store.prune().traces == 1


# --- the page ----------------------------------------------------------------------------------


class Elements(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def whole_page() -> str:
    trace, texts = traces.full()
    return page(trace, lambda named: texts[named.digest])


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    found = Elements(whole_page()).found
    assert {tag for tag, _ in found} == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "ul", "li",
        "table", "tr", "th", "td", "pre", "details", "summary", "svg", "rect", "text",
    }  # fmt: skip
    names = {name for _, attributes in found for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"src", "href", "style", "action", "srcset", "data"}
    policy = next(
        str(attributes["content"])
        for _, attributes in found
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_is_as_it_was(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-cases"):
        GOLDEN.write_text(whole_page(), "utf-8")
    assert whole_page() == GOLDEN.read_text("utf-8")


@given(st.text())
def test_no_text_becomes_an_element(text: str) -> None:
    trace, _ = traces.full(text)
    plain, _ = traces.full("")
    shown = [tag for tag, _ in Elements(page(trace, lambda _: text)).found]
    usual = [tag for tag, _ in Elements(page(plain, lambda _: "")).found]
    # An instruction of nothing has no paragraph.
    assert len(shown) - len(usual) in {0, 1}


# --- the commands ------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(cli, ["trace", *arguments])
    return ended.exit_code, ended.output


@pytest.fixture
def users() -> Trace:
    return kept(TraceStore(TraceLimits()))


def test_list_and_show(users: Trace) -> None:
    code, said = run("list")
    assert code == 0
    assert users.id in said
    code, said = run("show", "last")
    assert code == 0
    for words in ("Fix E1", "candidate 1", "suggest@v1", "350 ms", "namespaces", "price unknown"):
        assert words in said
    assert "[bold]" in said
    assert len(said.splitlines()) < 60


def test_show_as_json(users: Trace) -> None:
    code, said = run("show", users.id[-8:], "--json")
    found = json.loads(said)
    assert code == 0
    assert found["texts"].keys() == {item.digest for item in users.texts}
    del found["texts"]
    assert from_json(found) == users
    code, said = run("list", "--json")
    assert [from_json(json.loads(line)) for line in said.splitlines()] == [users]


def test_export(users: Trace, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    code, said = run("export", users.id, "--html", str(file))
    assert (code, file.read_text("utf-8")) == (0, whole_page())
    assert str(file) in said
    code, said = run("export", "--html", str(file / "in a file.html"))
    assert (code, "cannot be written" in said) == (2, True)


def test_prune(users: Trace) -> None:
    code, said = run("prune", "--days", "5")
    assert (code, said.startswith("removed 0 traces and 0 texts")) == (0, True)
    code, said = run("prune", "--all")
    assert said.startswith("removed 1 traces and 3 texts")
    assert run("list") == (0, "there are no traces yet\n")
    assert not list(trace_folder().glob("*.json"))
    assert users.id


def test_what_is_not_there_is_a_sentence() -> None:
    code, said = run("show", "nothing")
    assert (code, "there is no trace called nothing" in said) == (2, True)


def test_drift_says_nothing_of_a_few_traces(users: Trace) -> None:
    assert users.calls
    assert run("drift") == (0, "nothing is getting worse, as far as the traces tell\n")
