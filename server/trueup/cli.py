"""The commands for people, hooks and CI. What they do is done elsewhere; this reads and prints.

Exit codes: 0 good, 1 a finding, 2 usage or configuration error, 3 unproven.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click
from rich.console import Console

from trueup import (
    ConfigurationError,
    InputError,
    TrueupError,
    __version__,
    linting,
    report,
    workspace,
)
from trueup import settings as settings_module
from trueup import trust as trust_module
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import OpenDocument, Start
from trueup.files import write_atomically
from trueup.propose import patch
from trueup.propose.proposal import Failure
from trueup.snapshot import Snapshot, Span
from trueup.suggestion import Diagnostic, Goal, GoalKind, Recipe, Ruling, Suggestion
from trueup.symbols import Outline
from trueup.verify import gate

USAGE: Final = 2
CANCELLED: Final = 130

_PLACE: Final = re.compile(r"^(?P<path>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?$")

WIDE: Final = 10_000
"""Columns of what is not a terminal: whoever reads it breaks the lines."""

console = Console(width=None if sys.stdout.isatty() else WIDE)
errors = Console(stderr=True)

T = TypeVar("T")


def fail(says: str) -> NoReturn:
    """One sentence on stderr, and as JSON on stdout where that was asked for."""
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("as_json"):
        click.echo(json.dumps({"outcome": "error", "message": says}))
    errors.print(f"[bold red]trueup:[/] {says}", highlight=False)
    sys.exit(USAGE)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trueup")
def cli() -> None:
    """Refactors and fixes for Python that arrive with a verdict."""


@cli.command()
@click.option("--stdio", is_flag=True, help="Speak on stdin and stdout (the default).")
def serve(stdio: bool) -> None:  # noqa: ARG001 - accepted because editors pass it
    """Run the language server."""
    from trueup import boot  # noqa: PLC0415

    boot.main()


@cli.command()
@click.option("--diff", "diff", metavar="FILE", help="A unified diff; - reads it from stdin.")
@click.option("--staged", is_flag=True, help="Judge what the next commit would change.")
@click.option("--base", default="HEAD", show_default=True, help="Judge all that differs from it.")
@click.option("--kind", type=click.Choice([item.value for item in GoalKind]), default="refactor",
              show_default=True, help="What the change claims to be.")  # fmt: skip
@click.option(
    "--red", multiple=True, metavar="TEST", help="A failing test that it is to turn green."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
@click.option("--pin", is_flag=True, help="Where it is unproven, test what the code does today.")
@click.option("--keep", is_flag=True, help="Keep that test: write it to the project.")
def verify(
    diff: str | None,
    staged: bool,
    base: str,
    kind: str,
    red: tuple[str, ...],
    as_json: bool,
    trusted: bool,
    interpreter: str | None,
    pin: bool,
    keep: bool,
) -> None:
    """Judge a change, whoever made it: a diff, what is staged, or the working tree."""
    root = str(workspace.root_of(_here()))
    if diff is not None and staged:
        fail("--diff and --staged exclude each other")
    try:
        change = _change(root, diff, base, staged=staged)
    except patch.NothingToJudgeError as problem:
        _nothing(str(problem), as_json=as_json)
    except TrueupError as problem:
        fail(str(problem))
    goal = Goal(
        GoalKind.FIX if red else GoalKind(kind),
        Recipe.PATCH,
        change.candidate.paths[0],
        Span(0, 0),
        red=_tests(red),
    )
    documents = tuple(OpenDocument(item.path, item.text) for item in change.before)
    start = Start(
        0,
        root,
        goal,
        documents,
        change.candidate,
        _machine(interpreter),
        change.absent,
        pin=pin or keep,
    )
    made = _run(lambda ports: job.run(start, ports), trusted=trusted, quiet=as_json)
    if keep and isinstance(made, Suggestion):
        _keep_pinned(root, made)
    _finish(made, Snapshot.of(root, change.before), as_json=as_json)


def _nothing(says: str, *, as_json: bool, **more: object) -> NoReturn:
    """No verdict, because there is nothing to have one about."""
    if as_json:
        click.echo(json.dumps({"outcome": "nothing", "message": says, **more}))
    else:
        errors.print(says, highlight=False)
    sys.exit(0)


def _tests(names: tuple[str, ...]) -> tuple[str, ...]:
    """Tests as pytest names them, where they may be passed on to it."""
    for name in names:
        if not name or name.startswith(("-", "@", "/")) or ".." in name.split("/"):
            fail(f"{name!r} is not a test of this project, such as tests/test_x.py::test_y")
    return names


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        fail("the current folder does not exist any more")


def _change(root: str, diff: str | None, base: str, *, staged: bool) -> patch.Change:
    if diff is None:
        return patch.staged(root) if staged else patch.working_tree(root, base)
    try:
        raw = sys.stdin.buffer.read() if diff == "-" else Path(diff).read_bytes()
    except OSError as problem:
        raise InputError(f"{diff} cannot be read: {problem.strerror}") from None
    return patch.from_diff(root, raw.decode("utf-8", "surrogateescape"))


@cli.command()
@click.argument("place", metavar="PATH[:LINE[:COL]]")
@click.option("--goal", "wish", metavar="TEXT", help="What to change, in words; asks the model.")
@click.option("--red", multiple=True, metavar="TEST", help="A failing test to turn green.")
@click.option("--all", "everything", is_flag=True, help="All of Ruff's fixes that verify together.")
@click.option("--apply", "write", is_flag=True, help="Write the change when it is verified.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
def fix(
    place: str,
    wish: str | None,
    red: tuple[str, ...],
    everything: bool,
    write: bool,
    as_json: bool,
    trusted: bool,
    interpreter: str | None,
) -> None:
    """One suggestion for a place: Ruff's fix of what it finds there, or what --goal says."""
    if wish is not None and everything:
        fail("--goal and --all exclude each other")
    if wish is not None and not wish.strip():
        fail("--goal needs words that say what to change")
    if red and wish is None:
        fail("--red needs --goal: what to change, in words")
    try:
        root, goal = _goal(place, wish, everything=everything)
        if red:
            goal = replace(goal, kind=GoalKind.FIX, red=_tests(red))
        before = Snapshot.of(root, (workspace.read(root, goal.path),))
    except TrueupError as problem:
        fail(str(problem))
    start = Start(0, root, goal, settings=_machine(interpreter))
    dropped: list[dict[str, object]] = []
    made: Suggestion | Failure
    if everything:
        made, dropped = _fix_all(start, before, trusted=trusted, as_json=as_json)
    else:
        made = _run(lambda ports: job.run(start, ports), trusted=trusted, quiet=as_json)
    if isinstance(made, Suggestion):
        before = before.having(
            *(workspace.read(root, path) for path in made.candidate.paths if path != goal.path)
        )
    verified = isinstance(made, Suggestion) and made.verdict.outcome is Ruling.VERIFIED
    if write and verified and isinstance(made, Suggestion):
        _write(root, made, before)
    _finish(made, before, as_json=as_json, **({"dropped": dropped} if everything else {}))


