"""Text of a model or a repository, as it is shown: words, and nothing that a click could start.

Clients show messages as more than text: VS Code makes links of `[words](command:…)`, terminals obey
escape sequences, pages load images. So everything that somebody else wrote passes through here on
its way to a person.
"""

from __future__ import annotations

import re
from typing import Final

from trueup.guards.characters import HIDDEN, hidden_in

_ANSI: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*\x1b\\|[@-Z\\-_])"
)
_LINK: Final = re.compile(r"\](?=[(\[])")
_SCHEME: Final = re.compile(r"(?i)\b(command|vscode|vscode-insiders|javascript|data|file)(?=:)")
_AUTOLINK: Final = re.compile(r"<(?=[A-Za-z!/])")
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp)://")


def plain(text: str) -> str:
    """For places that show text: what steers a terminal is gone, what is hidden is written out, and
    no link, image, element or command can be read into it.
    """
    text = _ANSI.sub("", text)
    if any(True for _ in hidden_in(text)):
        hidden = {found.offset for found in hidden_in(text)}
        text = "".join(
            _written_out(character) if offset in hidden else character
            for offset, character in enumerate(text)
        )
    text = _LINK.sub("] ", text)
    text = _AUTOLINK.sub("< ", text)
    return _SCHEME.sub(r"\1 ", text)


def markdown(text: str) -> str:
    """For places that show Markdown: the same words, each character standing for itself."""
    escaped = _SPECIAL.sub(r"\\\1", plain(text))
    # An address becomes a link by itself; a word joiner after the scheme would hide, so a space.
    return _ADDRESS.sub(r"\1: //", escaped)


def _written_out(character: str) -> str:
    number = ord(character)
    return (
        f"\\u{number:04x}" if HIDDEN.match(character) and number < 0x10000 else f"\\U{number:08x}"
    )
