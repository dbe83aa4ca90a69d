"""Lines outside of the changed statements keep their form.

A model that rewrites one line and requotes ten others makes a diff that nobody can review. Tools
that are asked to reformat, and people, may: then nothing is asked of what the tokens do not say.
"""

from __future__ import annotations

import io
import tokenize
from difflib import SequenceMatcher
from typing import Final

from trueup.suggestion import Evidence, Recipe
from trueup.verify.trial import Trial, failed, passed

CHECK: Final = "formatting"

_LAYOUT: Final = frozenset(
    {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


async def keeps_the_form_of_the_rest(trial: Trial) -> Evidence:
    """No line is only written otherwise: other quotes, other line breaks, other spaces."""
    if trial.candidate.deterministic or trial.goal.recipe is Recipe.PATCH:
        return passed(CHECK, "form is not what this change is judged by")
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if old is None or new is None or not path.endswith(".py"):
            continue
        if line := _reformatted(old.text, new.text):
            sentence = f"line {line} says the same as before in another form"
            return failed(CHECK, sentence, path, line)
    return passed(CHECK, "lines outside of the change keep their form")


def _reformatted(before: str, after: str) -> int:
    """The 1-based line in `after` of the first group of lines with the same tokens; 0 for none."""
    old, new = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "replace":
            continue
        was, now = _tokens(old[i1:i2]), _tokens(new[j1:j2])
        if was and was == now and _indent(old[i1]) == _indent(new[j1]):
            return j1 + 1
    return 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _tokens(lines: list[str]) -> list[str]:
    """What the lines say: no layout, one kind of quotes, no comma that only a line break needs."""
    text = "\n".join(line for line in lines) + "\n"
    said: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.lstrip()).readline):
            if token.type in _LAYOUT:
                continue
            if token.string in {")", "]", "}"} and said and said[-1] == ",":
                said.pop()
            said.append(_plain(token.string) if token.type == tokenize.STRING else token.string)
    except (tokenize.TokenError, SyntaxError):
        return []
    return said


def _plain(string: str) -> str:
    body = string.lstrip("rbfuRBFU")
    if body[:1] in {"'", '"'} and not {"'", '"', "\\"} & set(body[1:-1]):
        return string.replace("'", '"')
    return string