def _fix_all(
    start: Start, before: Snapshot, *, trusted: bool, as_json: bool
) -> tuple[Suggestion, list[dict[str, object]]]:
    """What verifies together, and what was left out."""
    made = _run(lambda ports: job.fix_all(start, ports), trusted=trusted, quiet=as_json)
    if isinstance(made, Failure):
        fail(made.sentence)
    document = before.documents[start.goal.path]
    dropped: list[dict[str, object]] = [
        {
            "code": finding.diagnostic.code,
            "message": finding.diagnostic.message,
            "line": document.line_at(finding.diagnostic.span.start) + 1,
            "why": why,
        }
        for finding, why in made.dropped
    ]
    for item in dropped:
        errors.print(f"left out {item['code']} {item['message']}: {item['why']}", highlight=False)
    if made.suggestion is not None:
        return made.suggestion, dropped
    if not dropped:
        _nothing("Ruff has nothing to fix here", as_json=as_json, dropped=[])
    sentence = "no fix of Ruff verifies here"
    if as_json:
        said = {"outcome": Ruling.UNPROVEN.value, "message": sentence, "dropped": dropped}
        click.echo(json.dumps(said, indent=2))
    else:
        errors.print(sentence, highlight=False)
    sys.exit(report.EXIT_CODES[Ruling.UNPROVEN])


