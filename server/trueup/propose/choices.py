"""Which version of a prompt is used: chosen by one command, taken back by another.

The choice is a machine setting, written to `prompts.toml` beside `config.toml` with the versions
that were used before. What `config.toml` or an editor says goes before it, so a choice that would
change nothing is refused with the reason.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Final

from trueup import ConfigurationError, InputError
from trueup import settings as settings_module
from trueup.files import write_atomically
from trueup.propose import prompts
from trueup.propose.prompts import Broken, Prompt
from trueup.settings import PromptSettings, prompt_choices_file

VERSIONS_MAX: Final = 20
"""Versions of one kind that are remembered to go back to."""

_HEAD: Final = "# Written by `trueup prompts use` and `rollback`; config.toml goes before it.\n"


def use(kind: str, version: str, client: Mapping[str, object] | None = None) -> Prompt:
    """Use that version for goals of that kind from now on.

    Raises InputError where it cannot be used, ConfigurationError where another setting goes before.
    """
    found = prompts.read(prompts.NAMES[kind], version)
    if isinstance(found, Broken):
        raise InputError(found.sentence)
    chosen, before = _read()
    was = prompts.active(kind, PromptSettings(**chosen))
    used = [*before.get(kind, []), was] if was != version else before.get(kind, [])
    _choose(kind, version, used[-VERSIONS_MAX:], client)
    return found


def previous(kind: str, client: Mapping[str, object] | None = None) -> str:
    """The version to go back to: the one that was used before, else the one that is older; ""."""
    now = prompts.active(kind, settings_module.load("/", client).prompts)
    _, before = _read()
    known = prompts.versions(prompts.NAMES[kind])
    used = [version for version in before.get(kind, []) if version != now and version in known]
    if used:
        return used[-1]
    older = known[: known.index(now)] if now in known else ()
    return older[-1] if older else ""


def rollback(kind: str, client: Mapping[str, object] | None = None) -> Prompt:
    """Go back to the previous version. Raises InputError where there is none, and as `use`."""
    to = previous(kind, client)
    if not to:
        now = prompts.active(kind, settings_module.load("/", client).prompts)
        raise InputError(f"there is no version before {prompts.NAMES[kind]}@{now}")
    found = prompts.read(prompts.NAMES[kind], to)
    if isinstance(found, Broken):
        raise InputError(found.sentence)
    _, before = _read()
    # What one goes back from is not what one goes back to the next time.
    _choose(kind, to, [version for version in before.get(kind, []) if version != to], client)
    return found


def _choose(kind: str, version: str, used: list[str], client: Mapping[str, object] | None) -> None:
    """Write the choice. Raises ConfigurationError where another source of settings goes before it,
    and leaves everything as it was.
    """
    chosen, before = _read()
    _write({**chosen, kind: version}, {**before, kind: used})
    for given, where in (
        (None, "the settings in config.toml"),
        (client, "the settings of the editor"),
    ):
        now = prompts.active(kind, settings_module.load("/", given).prompts)
        if now != version:
            _write(chosen, before)
            raise ConfigurationError(f"{where} say prompts.{kind} = {now!r}; change it there")


def _read() -> tuple[dict[str, str], dict[str, list[str]]]:
    """The choices by kind, and what was used before them."""
    file = prompt_choices_file()
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError(f"{file.name} cannot be read: {problem}") from None
    return (
        {kind: str(item) for kind, item in _table(found, "prompts").items()},
        {
            kind: [str(item) for item in items]
            for kind, items in _table(found, "before").items()
            if isinstance(items, list)
        },
    )


def _table(found: Mapping[str, object], name: str) -> dict[str, object]:
    """The kinds that there are in one table of the file."""
    table = found.get(name)
    known = table if isinstance(table, dict) else {}
    return {kind: item for kind, item in known.items() if kind in prompts.NAMES}


def _write(chosen: Mapping[str, str], before: Mapping[str, list[str]]) -> None:
    """A JSON string, and a list of them, is one of TOML too. Raises ConfigurationError."""
    lines = [_HEAD, "[prompts]"]
    lines += [f"{kind} = {json.dumps(version)}" for kind, version in sorted(chosen.items())]
    lines += ["", "[before]"]
    lines += [f"{kind} = {json.dumps(items)}" for kind, items in sorted(before.items()) if items]
    file = prompt_choices_file()
    try:
        write_atomically(file, ("\n".join(lines) + "\n").encode())
    except OSError as problem:
        raise ConfigurationError(f"{file} cannot be written: {problem.strerror}") from None
