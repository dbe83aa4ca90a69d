"""Candidates that somebody else made: a diff, what is staged, what differs from a revision.

Knows git as a tool that reads. Nothing that a repository configures is executed: no hook, no
external diff, no filter, no monitor; the contents are read from objects and files, never through
`git diff`.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from trueup import InputError, workspace
from trueup.parsing import parse_expression
from trueup.snapshot import Document, Edit, Span
from trueup.suggestion import Candidate

GIT_SECONDS: Final = 30.0
PROPOSER: Final = "patch"

_SOURCES: Final = re.compile(
    r"^(?:rename|copy) from (?:\"(?P<quoted>[^\n]*)\"|(?P<plain>[^\n\"]+))$", re.MULTILINE
)
_INERT: Final = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.untrackedCache=false",
    "-c", "diff.external=",
)  # fmt: skip


_COMPARING: Final = frozenset({"diff-files", "diff-index"})
"""The commands of git that may read a file of the working tree."""


class NothingToJudgeError(InputError):
    """There is no difference, which is no mistake of the user's."""


@dataclass(frozen=True, slots=True)
class Change:
    """A candidate with the texts it starts from; `absent` are files that it is about to create."""

    candidate: Candidate
    before: tuple[Document, ...]
    absent: tuple[str, ...] = ()


def from_diff(root: str, diff: str) -> Change:
    """The candidate of a unified diff against the files on disk. Raises InputError.

    The paths are those below `root`, or those of the repository that `root` is a part of.
    """
    if not diff.strip():
        raise NothingToJudgeError("there is nothing to judge: the diff is empty")
    with tempfile.TemporaryDirectory(prefix="trueup-") as folder:
        paths = _touched(folder, diff)
        if prefix := _prefix(root, paths):
            paths, strip = tuple(path.removeprefix(prefix) for path in paths), prefix.count("/") + 1
        else:
            strip = 1
        before = {path: workspace.read(root, path) for path in paths if _is_there(root, path)}
        for path, document in before.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(document.to_bytes())
        _apply(folder, diff, strip=strip)
        # What came of it, whatever the diff's own words are: nothing is applied unjudged.
        found = (file for file in Path(folder).rglob("*") if file.is_symlink() or file.is_file())
        after = {
            path: workspace.read(folder, path)
            for path in (file.relative_to(folder).as_posix() for file in found)
        }
    return _change("the diff", before, after)


def _prefix(root: str, paths: tuple[str, ...]) -> str:
    """What of the paths is the way from the repository to `root`: "sub/", or ""."""
    done = _run(root, "rev-parse", "--show-prefix")
    prefix = done.stdout.decode(errors="surrogateescape").strip() if not done.returncode else ""
    inside = prefix and all(path.startswith(prefix) for path in paths)
    return prefix if inside and not any(Path(root, path).exists() for path in paths) else ""


def _touched(folder: str, diff: str) -> tuple[str, ...]:
    """Every file that the diff names: as git reads it, and what it renames or copies from."""
    names = {
        line.split(b"\t", 2)[2].decode("utf-8", "surrogateescape")
        for line in _apply(folder, diff, "--numstat", "-z").split(b"\0")
        if line.count(b"\t") >= 2
    }
    for match in _SOURCES.finditer(diff):
        quoted, plain = match["quoted"], match["plain"]
        if quoted is not None:
            raw: bytes = ast.literal_eval(parse_expression(f'b"{quoted}"'))
            names.add(raw.decode("utf-8", "surrogateescape"))
        else:
            names.add(plain)
    if not names:
        raise InputError("that is not a unified diff: it names no file")
    return tuple(sorted(names))


def _apply(folder: str, diff: str, *options: str, strip: int = 1) -> bytes:
    done = subprocess.run(
        ["git", "apply", *options, "--whitespace=nowarn", f"-p{strip}", "-"],
        cwd=folder,
        input=diff.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
        timeout=GIT_SECONDS,
        env=_environment() | {"GIT_CEILING_DIRECTORIES": str(Path(folder).parent)},
    )
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode and any("No valid patches" in line for line in said):
        raise InputError("that is not a unified diff: it names no file")
    if done.returncode:
        raise InputError(f"the diff does not apply: {said[0] if said else 'git refused it'}")
    return done.stdout


def staged(root: str) -> Change:
    """What the next commit would change, against HEAD. Raises InputError."""
    names = _changed_names(root, "HEAD", "--cached")
    before = _at_revision(root, "HEAD", names)
    after = _at_revision(root, "", names)
    # What git does not know yet will not be in the commit, so the tests must not see it.
    others = _split(_git(root, "ls-files", "--others", "--exclude-standard", "-z", "."))
    unknown = tuple(path for path in others if path.endswith(".py") and path not in after)
    change = _change("what is staged", before, after, beside=_dirty(root, names))
    return replace(change, absent=(*change.absent, *unknown))