def _goal(place: str, wish: str | None, *, everything: bool) -> tuple[str, Goal]:
    match = _PLACE.match(place)
    if match is None:
        raise InputError(f"{place} is not PATH[:LINE[:COL]]")
    file = Path(match["path"])
    root = str(workspace.root_of(file.absolute()))
    path = workspace.relative(root, file)
    if path is None or not file.is_file():
        raise InputError(f"{file} is not a file of this project")
    document = workspace.read(root, path)
    line = int(match["line"]) - 1 if match["line"] else None
    if line is not None and line < 0:
        raise InputError("lines are counted from 1")
    if line is not None and line >= document.line_count:
        raise InputError(f"{file} has {document.line_count} lines")
    whole = Span(0, len(document.text))
    if everything:
        return root, Goal(GoalKind.FIX, Recipe.RUFF_UNSAFE, path, whole)
    if wish is None:
        finding = _finding(root, path, line)
        return root, Goal(
            GoalKind.FIX, Recipe.FIX_DIAGNOSTIC, path, finding.span, diagnostic=finding
        )
    at = document.offset(line, int(match["column"] or 1) - 1) if line is not None else 0
    symbol = Outline(document.text).enclosing(Span(at, at)) if line is not None else None
    return root, Goal(
        GoalKind.REFACTOR,
        Recipe.INSTRUCT,
        path,
        symbol.span if symbol else whole,
        symbol=symbol.qualified if symbol else "",
        instruction=wish,
    )


def _finding(root: str, path: str, line: int | None) -> Diagnostic:
    """What Ruff finds on that line. Raises InputError where that is nothing or unclear."""
    document = workspace.read(root, path)
    answer = asyncio.run(linting.diagnostics(root, document))
    if isinstance(answer, linting.LintFailure):
        raise InputError(answer.sentence)
    found = [item.diagnostic for item in answer]
    here = [item for item in found if line is None or document.line_at(item.span.start) == line]
    if not here:
        raise InputError(f"Ruff finds nothing {'there' if line is not None else f'in {path}'}")
    if len(here) > 1 and line is None:
        places = ", ".join(f"{document.line_at(item.span.start) + 1} {item.code}" for item in here)
        raise InputError(f"name a line of {path} ({places}), or pass --all")
    return here[0]


def _write(root: str, suggestion: Suggestion, before: Snapshot) -> None:
    """Write what was verified, where the disk still holds what it was verified on."""
    after = before.edited(suggestion.candidate.edits, suggestion.candidate.deletes)
    for stamp in suggestion.ticket:
        if workspace.read(root, stamp.path).digest != stamp.base:
            fail(f"{stamp.path} changed in the meantime; nothing was written")
    for stamp in suggestion.ticket:
        target = Path(root, stamp.path)
        mode = target.stat().st_mode & 0o777
        write_atomically(target, after.documents[stamp.path].to_bytes(), mode=mode)


def _keep_pinned(root: str, suggestion: Suggestion) -> None:
    for kept in suggestion.pinned:
        target = Path(root, kept.path)
        if target.exists():
            fail(f"{kept.path} exists already; the pinned test was not written")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, kept.text.encode(), mode=0o644)
        errors.print(f"kept {kept.path}", highlight=False)


@cli.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--revoke", is_flag=True, help="Forget that this folder is trusted.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
def trust(folder: str, revoke: bool, interpreter: str | None) -> None:
    """Show what would run, ask, and remember the answer."""
    root = str(workspace.root_of(Path(folder).absolute()))
    try:
        if revoke:
            known = trust_module.revoke(root)
            console.print(f"{root} {'is not trusted any more' if known else 'was not trusted'}")
            return
        wanted = trust_module.plan(root, _interpreter(root, interpreter))
        console.print(wanted.words(), highlight=False)
        if trust_module.is_trusted(wanted):
            console.print("You trust it already.")
            return
        if not sys.stdin.isatty():
            fail("there is no terminal to ask on; commands that run tests take --trust")
        if not click.confirm("Let Trueup run it, now and later?", default=False):
            sys.exit(1)
        trust_module.remember(wanted)
    except TrueupError as problem:
        fail(str(problem))


def _interpreter(root: str, chosen: str | None) -> Path:
    settings = settings_module.load(root, _machine(chosen))
    found = workspace.interpreter_of(root, settings.interpreter)
    if found is None:
        raise ConfigurationError("no interpreter: the project has no .venv; pass --interpreter")
    return found


