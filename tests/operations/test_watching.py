"""The watch on the traces: an alarm is told once, and what is remembered changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from support import traces
from trueup import doctor
from trueup.cli import cli
from trueup.commands import terminal
from trueup.engine.job import Ports
from trueup.operations.tracestore import TraceStore
from trueup.operations.watching import Watch
from trueup.settings import Settings, TraceLimits


@pytest.fixture
def store() -> TraceStore:
    """Suggestions that became worse with the second version of the prompt."""
    kept = TraceStore(TraceLimits())
    for trace in traces.fallen():
        kept.keep(trace, {})
    return kept


def test_an_alarm_is_told_once(store: TraceStore) -> None:
    (told,) = Watch(store).news()
    assert (told.key.prompt, told.before, told.goal) == ("suggest@v2", "suggest@v1", "refactor")
    assert Watch(store).news() == ()
    # It is still one for whoever asks.
    assert told in Watch(store).alarms()


def test_another_fall_is_another_alarm(store: TraceStore) -> None:
    Watch(store).news()
    for number, trace in enumerate(traces.fallen(model="another")):
        again = replace(trace, id=f"20270101T120000-{number:08x}", began=f"2027-{number:04}")
        store.keep(again, {})
    (told,) = Watch(store).news()
    assert told.key.model == "another"


def test_what_is_remembered_is_what_the_traces_say(store: TraceStore) -> None:
    first = Watch(store).alarms()
    assert first == Watch(store).alarms()
    for name in store.names()[:20]:
        (store.folder / f"{name}.json").unlink()
    assert Watch(store).alarms() == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 9}', "\x00"])
def test_a_damaged_memory_is_read_anew(store: TraceStore, text: str) -> None:
    first = Watch(store).alarms()
    (store.folder / ".watched").write_text(text)
    assert Watch(store).alarms() == first


def test_where_nothing_can_be_written_it_is_told_all_the_same(store: TraceStore) -> None:
    (store.folder / ".watched").mkdir()
    assert len(Watch(store).news()) == 1


def test_an_answer_that_comes_later_counts(store: TraceStore) -> None:
    Watch(store).alarms()
    name = store.names()[0]
    assert store.answer(name, "applied") == ""
    watch = Watch(store)
    watch.alarms()
    seen, _ = watch._read()
    said = seen[name][1]
    assert said is not None
    assert said.accepted is True


def test_the_doctor_and_the_command_name_the_way_back(store: TraceStore) -> None:
    assert store.names()
    _, drifting = doctor._prompts(Settings())
    assert not drifting.good
    assert drifting.says.endswith("go back with `trueup prompts rollback refactor`")
    ended = CliRunner().invoke(cli, ["trace", "drift"])
    assert ended.exit_code == 1
    assert "go back with: trueup prompts rollback refactor" in ended.output


def test_without_traces_nothing_gets_worse() -> None:
    used, drifting = doctor._prompts(Settings())
    assert used.says == "fix suggest@v1, refactor suggest@v1, review review@v1"
    assert (used.good, drifting.good) == (True, True)


def test_a_command_says_it_once_after_its_job(
    store: TraceStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store.names()

    async def nothing(_: Ports) -> int:
        return 7

    said = []
    for _ in range(2):
        assert terminal.run(nothing, trusted=False, quiet=True) == 7
        said.append(capsys.readouterr().err)
    assert "fewer suggestions of simplify are verified with suggest@v2" in said[0]
    assert "go back with: trueup prompts rollback refactor" in said[0]
    assert "fewer suggestions" not in said[1]
