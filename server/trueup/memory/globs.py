"""Globs of paths: which files they match, and whether two of them can match the same file.

As in `.gitignore`: `*` and `?` stay within a name, `**` is any number of folders, a glob without a
slash matches a name at any depth, and the name of a folder stands for all below it. Matching takes
steps in proportion to glob times path, whatever they are.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

ANY: Final = "**"
GLOB_CHARACTERS_MAX: Final = 500


def matches_any(globs: tuple[str, ...], path: str) -> bool:
    return any(matches(glob, path) for glob in globs)


@lru_cache(maxsize=65_536)
def matches(glob: str, path: str) -> bool:
    names = path.split("/")
    # The positions in the glob that can be reached with the names so far.
    parts = _parts(glob)
    reached = _skipped(parts, {0})
    for name in names:
        following = set()
        for at in reached:
            if at == len(parts):
                continue
            if parts[at] == ANY:
                following.add(at)
            elif fnmatchcase(name, parts[at]):
                following.add(at + 1)
        reached = _skipped(parts, following)
        if not reached:
            return False
    return len(parts) in reached


@lru_cache(maxsize=4096)
def _parts(glob: str) -> tuple[str, ...]:
    plain = glob.removeprefix("./")
    anchored = "/" in plain.rstrip("/")
    parts = [part for part in plain.split("/") if part]
    if not anchored:
        parts.insert(0, ANY)
    if plain.endswith("/") or not set(parts[-1] if parts else "*") & set("*?[."):
        parts.append(ANY)
    return tuple(parts)


def _skipped(parts: tuple[str, ...], at: set[int]) -> set[int]:
    """The positions, and those behind a `**` that stands for nothing."""
    found = set(at)
    for position in sorted(at):
        following = position
        while following < len(parts) and parts[following] == ANY:
            following += 1
            found.add(following)
    return found


def overlap(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Whether some path could match one of each; no globs at all match everything."""
    if not left or not right:
        return True
    return any(_meet(_parts(one), _parts(two)) for one in left for two in right)


@lru_cache(maxsize=4096)
def _meet(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    return _both_reach(one, two, ANY, _names_meet)


@lru_cache(maxsize=4096)
def _names_meet(one: str, two: str) -> bool:
    """Whether two globs of names can match the same name; a class `[…]` is taken for any letter."""
    return _both_reach(
        tuple(_letters(one)),
        tuple(_letters(two)),
        "*",
        lambda here, there: here == there or "?" in {here, there},
    )


def _both_reach(
    one: tuple[str, ...], two: tuple[str, ...], many: str, meet: Callable[[str, str], bool]
) -> bool:
    """Whether two sequences can stand for the same, in which `many` stands for any number."""
    waiting, reached = [(0, 0)], {(0, 0)}
    while waiting:
        left, right = waiting.pop()
        if (left, right) == (len(one), len(two)):
            return True
        here = one[left] if left < len(one) else ""
        there = two[right] if right < len(two) else ""
        following = []
        if here == many:
            following += [(left + 1, right), *([(left, right + 1)] if there else [])]
        if there == many:
            following += [(left, right + 1), *([(left + 1, right)] if here else [])]
        if here and there and many not in {here, there} and meet(here, there):
            following.append((left + 1, right + 1))
        waiting += [place for place in following if place not in reached]
        reached.update(following)
    return False


def _letters(glob: str) -> str:
    parts, at = [], 0
    while at < len(glob):
        end = glob.find("]", at + 2) if glob[at] == "[" else -1
        parts.append("?" if end > 0 else glob[at])
        at = end + 1 if end > 0 else at + 1
    return "".join(parts)
