"""A project's tach configuration with the project's files, read from the disk once.

Knows where tach looks for its configuration and which files it walks. Runs nothing: what git would
ignore is read from the ignore files themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from trueup.architecture.configuration import on_disk, unreadable
from trueup.architecture.contracts import Problem
from trueup.architecture.scan import Imported
from trueup.architecture.sources import read_text
from trueup.architecture.tach.config import DomainConfig, TachConfig
from trueup.architecture.tach.judge import Boundaries
from trueup.architecture.tach.layout import Listing, left_out
from trueup.architecture.tach.reading import read, read_domain
from trueup.architecture.tach.rules import TachFinding

CONFIGURATIONS: Final = ("tach.toml", "pyproject.toml")
DOMAIN: Final = "tach.domain.toml"
CONTRACTS: Final = ("tach:modules", "tach:layers", "tach:interfaces", "tach:ignores")
FILES_MAX: Final = 200_000
"""Files of a project that are looked at."""
_MANIFESTS: Final = frozenset({"pyproject.toml", "setup.py", "requirements.txt"})


@dataclass(frozen=True)
class TachProject:
    """The boundaries of a project, for whoever has its texts."""

    root: Path
    boundaries: Boundaries
    listing: Listing
    domains: tuple[DomainConfig, ...]
    ignored: tuple[tuple[str, GitIgnoreSpec], ...]

    @classmethod
    def at(cls, root: Path) -> TachProject | None:
        """The project at `root`; None where it has no tach configuration."""
        config = _configuration(root)
        if config is None:
            return None
        ignored: list[tuple[str, GitIgnoreSpec]] = []
        files = tuple(_walked(root, config, ignored))
        read_domains = [
            (path, read_text(root / path)) for path in files if path.rpartition("/")[2] == DOMAIN
        ]
        domains = [read_domain(path, text) for path, text in read_domains if text is not None]
        return cls._of(root, config, domains, files, tuple(ignored))

    @classmethod
    def _of(
        cls,
        root: Path,
        config: TachConfig,
        domains: Sequence[DomainConfig],
        files: Sequence[str],
        ignored: tuple[tuple[str, GitIgnoreSpec], ...],
    ) -> TachProject:
        listing = Listing.of(files, config.exclude)
        boundaries = Boundaries(config, listing, domains)
        if boundaries.typed:
            texts = ((path, read_text(root / path) or "") for path in boundaries.typed)
            listing = replace(listing, texts=tuple(texts))
            boundaries = Boundaries(config, listing, domains)
        return cls(root, boundaries, listing, tuple(domains), ignored)

    def supposing(self, there: frozenset[str], absent: frozenset[str]) -> TachProject:
        """The same as if some files were there, and others not."""
        files = {*self.listing.files, *there} - absent
        config = self.boundaries.config
        return self._of(self.root, config, self.domains, tuple(sorted(files)), self.ignored)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.boundaries.problems

    @property
    def contracts(self) -> tuple[str, ...]:
        return CONTRACTS

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are judged, sorted."""
        return tuple(path for path in self.boundaries.files.walked() if path.endswith(".py"))

    def holds(self, path: str) -> bool:
        return self.boundaries.files.is_file(path) and self._counts(path)

    def misses(self, path: str) -> bool:
        """Whether a file of this path would be judged, and is not known yet."""
        return not self.boundaries.files.is_file(path) and self._counts(path)

    def _counts(self, path: str) -> bool:
        return (
            path.endswith(".py")
            and not left_out(path, self.boundaries.config.exclude)
            and not _is_ignored(path, self.ignored)
        )

    def judge(self, path: str, text: str, imports: Sequence[Imported]) -> tuple[TachFinding, ...]:
        return self.boundaries.judge(path, text, imports) if self.holds(path) else ()


def _configuration(root: Path) -> TachConfig | None:
    text_of = on_disk(root)
    for path in CONFIGURATIONS:
        try:
            text = text_of(path)
        except (OSError, UnicodeDecodeError) as error:
            if path == "tach.toml":
                source = unreadable(path, "", error)
                return TachConfig(source.source, problems=(source,))
            continue
        found = read(path, text) if text is not None else None
        if found is not None:
            return found
    return None


def _walked(
    root: Path, config: TachConfig, ignored: list[tuple[str, GitIgnoreSpec]]
) -> Iterator[str]:
    """The Python files, manifests and domains below the root; ignore files are added to `ignored`
    as they are met.
    """
    respects = config.respect_gitignore
    if respects == "if_git_repo":
        respects = (root / ".git").exists()
    count = 0
    for folder, folders, files in os.walk(root):
        inside = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        if respects and ".gitignore" in files:
            text = read_text(Path(folder, ".gitignore")) or ""
            ignored.append((prefix, GitIgnoreSpec.from_lines(text.splitlines())))
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in {"__pycache__", "node_modules"}
            and not left_out(f"{prefix}{name}/x", config.exclude)
            and not _is_ignored(f"{prefix}{name}/", ignored)
            and not Path(folder, name, "pyvenv.cfg").exists()
        )
        for name in files:
            counts = name.endswith((".py", ".pyi")) or name in _MANIFESTS or name == DOMAIN
            if counts and not _is_ignored(prefix + name, ignored):
                yield prefix + name
                count += 1
        if count > FILES_MAX:
            return


def _is_ignored(path: str, ignored: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """By git's rules: the deepest ignore file that says anything decides."""
    decided = False
    for prefix, spec in ignored:
        if path.startswith(prefix):
            said = spec.check_file(path[len(prefix) :]).include
            decided = decided if said is None else said
    return decided
