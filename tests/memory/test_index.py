"""The index is derived: whatever happens to it, the answers are those of the files."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.indexers import QUESTIONS, answers, put
from trueup.memory import database as database_module
from trueup.memory.chunks import chunks
from trueup.memory.database import MEMORY, SCHEMA
from trueup.memory.generations import CURRENT, Generations, folder_of
from trueup.memory.index import MEMORY_SOURCE_BYTES_MAX, Freshness, Home, Index
from trueup.memory.lookup import find_code
from trueup.memory.scoping import Place
from trueup.memory.store import Known, Row, Stamp, Store
from trueup.memory.words import words

INDEXERS: Final = Path(__file__).parents[1] / "support" / "indexers.py"
ENVIRONMENT: Final = os.environ | {"PYTHONPATH": str(INDEXERS.parents[1])}
FILES: Final = 12
NOWHERE: Final = Path("/proc/self/index")
"""A folder in which nobody can make anything, not even root."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for number in range(FILES):
        put(root, number, number)
    return root


def truth(root: Path) -> tuple[tuple[Row, ...], ...]:
    """The answers of an index that never was on a disk."""
    with Index(str(root), NOWHERE) as index:
        assert index.refresh().home is Home.MEMORY
        return answers(index)


def check(index: Index, root: Path) -> Freshness:
    """That the index answers as the files do."""
    state = index.refresh(wait=True)
    assert state.home is Home.DISK
    assert not state.says
    assert answers(index) == truth(root)
    return state


def database(index: Index) -> Path:
    found = Generations(index.folder).current()
    assert found is not None
    return found


STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4), st.integers(0, 6)),
        st.tuples(st.just("remove"), st.integers(0, 4), st.just(0)),
        st.tuples(
            st.sampled_from(["delete all", "delete database", "delete pointer", "reopen", "ask"]),
            st.just(0),
            st.just(0),
        ),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(steps=STEPS)
