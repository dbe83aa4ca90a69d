"""What works in this project and what does not, in words a tired colleague understands."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trueup import settings as settings_module
from trueup import workspace
from trueup.engine.beds import Ask, Beds, consent
from trueup.operations.budget import Purse, in_words, session_of
from trueup.operations.prices import NANO, table
from trueup.operations.starts import Starts, safe_because
from trueup.operations.tracestore import TraceStore
from trueup.operations.watching import Watch
from trueup.propose import endpoints, prompts
from trueup.runner.results import Unavailable
from trueup.settings import Settings

REACH_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`good` is whether it works; `says` is what was found, and what to do where it does not."""

    what: str
    good: bool
    says: str


async def examine(root: str, client: dict[str, object], ask: Ask) -> tuple[Finding, ...]:
    """Look at everything a suggestion needs. Runs the project's interpreter only after consent."""
    settings = settings_module.load(root, client)
    files = await asyncio.to_thread(workspace.python_files, root)
    found = [
        Finding("project", bool(files), f"{root}, {len(files)} Python files")
        if files
        else Finding("project", False, f"{root} has no Python file"),
    ]
    if safe := safe_because(await asyncio.to_thread(Starts(root).crashes)):
        found.append(Finding("server", False, safe))
    interpreter = workspace.interpreter_of(root, settings.interpreter)
    if interpreter is None:
        found.append(Finding("interpreter", False, "none: make a .venv here, or set `interpreter`"))
    else:
        found.append(Finding("interpreter", True, str(interpreter)))
        found += await _runner(root, interpreter, settings, ask)
    found.append(await _model(settings))
    if _has_model(settings):
        found.append(await asyncio.to_thread(_budget, settings))
        found += await asyncio.to_thread(_prompts, settings)
    return tuple(found)


def _has_model(settings: Settings) -> bool:
    address = settings_module.endpoint(settings)
    return settings_module.model_key() is not None or address != settings_module.VENDOR


def _budget(settings: Settings) -> Finding:
    """What is left to be spent, and what of it nobody can tell in money."""
    purse = Purse(settings.budget, session_of(os.getpid()))
    total = purse.spent()
    purse.close()
    if total.problem:
        return Finding("budget", False, total.problem)
    day = total.spent.day
    limits = settings.budget
    says = (
        f"today {in_words(day)}, of {limits.day_usd:,.2f} USD and {limits.day_tokens:,.0f} tokens"
    )
    today = datetime.now().date()
    models = settings.model.models
    unpriced = [name for name in models if table().rates(name, 0, today) is None]
    if unpriced:
        says += f"; no price is known for {', '.join(unpriced)}, so only tokens are counted"
    left = day.nano < limits.day_usd * NANO and day.tokens < limits.day_tokens
    return Finding("budget", left, says)


def _prompts(settings: Settings) -> tuple[Finding, ...]:
    """Which prompts are used, and whether suggestions are getting worse with them."""
    chosen = {kind: prompts.chosen(kind, settings.prompts) for kind in prompts.NAMES}
    problems = [item.problem for item in chosen.values() if item.problem]
    used = ", ".join(f"{kind} {item.prompt.reference}" for kind, item in chosen.items())
    found = Finding("prompts", not problems, "; ".join(dict.fromkeys(problems)) or used)
    alarms = Watch(TraceStore(settings.traces)).alarms()
    if not alarms:
        return found, Finding("drift", True, "nothing is getting worse, as far as the traces tell")
    last = alarms[-1]
    back = f"; go back with `trueup prompts rollback {last.goal}`" if last.before else ""
    return found, Finding("drift", False, f"since {last.since} {last.sentence}{back}")


async def _runner(
    root: str, interpreter: Path, settings: Settings, ask: Ask
) -> tuple[Finding, ...]:
    if not await consent(root, interpreter, ask):
        return (Finding("tests", False, "not looked for: this folder is not trusted"),)
    beds = Beds()
    try:
        session = await beds.session(root, interpreter, settings)
        if isinstance(session, Unavailable):
            return (Finding("tests", False, session.reason),)
        total = session.total_tests
        isolation = session.isolation
        return (
            Finding("tests", bool(total), f"{total if total is not None else 'no'} tests found"),
            Finding("isolation", isolation.level != "none", isolation.sentence),
        )
    finally:
        await beds.close()


async def _model(settings: Settings) -> Finding:
    address = settings_module.endpoint(settings)
    if not _has_model(settings):
        return Finding(
            "model",
            True,
            "none (no key in ANTHROPIC_API_KEY and no base_url); Ruff and rope propose without it",
        )
    parts = urlsplit(address)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        async with asyncio.timeout(REACH_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return Finding("model", False, f"{parts.hostname}:{port} cannot be reached")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    names = ", ".join(settings.model.models)
    says = f"{parts.hostname}:{port} is reachable; asked in order: {names}"
    for name in settings.model.models:
        if lacks := endpoints.known(address, name).lacks:
            says += f"; {name} does without {', '.join(lacks)}"
    return Finding("model", True, says)
