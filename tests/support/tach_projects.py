"""What `tach check` says of a project, what we say of it, and that both are the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trueup.architecture.tach import Boundaries, Listing, read, read_domain
from trueup.architecture.tach.layout import left_out

TACH: Final = Path(sys.executable).parent / "tach"
_UNUSED: Final = re.compile(r"'([^']+)'\s+does not depend on: (\[[^\]]*\])")


@dataclass(frozen=True, slots=True)
class Report:
    """What tach says: rows of (file, line, line of the statement, severity, kind, dependency,
    module, other module), modules that are not there, unknown layers, and why it gave up.
    """

    rows: frozenset[tuple[object, ...]] = frozenset()
    missing: frozenset[str] = frozenset()
    layers: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    """Files that it could not read."""
    error: str = ""
    """The kind of contradiction that made tach give up, "" where it did not."""
    involved: frozenset[str] = frozenset()


def check(root: Path) -> Report:
    """What `tach check --output json` says, run in `root`."""
    command = [str(TACH), "check", "--output", "json"]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    start = min((at for at in map(ran.stdout.find, "{[") if at >= 0), default=0)
    try:
        answer: Any = json.loads(ran.stdout[start:])
    except json.JSONDecodeError:
        return Report(error=ran.stdout + ran.stderr)
    if isinstance(answer, dict):
        return _gave_up(answer)
    general = [entry["Global"]["details"]["Configuration"] for entry in answer if "Global" in entry]
    named = {
        kind: frozenset(
            fields[key] for each in general for name, fields in each.items() if name == kind
        )
        for kind, key in _GENERAL.items()
    }
    return Report(
        frozenset(_row(entry["Located"]) for entry in answer if "Located" in entry),
        *(named[kind] for kind in _GENERAL),
    )


_GENERAL: Final = {
    "ModuleNotFound": "file_mod_path",
    "UnknownLayer": "layer",
    "SkippedFileSyntaxError": "file_path",
}


def _row(found: Any) -> tuple[object, ...]:
    (kind, fields), *_ = found["details"]["Code"].items()
    fields = fields or {}
    return (
        found["file_path"],
        found["line_number"],
        found["original_line_number"] or found["line_number"],
        found["severity"].lower(),
        re.sub(r"(?<!^)([A-Z])", r"-\1", kind).lower(),
        fields.get("dependency", ""),
        fields.get("usage_module", ""),
        fields.get("definition_module", ""),
    )


def unused(root: Path) -> frozenset[tuple[str, str]]:
    """What `tach check` says of a configuration with `exact`, as (module, dependency)."""
    ran = subprocess.run(
        [str(TACH), "check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "5000", "PATH": "/usr/bin:/bin"},
    )
    return frozenset(
        (module, dependency)
        for module, listed in _UNUSED.findall(ran.stderr)
        for dependency in re.findall(r"'([^']*)'", listed)
    )


def _gave_up(answer: dict[str, Any]) -> Report:
    error = answer["error"]
    if error == "Circular dependency":
        return Report(error="circle", involved=frozenset(answer["dependencies"]))
    if error == "Visibility error":
        pairs = (tuple(entry[:2]) for entry in answer["visibility_errors"])
        named = frozenset(f"{usage} {definition}" for usage, definition in pairs)
        return Report(error="visibility", involved=named)
    if "more than once" in error:
        return Report(error="twice", involved=frozenset(re.findall(r'"([^"]+)"', error)))
    if "root module" in error:
        named = frozenset(re.findall(r"'([^']+)'", error.rpartition(": ")[2]))
        return Report(error="root", involved=named)
    return Report(error=error)


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())


def boundaries(files: dict[str, str]) -> Boundaries:
    """What the configuration among `files` says of them."""
    name = "tach.toml" if "tach.toml" in files else "pyproject.toml"
    config = read(name, files[name])
    assert config is not None
    layout = Listing.of(files, config.exclude, files.items())
    domains = [
        read_domain(path, text)
        for path, text in files.items()
        if path.endswith("tach.domain.toml") and not left_out(path, config.exclude)
    ]
    return Boundaries(config, layout, domains)


def rows(ours: Boundaries, files: dict[str, str]) -> set[tuple[object, ...]]:
    return {
        (
            path,
            found.line,
            found.statement,
            str(found.severity),
            str(found.rule),
            found.imported,
            found.usage if found.definition else "",
            found.definition,
        )
        for path in ours.files.walked()
        for found in ours.judge(path, files[path])
    }


def compare(root: Path, files: dict[str, str]) -> str:
    """The kind of verdict on the project that is written in `root`; fails where tach differs."""
    theirs = check(root)
    ours = boundaries(files)
    assert not theirs.skipped
    if theirs.error:
        assert theirs.involved, theirs.error
        said = " ".join(problem.message for problem in ours.problems)
        for involved in theirs.involved:
            for name in involved.split():
                assert f"'{name}'" in said or name == ".", (theirs, said)
        return theirs.error
    contradictions = ("more than once", "in a circle", "may not depend", "root_module")
    assert not [
        problem
        for problem in ours.problems
        if any(each in problem.message for each in contradictions)
    ]
    found = rows(ours, files)
    assert sorted(map(str, found ^ theirs.rows)) == []
    missing = {p.message.split("'")[1] for p in ours.problems if "there is no module" in p.message}
    assert missing == theirs.missing
    layers = {p.message.split("'")[3] for p in ours.problems if "not defined" in p.message}
    assert theirs.layers <= layers
    if ours.config.exact:
        used = {use for path in ours.files.walked() for use in ours.uses(path, files[path])}
        # On its way to the terminal, what looks like markup is lost: `[ab]`.
        said = (re.sub(r"\[\w+\]", "", problem.message) for problem in ours.unused(used))
        idle = {tuple(sentence.split("'")[1::2]) for sentence in said}
        assert idle == unused(root)
    return "broken" if theirs.rows else "kept"
