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


def plain(text: str) -> str:
    """For messages: what is hidden is written out, and no link, element or command can be read into
    it.
    """
    text = _LINK.sub("] ", visible(text))
    text = _AUTOLINK.sub("< ", text)
    return _SCHEME.sub(r"\1 ", text)


def visible(text: str) -> str:
    """For code that is shown as code: nothing in it steers a terminal or hides."""
    text = _ANSI.sub("", text)
    hidden = {found.offset for found in hidden_in(text)}
    if not hidden:
        return text
    return "".join(
        _written_out(character) if offset in hidden else character
        for offset, character in enumerate(text)
    )


def _written_out(character: str) -> str:
    number = ord(character)
    return (
        f"\\u{number:04x}" if HIDDEN.match(character) and number < 0x10000 else f"\\U{number:08x}"
    )
