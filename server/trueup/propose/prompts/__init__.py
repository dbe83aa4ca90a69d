"""The prompts, one file per version. A published version is never edited; changes are new files."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources


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


@functools.cache
def load(name: str) -> Prompt:
    """The prompt of a name with its version, such as "suggest.v1"."""
    text = resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8")
    title, _, version = name.partition(".")
    return Prompt(title, version, text, hashlib.sha256(text.encode()).hexdigest())