@cli.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--trust", "trusted", is_flag=True, help="Let the project's tests run, this once.")
@click.option("--interpreter", metavar="PATH", help="The project's interpreter.")
def doctor(folder: str, trusted: bool, interpreter: str | None) -> None:
    """Say in words what works here and what does not."""
    from trueup import doctor as examination  # noqa: PLC0415

    root = str(workspace.root_of(Path(folder).absolute()))
    try:
        findings = asyncio.run(
            examination.examine(root, _machine(interpreter), _asker(trusted=trusted))
        )
    except TrueupError as problem:
        fail(str(problem))
    for finding in findings:
        mark, style = ("✓", "green") if finding.good else ("✗", "yellow")
        console.print(f"[{style}]{mark}[/] [bold]{finding.what}[/] {finding.says}", highlight=False)
    sys.exit(0 if all(finding.good for finding in findings) else 1)


@cli.group("eval")
def evaluation() -> None:
    """How good Trueup itself is, on labelled candidates."""


@evaluation.command("gate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--checks", default="", metavar="NAMES", help="Judge by these checks, and syntax.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@click.option("--interpreter", metavar="PATH", help="The interpreter that runs the candidates.")
def eval_gate(file: str, checks: str, as_json: bool, interpreter: str | None) -> None:
    """Judge the candidates of a JSON lines file, and compare with what is known of them."""
    from trueup import evaluate  # noqa: PLC0415

    only = frozenset(filter(None, (name.strip() for name in checks.split(","))))
    if unknown := only - frozenset(gate.NAMES.values()):
        fail(f"{min(unknown)} is no check; there are {', '.join(gate.NAMES.values())}")
    with errors.status("starting") as status:
        try:
            judged, elapsed_s = asyncio.run(
                evaluate.evaluate(
                    Path(file), Path(interpreter or sys.executable).absolute(),
                    settings_module.Limits(), only,
                    lambda done, total: status.update(f"{done} of {total}"),
                )
            )  # fmt: skip
        except TrueupError as problem:
            fail(str(problem))
    if as_json:
        click.echo(json.dumps(evaluate.summary(judged, elapsed_s), indent=2))
    else:
        shown = report.judged_table(evaluate.counts(judged), evaluate.shares(judged))
        console.print(shown, highlight=False)
        for item in evaluate.wrong_verified(judged):
            console.print(f"wrong and verified: {item.row.id}", highlight=False)


@cli.command()
@click.option("--keep", metavar="FOLDER", help="Leave the changed copy there.")
@click.option("--svg", metavar="FILE", help="Save what is shown as a picture.")
def demo(keep: str | None, svg: str | None) -> None:
    """The whole story on a copy of the example, through a real server; no key needed."""
    from trueup import demo as story  # noqa: PLC0415

    try:
        sys.exit(asyncio.run(story.tell(keep=Path(keep) if keep else None, svg=svg)))
    except TrueupError as problem:
        fail(str(problem))


def _machine(interpreter: str | None) -> dict[str, object]:
    """Command line flags are machine settings: who types them sits at the machine."""
    return {"interpreter": str(Path(interpreter).absolute())} if interpreter else {}


def _asker(*, trusted: bool) -> Callable[[str, tuple[str, ...]], Awaitable[str]]:
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


def _run(work: Callable[[job.Ports], Awaitable[T]], *, trusted: bool, quiet: bool) -> T:
    """Run one job in this process, with progress on stderr."""

    async def whole() -> T:
        beds, this = Beds(), asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # So that what was started is ended, and what was unpacked is removed.
            asyncio.get_running_loop().add_signal_handler(number, this.cancel if this else print)
        with errors.status("starting", spinner="dots") as status:
            ask = _asker(trusted=trusted)

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
                return await work(job.Ports(beds, paused, say))
            finally:
                await beds.close()

    try:
        return asyncio.run(whole())
    except TrueupError as problem:
        fail(str(problem))
    except (KeyboardInterrupt, asyncio.CancelledError, click.Abort):
        errors.print("cancelled")
        sys.exit(CANCELLED)


def _finish(
    made: Suggestion | Failure, before: Snapshot, *, as_json: bool, **more: object
) -> NoReturn:
    if isinstance(made, Failure):
        fail(made.sentence)
    if as_json:
        click.echo(json.dumps(report.verdict_json(made) | more, indent=2))
    else:
        report.show(console, made, before)
    sys.exit(report.EXIT_CODES[made.verdict.outcome])


def main() -> None:
    cli()
