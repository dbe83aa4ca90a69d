"""What this machine has learned of each endpoint and model: what it takes, and how it counts.

A local server that speaks the Messages API may take less of it than the vendor. What it refuses is
left out, step by step, once, and remembered. How many characters one of a model's tokens holds is
learned from the usage that earlier calls reported, because to ask the endpoint to count would send
it the text. Both are guesses about the next call, kept in the cache folder; losing them costs one
refused request and a less exact estimate.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from trueup.files import write_atomically
from trueup.settings import cache_folder

CHARACTERS_PER_TOKEN: Final = 3.0
"""A low estimate for code, so that a prompt is rather too short than too long."""

LEAST: Final = 1.0
MOST: Final = 5.0
"""Between these a ratio is believed; a server that counts otherwise is not counting tokens."""

CAUTION: Final = 0.9
"""What is learned of past prompts is taken to be a little too good for the next one."""

MEMORY_CALLS: Final = 20
"""About how many calls an average looks back."""

SAMPLE_CHARACTERS_MIN: Final = 2_000
"""Shorter prompts are mostly frame, and say little about code."""

FORGET_SECONDS: Final = 14 * 24 * 3600
"""Servers are updated: after this time, everything is tried again."""

_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an endpoint takes with one model. `counting`: it reports how many tokens a call took;
    where it does not, calls are counted by estimate.
    """

    structured: bool = True
    caching: bool = True
    thinking: bool = True
    counting: bool = True

    @property
    def fewer(self) -> Capabilities | None:
        """The next thing to leave out when a request is refused for its form; None: no more."""
        if self.thinking and self.structured:
            return replace(self, thinking=False)
        if self.structured:
            return replace(self, structured=False, thinking=False)
        return replace(self, caching=False) if self.caching else None


@dataclass(frozen=True, slots=True)
class Known:
    """One endpoint with one model. `characters` per `tokens`, both of the calls that count."""

    takes: Capabilities = Capabilities()
    characters: float = 0.0
    tokens: float = 0.0
    learned_s: float = 0.0
    """When `takes` was found out, in seconds since the epoch; 0 for never."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it was found not to take or to do, in words."""
        takes = self.takes
        return tuple(
            words
            for has, words in (
                (takes.structured, "structured output"),
                (takes.thinking, "an effort of thinking"),
                (takes.caching, "prompt caching"),
                (takes.counting, "counting of tokens"),
            )
            if not has
        )

    @property
    def characters_per_token(self) -> float:
        if self.tokens <= 0:
            return CHARACTERS_PER_TOKEN
        return min(MOST, max(LEAST, CAUTION * self.characters / self.tokens))


def known(endpoint: str, model: str) -> Known:
    """What was learned; what is assumed of everybody where nothing was, or nothing can be read."""
    found = _table().get(_key(endpoint, model))
    if not isinstance(found, dict):
        return Known()
    try:
        made = Known(**{**found, "takes": Capabilities(**found.get("takes", {}))})
        valid = made.characters >= 0 and made.tokens >= 0
        fresh = 0 <= time.time() - made.learned_s < FORGET_SECONDS
    except TypeError:
        return Known()
    if not valid:
        return Known()
    return made if fresh else replace(made, takes=Capabilities())


def takes(endpoint: str, model: str, capabilities: Capabilities) -> None:
    """Remember what it takes."""
    before = known(endpoint, model)
    if before.takes != capabilities or not before.learned_s:
        _keep(endpoint, model, replace(before, takes=capabilities, learned_s=time.time()))


def counted(endpoint: str, model: str, characters: int, tokens: int) -> None:
    """Learn from a call whose prompt had so many characters, and took so many tokens."""
    if characters < SAMPLE_CHARACTERS_MIN or tokens <= 0:
        return
    before, fade = known(endpoint, model), 1 - 1 / MEMORY_CALLS
    made = replace(
        before,
        characters=before.characters * fade + characters,
        tokens=before.tokens * fade + tokens,
    )
    _keep(endpoint, model, made)


def _keep(endpoint: str, model: str, made: Known) -> None:
    with _LOCK:
        table = {**_table(), _key(endpoint, model): asdict(made)}
        try:
            write_atomically(_file(), json.dumps(table, indent=1, sort_keys=True).encode())
        except OSError:
            return  # A full disk costs one refused request the next time.


def _table() -> Mapping[str, Any]:
    try:
        found = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(endpoint: str, model: str) -> str:
    return f"{endpoint} {model}"


def _file() -> Path:
    return cache_folder() / "endpoints.json"