def test_deleting_the_cache_changes_no_answer(
    steps: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("derived")
    root, folder = base / "project", base / "index"
    root.mkdir()
    index, other = Index(str(root), folder), Index(str(root), folder)
    for what, number, version in steps:
        match what:
            case "put":
                put(root, number, version)
            case "remove":
                (root / f"module_{number}.py").unlink(missing_ok=True)
            case "delete all":
                shutil.rmtree(folder, ignore_errors=True)
            case "delete database":
                for file in folder.glob("index-*"):
                    file.unlink()
            case "delete pointer":
                (folder / CURRENT).unlink(missing_ok=True)
            case "reopen":
                index.close()
            case _:
                index, other = other, index
                check(index, root)
    check(index, root)
    check(other, root)
    index.close()
    other.close()
    shutil.rmtree(base)


def _garbage(file: Path) -> None:
    file.write_bytes(b"this is not a database" * 400)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _zeros(file: Path) -> None:
    _overwrite(file, 4096, b"\0" * (file.stat().st_size - 4096))


def _bit(file: Path) -> None:
    # One bit of each page but the first: no page is what it was.
    raw = bytearray(file.read_bytes())
    for start in range(4096, len(raw), 4096):
        raw[start + 100] ^= 1
    file.write_bytes(raw)


def _overwrite(file: Path, start: int, raw: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(raw)


@pytest.mark.parametrize("damage", [_garbage, _empty, _truncated, _zeros, _bit])
def test_a_damaged_database_is_found_and_built_again(project: Path, damage: object) -> None:
    with Index(str(project)) as index:
        check(index, project)
        file = database(index)
        index.close()
        assert callable(damage)
        damage(file)
        check(index, project)
        assert database(index) != file


def test_a_page_that_is_damaged_while_it_is_open(project: Path) -> None:
    with Index(str(project)) as index:
        check(index, project)
        _bit(database(index))
        # Pages that were read before may be remembered; the bytes of others are not believed.
        index.close()
        index.refresh()
        assert answers(index) == truth(project)
        assert index.is_sound()


def test_one_page_after_the_other(project: Path) -> None:
    with Index(str(project)) as index:
        check(index, project)
        size = database(index).stat().st_size
        for page in range(0, size // 4096, 3):
            index.close()
            _overwrite(database(index), page * 4096 + 64, b"\xa5" * 64)
            index.refresh()
            assert answers(index) == truth(project), page


def test_an_index_of_another_version_is_built_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Index(str(project)) as index:
        check(index, project)
        index.close()
        monkeypatch.setattr(database_module, "SCHEMA", "another")
        assert index.refresh().rebuilt
        assert not index.refresh().rebuilt


def test_an_index_of_another_project_is_not_read(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret.py").write_text("def canary_heron():\n    pass\n", "utf-8")
    with Index(str(other)) as theirs, Index(str(project)) as ours:
        theirs.refresh()
        check(ours, project)
        shutil.rmtree(ours.folder)
        shutil.copytree(theirs.folder, ours.folder)
        ours.close()
        check(ours, project)
        assert ours.ask(lambda store: store.matching(("heron",), 5), ()) == ()


@pytest.mark.parametrize("pointer", [b"", b"../../etc/passwd", b"\xff" * 5000, b"index-x.db"])
def test_a_pointer_to_nowhere(project: Path, pointer: bytes) -> None:
    with Index(str(project)) as index:
        check(index, project)
        (index.folder / CURRENT).write_bytes(pointer)
        assert check(index, project).rebuilt
        assert len(list(index.folder.glob("index-*.db"))) == 1


def test_a_folder_that_cannot_be_written_is_said_and_changes_no_answer(project: Path) -> None:
    with Index(str(project)) as disk, Index(str(project), NOWHERE) as memory:
        check(disk, project)
        state = memory.refresh()
        assert (state.home, state.behind) == (Home.MEMORY, 0)
        assert "cannot be kept in /proc/self/index" in state.says
        put(project, 3, 40)
        assert memory.refresh(["module_3.py"]).changed == 1
        assert memory.refresh().says == state.says
        check(disk, project)
        assert answers(memory) == answers(disk)


def test_a_file_where_the_folder_should_be(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with Index(str(project), tmp_path / "file" / "index") as index:
        state = index.refresh()
        assert state.home is Home.MEMORY
        assert "Not a directory" in state.says
        assert answers(index) == truth(project)


def test_a_large_project_is_not_held_in_memory(project: Path) -> None:
    for number in range(1 + MEMORY_SOURCE_BYTES_MAX // (1 << 20)):
        with (project / f"large_{number}.py").open("wb") as file:
            file.truncate(1 << 20)
    with Index(str(project), NOWHERE) as index:
        state = index.refresh()
        assert state.home is Home.NOWHERE
        assert "too large" in state.says
        assert answers(index) == ((),) * len(QUESTIONS)


@pytest.mark.parametrize("room", [0, 8_192, 24_000, "as it is"])
def test_a_disk_that_is_full(project: Path, tmp_path: Path, room: object) -> None:
    folder = tmp_path / "index"
    done = subprocess.run(
        [sys.executable, str(INDEXERS), "full", str(project), str(folder), str(room)],
        capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    home, same, says = done.stdout.rstrip("\n").split("|")
    assert (home, same) == ("memory", "True"), done.stderr
    assert says.startswith(f"the index cannot be kept in {folder}")


def test_readers_do_not_wait_for_a_writer(project: Path) -> None:
    with Index(str(project)) as index:
        check(index, project)
        put(project, 1, 50)
        with Generations(index.folder).lease(wait=False) as ours:
            assert ours
            state = index.refresh()
            assert state.behind == 1
            assert "another Trueup" in state.says
            # What did change is not given as if it had not.
            assert all(item.row.path != "module_1.py" for item in find_code(index, "parse"))
        assert check(index, project).behind == 0


def test_a_file_that_changes_between_the_look_and_the_answer(project: Path) -> None:
    with Index(str(project)) as index:
        check(index, project)
        put(project, 5, 60)
        found = find_code(index, "parse version 60")
        assert found
        assert all(index.is_current(item.row) for item in found)
        assert found[0].row.path == "module_5.py"


def test_text_of_one_workspace_is_never_in_another(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    planted = "def canary_kingfisher():\n    '''canary kingfisher'''\n    return 'kingfisher'\n"
    (other / "secret.py").write_text(planted, "utf-8")
    (project / "leads_out.py").symlink_to(other / "secret.py")
    (project / "folder").symlink_to(other)
    with Index(str(project)) as ours, Index(str(other)) as theirs:
        check(ours, project)
        theirs.refresh()
        assert find_code(theirs, "canary kingfisher")
        assert not find_code(ours, "canary kingfisher")
        assert ours.folder != theirs.folder
        assert not any(b"kingfisher" in file.read_bytes() for file in ours.folder.iterdir())


def test_hidden_files_are_left_out_before_ranking(project: Path) -> None:
    with Index(str(project)) as index:
        index.refresh()
        place = Place("module_1.py", "module_1.Version1")
        every = find_code(index, "parse", place, limit=500)
        found = find_code(index, "parse", place, limit=500, hidden=lambda path: "_7" in path)
        assert {item.row.path for item in every} - {item.row.path for item in found} == {
            "module_7.py"
        }

        def semantic(question: str, limit: int) -> tuple[Row, ...]:
            return tuple(item.row for item in find_code(index, question, limit=limit))

        fused = find_code(index, "parse", limit=500, hidden=lambda path: "_7" in path,
                          semantic=semantic)  # fmt: skip
        assert all(item.row.path != "module_7.py" for item in fused)
        assert "it is near in meaning" in fused[0].why


def test_what_a_place_calls_comes_before_its_namesakes(project: Path) -> None:
    (project / "client.py").write_text(
        "from pool import lend\n\ndef fetch():\n    return lend()\n", "utf-8"
    )
    (project / "pool.py").write_text("def lend():\n    return None\n", "utf-8")
    (project / "a_library.py").write_text("def lend():\n    return None\n", "utf-8")
    with Index(str(project)) as index:
        index.refresh()
        found = find_code(index, "", Place("client.py", "client.fetch"))
        assert [(item.row.path, item.why) for item in found] == [
            ("pool.py", ("client.fetch calls it",))
        ]


def test_rows_that_tie_are_in_the_order_of_their_places() -> None:
    store = Store.create(MEMORY, "")
    with store.transaction():
        for number in (5, 3, 9):
            known = Known(Stamp(0, 0, 0), True, b"")
            store.put(f"{number}.py", known, chunks("def same(): pass\n"))
    for limit in (1, 2, 3):
        rows = store.matching(words("same"), limit)
        assert [row.path for row in rows] == ["3.py", "5.py", "9.py"]


def _lines(process: subprocess.Popen[str], count: int) -> Iterator[str]:
    assert process.stdout is not None
    for _ in range(count):
        yield process.stdout.readline()


def _kill(role: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(INDEXERS), role, str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize("rounds", [pytest.param(12, id="few"), pytest.param(1_000, id="many")])
def test_deleted_at_any_moment_by_another(project: Path, rounds: int) -> None:
    index = Index(str(project))
    other = _kill("delete", index.folder)
    try:
        for version in range(rounds):
            put(project, version % FILES, version)
            if not version % 3:
                # One that gave up on the disk stays in memory.
                index.close()
                index = Index(str(project))
            index.refresh(wait=True)
            assert answers(index) == truth(project)
        assert list(_lines(other, 1)) == ["deletes\n"]
    finally:
        other.kill()
        other.communicate()
        index.close()
    with Index(str(project)) as index:
        check(index, project)


@pytest.mark.parametrize("kills", [pytest.param(4, id="few"), pytest.param(500, id="many")])
def test_killed_in_the_middle_of_writing(project: Path, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311 - when to kill
    done = 0
    reader = _kill("read", project)
    try:
        while done < kills:
            if chance.random() < 0.2:
                # Now they are killed while they build it.
                shutil.rmtree(folder_of(str(project), SCHEMA))
            writers = [_kill("write", project), _kill("write", project)]
            for writer in writers:
                said = list(_lines(writer, chance.randrange(1, 25)))
                assert said[-1] == "writes\n"
            for writer in writers:
                writer.send_signal(signal.SIGKILL)
                done += 1
            for writer in writers:
                writer.communicate()
            with Index(str(project)) as index:
                check(index, project)
                assert index.is_sound()
            assert list(_lines(reader, 1)) == ["reads\n"]
    finally:
        reader.kill()
        rest, _ = reader.communicate()
    assert "wrong" not in rest
