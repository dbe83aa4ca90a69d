"""The life of a decision: added, accepted, superseded, retired.

An edit touches the status and the front matter's own lines, and nothing else in the file. It is
written only while the file is what it was when it was read: whoever edits it by hand is never
overwritten.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trueup import InputError, StaleError, workspace
from trueup.files import replace_unchanged
from trueup.memory import ulid
from trueup.memory.decisions import Decision, Decisions, Origin, Scope, Status, Weight
from trueup.memory.hidden import one_line
from trueup.memory.markdown import Front, page_of
from trueup.memory.places import OURS, folders
from trueup.memory.statuses import status_text
from trueup.memory.yaml_text import Node, Table, Text, YamlError, read
from trueup.memory.yaml_text import Sequence as List
from trueup.snapshot import Span, apply_edits, digest

SLUG_CHARACTERS_MAX: Final = 60
_PLAIN: Final = re.compile(r"[A-Za-z][\w./ ,()+-]*")
_STATUS_WORD: Final = re.compile(r"[A-Za-z][A-Za-z-]*")
_AMBIGUOUS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new decision says. `rules` are texts of rule blocks, as they are written in one."""

    title: str
    body: str = ""
    status: Status = Status.PROPOSED
    severity: Weight = Weight.ADVICE
    scope: Scope = field(default_factory=Scope)
    rules: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()


def quoted(text: str) -> str:
    """A text as YAML reads it back, on one line."""
    if ulid.is_ulid(text) and sum(map(str.isalpha, text)) > 1:
        return text
    if _PLAIN.fullmatch(text) and text == text.strip() and text.casefold() not in _AMBIGUOUS:
        flow = set(",()") & set(text)
        return f'"{text}"' if flow else text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_escaped(character) for character in escaped) + '"'


def _escaped(character: str) -> str:
    if character.isprintable() or character == " ":
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def rendered(draft: Draft, identity: str) -> str:
    """The file of a new decision."""
    title = " ".join(draft.title.split())
    scope = ", ".join(
        f"{key}: [{', '.join(quoted(item) for item in items)}]"
        for key, items in (
            ("paths", draft.scope.paths),
            ("symbols", draft.scope.symbols),
            ("goals", draft.scope.goals),
        )
    )
    lines = [
        "---",
        f"id: {identity}",
        f"title: {quoted(title)}",
        f"status: {draft.status}",
        f"severity: {draft.severity}",
        f"scope: {{{scope}}}",
        "evidence: []",
        f"supersedes: [{', '.join(quoted(item) for item in draft.supersedes)}]",
        "---",
        f"# {title}",
        "",
        draft.body.strip() or "Why, what else was considered, and what follows.",
    ]
    for rule in draft.rules:
        fence = "```" if "```" not in rule else "~~~~"
        lines += ["", f"{fence}rule", rule.strip("\n"), fence]
    return "\n".join(lines) + "\n"


def add(root: str, draft: Draft) -> str:
    """Write a new decision beside the others, with the next number. Its path.

    Raises InputError where it has no title or cannot be written.
    """
    if not draft.title.strip():
        raise InputError("a decision needs a title")
    folder = next(iter(folders(root)), OURS)
    if workspace.relative(root, Path(root, folder)) is None:
        raise InputError(f"{folder} leads out of the project")
    text = rendered(draft, ulid.new())
    number, width = _next_number(Path(root, folder))
    while True:
        path = f"{folder}/{number:0{width}}-{_slug(draft.title)}.md"
        taken = any(Path(root, folder).glob(f"{number:0{width}}[-_]*"))
        if not taken and _written(root, path, None, text):
            return path
        number += 1


def _written(root: str, path: str, old: bytes | None, text: str) -> bool:
    try:
        return replace_unchanged(Path(root, path), old, text.encode("utf-8"))
    except OSError as problem:
        raise InputError(f"{path} cannot be written: {problem.strerror}") from None


def _next_number(folder: Path) -> tuple[int, int]:
    """The number behind the last one, and the digits that numbers have here."""
    found = [match[0] for file in _names(folder) if (match := re.match(r"\d+", file))]
    if not found:
        return 1, 4
    return max(map(int, found)) + 1, max(map(len, found))


def _names(folder: Path) -> Sequence[str]:
    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix == ".md")
    except OSError:
        return ()


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:SLUG_CHARACTERS_MAX].strip("-") or "decision"


def accept(root: str, decision: Decision) -> None:
    """Make it accepted. Raises InputError, and StaleError where its file was changed meanwhile."""
    set_status(root, decision, Status.ACCEPTED)