def working_tree(root: str, base: str = "HEAD", opened: Iterable[Document] = ()) -> Change:
    """All that differs from `base`, files that git does not track yet included.

    `opened` are texts of an editor, which count before the disk; of those that git ignores, none
    does.
    """
    names = _changed_names(root, base)
    others = _git(root, "ls-files", "--others", "--exclude-standard", "-z", ".")
    unsaved = {item.path: item for item in opened if not _is_saved(root, item)}
    names = tuple(sorted({*names, *_split(others), *_not_ignored(root, tuple(unsaved))}))
    before = _at_revision(root, base, names)
    after = {path: workspace.read(root, path) for path in names if _is_there(root, path)}
    after.update((path, item) for path, item in unsaved.items() if path in names)
    return _change(f"what differs from {base}", before, after)


def _change(
    title: str,
    before: Mapping[str, Document],
    after: Mapping[str, Document],
    beside: tuple[Document, ...] = (),
) -> Change:
    edits, absent, deletes = [], [], []
    # An edit has no encoding of its own: it takes that of the text it is made to.
    created = {
        path: Document(path, "", encoding=item.encoding)
        for path, item in after.items()
        if path not in before and item.encoding != "utf-8"
    }
    before = {**before, **created}
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if new is None:
            deletes.append(path)
        elif old is None:
            absent.append(path)
            edits.append(Edit(path, Span(0, 0), new.text))
        elif old.text != new.text:
            edits.append(Edit(path, Span(0, len(old.text)), new.text))
    if not edits and not deletes:
        raise NothingToJudgeError(f"there is nothing to judge: {title} changes nothing")
    return Change(
        Candidate(title, tuple(edits), PROPOSER, deletes=tuple(deletes)),
        (*before.values(), *beside),
        tuple(absent),
    )


def _is_saved(root: str, document: Document) -> bool:
    """Whether a text of an editor is that of the disk."""
    try:
        return workspace.read(root, document.path).text == document.text
    except InputError:
        return False


def _not_ignored(root: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        return ()
    listed = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--")
    ignored = set(_split(_git(root, "--literal-pathspecs", *listed, *paths)))
    return tuple(path for path in paths if path not in ignored)


def _is_there(root: str, path: str) -> bool:
    return workspace.relative(root, Path(root, path)) is not None and Path(root, path).is_file()


def _changed_names(root: str, revision: str, *options: str) -> tuple[str, ...]:
    """Paths below `root` whose index or stat says they differ; no content is read by git."""
    return _split(
        _git(root, "diff-index", "--name-only", "--relative", "-z", *options,
             "--end-of-options", revision, "--")
    )  # fmt: skip


def _at_revision(root: str, revision: str, names: tuple[str, ...]) -> dict[str, Document]:
    """The texts of `names` at `revision` ("" is the index); those that are not there are left."""
    prefix = _git(root, "rev-parse", "--show-prefix").decode().strip()
    found = {}
    for path in names:
        whole = str(PurePosixPath(prefix, path))
        done = _run(root, "cat-file", "blob", f"{revision}:{whole}")
        if done.returncode == 0:
            found[path] = _document(path, done.stdout)
    return found


def at_revision(root: str, revision: str, path: str) -> Document | None:
    """A file as it was; None where it was not there. Raises InputError where git does not say."""
    return _at_revision(root, revision, (path,)).get(path)


def _dirty(root: str, names: tuple[str, ...]) -> tuple[Document, ...]:
    """Files that are changed but not staged, as the index has them: the commit's own world."""
    unstaged = tuple(
        path for path in _split(_git(root, "diff-files", "--name-only", "--relative", "-z"))
        if path not in names
    )  # fmt: skip
    return tuple(_at_revision(root, "", unstaged).values())


def _document(path: str, raw: bytes) -> Document:
    try:
        return workspace.document_of(path, raw)
    except InputError as problem:
        raise InputError(f"{path}: {problem}") from None


def _split(raw: bytes) -> tuple[str, ...]:
    return tuple(part.decode("utf-8", "surrogateescape") for part in raw.split(b"\0") if part)


def _git(root: str, *arguments: str) -> bytes:
    done = _run(root, *arguments)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(f"git says: {said[-1] if said else 'nothing'}")
    return done.stdout


def _run(root: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    compares = arguments[0] in _COMPARING
    return _started(root, arguments, _without_filters(root) if compares else {})


def _without_filters(root: str) -> dict[str, str]:
    """The environment that switches off every filter that the repository configures: where git
    cannot tell by its stat whether a file changed, it reads the file, through these.
    """
    found = _started(root, ("config", "--name-only", "-z", "--get-regexp", r"^filter\."), {})
    names = {name.rpartition(".")[0] for name in _split(found.stdout)}
    keys = [
        (f"{name}.{key}", value)
        for name in sorted(names)
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]
    said = {"GIT_CONFIG_COUNT": str(len(keys))}
    for number, (key, value) in enumerate(keys):
        said |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return said


def _started(
    root: str, arguments: tuple[str, ...], more: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *_INERT, *arguments],
            cwd=root,
            capture_output=True,
            check=False,
            timeout=GIT_SECONDS,
            env={**_environment(), **more},
        )
    except FileNotFoundError:
        raise InputError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"git took longer than {GIT_SECONDS:.0f} s") from None


def _environment() -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "GIT_CONFIG_NOSYSTEM": "1",
        # What is not here is not fetched: a repository may say with which command.
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
