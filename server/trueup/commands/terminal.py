"""What commands share that run a job: questions, progress, and what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from trueup import (
    TrueupError,
    report,
    settings,
)
from trueup import trust as trust_module
from trueup.commands.console import CANCELLED, console, errors, fail
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.recorded import Books
from trueup.files import write_atomically
from trueup.operations.budget import session_of
from trueup.operations.tracestore import TraceStore
from trueup.operations.watching import Watch
from trueup.propose.proposal import Failure
from trueup.snapshot import Snapshot
from trueup.suggestion import NewFile, Suggestion

T = TypeVar("T")


def machine(interpreter: str | None) -> dict[str, object]:
    """Command line flags are machine settings: who types them sits at the machine."""
    return {"interpreter": str(Path(interpreter).absolute())} if interpreter else {}


def asker(*, trusted: bool) -> Callable[[str, tuple[str, ...]], Awaitable[str]]:
    """How the terminal answers questions; without a terminal the answer is none."""

    async def ask(says: str, choices: tuple[str, ...]) -> str:
        if trusted and trust_module.Answer.ONCE in choices:
            return trust_module.Answer.ONCE
        if not sys.stdin.isatty():
            errors.print(f"{says} Not done: there is no terminal to ask on (--trust allows it).")
            return ""
        errors.print(says, highlight=False)
        prompt = " / ".join(f"{number} {choice}" for number, choice in enumerate(choices, 1))
        # At a prompt Ctrl-C means to stop; asyncio's own handler would only take note of it.
        noted = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            answer = click.prompt(prompt, default=str(len(choices)), err=True)
        finally:
            signal.signal(signal.SIGINT, noted)
        position = int(answer) if str(answer).isdigit() else 0
        return choices[position - 1] if 0 < position <= len(choices) else ""

    return ask


def run(work: Callable[[job.Ports], Awaitable[T]], *, trusted: bool, quiet: bool) -> T:
    """Run one job in this process, with progress on stderr."""

    async def whole() -> T:
        beds, this = Beds(), asyncio.current_task()
        books = Books(session_of(os.getpid()))
        for number in (signal.SIGTERM, signal.SIGHUP):
            # So that what was started is ended, and what was unpacked is removed.
            asyncio.get_running_loop().add_signal_handler(number, this.cancel if this else print)
        with errors.status("starting", spinner="dots") as status:
            ask = asker(trusted=trusted)

            async def paused(says: str, choices: tuple[str, ...]) -> str:
                status.stop()
                try:
                    return await ask(says, choices)
                finally:
                    status.start()

            def say(says: str) -> None:
                if not quiet:
                    status.update(says)

            try:
                made = await work(job.Ports(beds, paused, say, books))
                await asyncio.to_thread(_tell_news)
                return made
            finally:
                await beds.close()
                books.close()

    try:
        return asyncio.run(whole())
    except TrueupError as problem:
        fail(str(problem))
    except (KeyboardInterrupt, asyncio.CancelledError, click.Abort):
        errors.print("cancelled")
        sys.exit(CANCELLED)


def _tell_news() -> None:
    """Say once that suggestions are getting worse, and how one goes back."""
    for alarm in Watch(TraceStore(settings.load("/").traces)).news():
        back = f"; go back with: trueup prompts rollback {alarm.goal}" if alarm.before else ""
        errors.print(f"{alarm.sentence}{back}", markup=False, highlight=False)


def finish(
    made: Suggestion | Failure, before: Snapshot, *, as_json: bool, **more: object
) -> NoReturn:
    if isinstance(made, Failure):
        fail(made.sentence)
    if as_json:
        click.echo(json.dumps(report.verdict_json(made) | more, indent=2))
    else:
        report.show(console, made, before)
    sys.exit(report.EXIT_CODES[made.verdict.outcome])


def keep_tests(root: str, tests: tuple[NewFile, ...]) -> None:
    """Write new tests to the project; none is overwritten."""
    for kept in tests:
        target = Path(root, kept.path)
        if target.exists():
            fail(f"{kept.path} exists already; the test was not written")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, kept.text.encode(), mode=0o644)
        errors.print(f"kept {kept.path}", highlight=False)


def nothing(says: str, *, as_json: bool, **more: object) -> NoReturn:
    """No verdict, because there is nothing to have one about."""
    if as_json:
        click.echo(json.dumps({"outcome": "nothing", "message": says, **more}))
    else:
        errors.print(says, highlight=False)
    sys.exit(0)


def test_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Tests as pytest names them, where they may be passed on to it."""
    for name in names:
        if not name or name.startswith(("-", "@", "/")) or ".." in name.split("/"):
            fail(f"{name!r} is not a test of this project, such as tests/test_x.py::test_y")
    return names