def retire(root: str, decision: Decision) -> None:
    """Make it retired; raises as `accept`."""
    set_status(root, decision, Status.RETIRED)


def supersede(root: str, old: Decision, new: Decision) -> None:
    """Make `old` superseded by `new`, which names it; raises as `accept`.

    The newer one is written first: stopped half way, both are seen, and the reader is told.
    """
    if old.path == new.path:
        raise InputError("a decision does not supersede itself")
    if new.origin is Origin.DECISION:
        text = _current(root, new)
        _write(root, new, text, with_superseded(text, old.id))
    set_status(root, old, Status.SUPERSEDED)


def set_status(root: str, decision: Decision, status: Status) -> None:
    if decision.origin is Origin.INSTRUCTIONS:
        raise InputError(f"{decision.path} has no status; edit it as it is")
    text = _current(root, decision)
    _write(root, decision, text, with_status(text, status))


def _current(root: str, decision: Decision) -> str:
    file = Path(root, decision.path)
    if workspace.relative(root, file) is None:
        raise InputError(f"{decision.path} leads out of the project")
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise StaleError(f"{decision.path} cannot be read any more") from None
    if digest(text) != decision.digest:
        raise StaleError(f"{decision.path} was changed meanwhile; nothing was written")
    return text


def _write(root: str, decision: Decision, old: str, new: str) -> None:
    if old != new and not _written(root, decision.path, old.encode("utf-8"), new):
        raise StaleError(f"{decision.path} was changed meanwhile; nothing was written")


def with_status(text: str, status: Status) -> str:
    """The file's text with another status, and every other character as it was.

    Raises InputError where it has neither a status nor front matter to put one into.
    """
    page = page_of(text)
    place = status_text(page)
    if place is not None:
        said = text[place.span.start : place.span.end]
        word = _STATUS_WORD.search(said)
        new = status.value
        if word is not None and word[0][0].isupper():
            new = new.capitalize()
        if said[:1] in {'"', "'"}:
            new = f"{said[0]}{new}{said[0]}"
        space = "" if place.span.start == 0 or text[place.span.start - 1].isspace() else " "
        made = apply_edits(text, [(place.span, space + new)])
        if (now := status_text(page_of(made))) is None or now.status is not status:
            raise InputError("its status is written in a way that only a person can edit")
        return made
    if page.front is None or not page.front.closed:
        raise InputError("it has no status and no front matter; write `status:` into it first")
    return _with_line(text, page.front, f"status: {status.value}")


def with_superseded(text: str, identity: str) -> str:
    """The file's text with one more id in `supersedes`. Raises InputError where its front matter
    cannot be read.
    """
    front = page_of(text).front
    table = _table(front)
    if front is None or table is None:
        raise InputError("its front matter cannot be read")
    node = table.get("supersedes")
    if node is None:
        return _with_line(text, front, f"supersedes: [{quoted(identity)}]")
    if identity in _texts(node):
        return text
    listed = ", ".join(quoted(item) for item in (*_texts(node), identity))
    if isinstance(node, List) and not node.flow and node.items:
        last = node.items[-1].span
        start = text.rfind("\n", 0, last.start) + 1
        indent = text[start : text.index("-", start)]
        end = text.index("\n", last.start) + 1
        line = f"{indent}- {quoted(identity)}{_newline(text, front)}"
        return apply_edits(text, [(Span(end, end), line)])
    space = "" if text[node.span.start - 1].isspace() else " "
    return apply_edits(text, [(node.span, f"{space}[{listed}]")])


def _texts(node: Node) -> tuple[str, ...]:
    nodes = node.items if isinstance(node, List) else (node,)
    return tuple(item.value for item in nodes if isinstance(item, Text) and item.value)


def _table(front: Front | None) -> Table | None:
    if front is None or not front.closed:
        return None
    try:
        node = read(front.text, line=front.line, offset=front.start)
    except YamlError:
        return None
    return node if isinstance(node, Table) else None


def _with_line(text: str, front: Front, line: str) -> str:
    """One more line at the end of the front matter."""
    end = front.start + len(front.text)
    return apply_edits(text, [(Span(end, end), f"{line}{_newline(text, front)}")])


def _newline(text: str, front: Front) -> str:
    return "\r\n" if text[: front.start].endswith("\r\n") else "\n"


def clear(decisions: Decisions, name: str) -> Decision:
    """The one decision of that name. Raises InputError where there is none, or more than one."""
    found = decisions.find(name)
    if not found:
        raise InputError(f"there is no decision {one_line(name)!r}")
    if len(found) > 1:
        listed = ", ".join(item.path for item in found)
        raise InputError(f"{one_line(name)!r} is more than one decision: {listed}")
    return found[0]
