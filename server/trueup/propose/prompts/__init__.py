"""The prompts, one file per version. A published version is never edited; changes are new files.

Ours are beside this file, with a changelog. Whoever has a better one puts it into `prompts` in the
configuration folder, as `suggest.v2.md`, and chooses it (`choices`). A file that cannot be used is
a sentence, and the version before it goes on; a name that we published is ours alone.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from trueup.settings import PromptSettings, config_file

NAMES: Final = {"fix": "suggest", "refactor": "suggest", "review": "review"}
"""The prompt for each kind of goal."""

FORMS: Final = {"suggest": '"edits"', "review": '"findings"'}
"""What each prompt must speak of: its answers are read by that."""

PROMPT_BYTES_MAX: Final = 64 * 1024
"""A longer file is no prompt of anybody's."""

_FILE: Final = re.compile(r"([a-z]+)\.([a-z0-9-]+)\.md")
_CHANGE: Final = re.compile(r"^## (\S+) (\S+)\n+(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt's text with what a trace needs to name it; `digest` is hex SHA-256 of the text."""

    name: str
    version: str
    text: str
    digest: str

    @property
    def reference(self) -> str:
        """How traces call it: "suggest@v1"."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A version that cannot be used, and why: one sentence."""

    reference: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The prompt to use. `problem` is "", or why it is not the one that is set."""

    prompt: Prompt
    problem: str = ""


def own_folder() -> Path:
    """Where the user's own versions are."""
    return config_file().with_name("prompts")


@functools.cache
def _published() -> dict[tuple[str, str], str]:
    """The text of each of our versions, by name and version."""
    found = {}
    for item in resources.files(__name__).iterdir():
        if match := _FILE.fullmatch(item.name):
            found[match[1], match[2]] = item.read_text("utf-8")
    return found


def load(name: str) -> Prompt:
    """Our prompt of a name with its version, such as "suggest.v1". Raises KeyError."""
    title, _, version = name.partition(".")
    return _prompt(title, version, _published()[title, version])


def _prompt(name: str, version: str, text: str) -> Prompt:
    return Prompt(name, version, text, hashlib.sha256(text.encode()).hexdigest())


def versions(name: str) -> tuple[str, ...]:
    """All versions of a prompt, the user's own included, oldest first: "v9" before "v10"."""
    found = {version for own, version in _published() if own == name}
    found |= {version for own, version in _own() if own == name}
    return tuple(sorted(found, key=_order))


def _own() -> Iterator[tuple[str, str]]:
    try:
        names = [item.name for item in own_folder().iterdir()]
    except OSError:
        return
    for match in filter(None, map(_FILE.fullmatch, names)):
        yield match[1], match[2]


def _order(version: str) -> tuple[tuple[int, str], ...]:
    return tuple(
        (int(part), "") if part.isdigit() else (-1, part)
        for part in re.split(r"(\d+)", version)
        if part
    )


def newest(name: str) -> str:
    """The newest version that we published."""
    return max((version for own, version in _published() if own == name), key=_order)


def is_published(name: str, version: str) -> bool:
    return (name, version) in _published()


def read(name: str, version: str) -> Prompt | Broken:
    """One version, ours or the user's."""
    if text := _published().get((name, version)):
        return _prompt(name, version, text)
    reference = f"{name}@{version}"
    file = own_folder() / f"{name}.{version}.md"
    if not _FILE.fullmatch(file.name):
        return Broken(reference, f"{version!r} is not the name of a version, such as v2")
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return Broken(reference, f"there is no prompt {reference}: {file} does not exist")
    except OSError as problem:
        return Broken(reference, f"the prompt {reference} cannot be read: {problem.strerror}")
    sentence = _fault(raw, FORMS[name])
    if sentence:
        return Broken(reference, f"the prompt {reference} cannot be used: {sentence}")
    return _prompt(name, version, raw.decode())


def _fault(raw: bytes, form: str) -> str:
    """What is wrong with a prompt's file, as the end of a sentence; or ""."""
    if len(raw) > PROMPT_BYTES_MAX:
        return f"it is longer than {PROMPT_BYTES_MAX // 1024} KiB"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    if not text.strip():
        return "it is empty"
    if form not in text:
        return f"it does not ask for {form}, by which an answer is read"
    return ""


def active(kind: str, settings: PromptSettings) -> str:
    """The version that is set for a kind of goal, or the newest of ours."""
    chosen: str = getattr(settings, kind)
    return chosen or newest(NAMES[kind])


def chosen(kind: str, settings: PromptSettings) -> Chosen:
    """The prompt for a kind of goal: the version that is set, else the one before that works."""
    name, version = NAMES[kind], active(kind, settings)
    found = read(name, version)
    if isinstance(found, Prompt):
        return Chosen(found)
    others = [item for item in versions(name) if _order(item) < _order(version)]
    for other in (*reversed(others), newest(name)):
        instead = read(name, other)
        if isinstance(instead, Prompt):
            return Chosen(instead, f"{found.sentence}; {instead.reference} is used instead")
    raise AssertionError("a version that we published is always there")


def change(name: str, version: str) -> str:
    """What a version changed, as the changelog says; "" for the user's own."""
    text = resources.files(__name__).joinpath("CHANGELOG.md").read_text("utf-8")
    for own, number, says in _CHANGE.findall(text):
        if (own, number) == (name, version):
            return " ".join(says.split())
    return ""
