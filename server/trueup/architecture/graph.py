"""Who imports whom: modules as numbers, edges as sets, changed one edge at a time.

Knows no files. Numbers are stable while the graph lives: modules are added and never removed; when
some go, another graph is built.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet


class ImportGraph:
    """Modules by number. `out[u]` are those that u imports, `into[v]` those that import v."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.ids: dict[str, int] = {}
        self.out: list[set[int]] = []
        self.into: list[set[int]] = []
        self._children: dict[str, set[int]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.ids

    def modules(self) -> Iterator[str]:
        return iter(self.ids)

    def add_module(self, name: str) -> int:
        """The number of the module, a new one where it is not known yet."""
        number = self.ids.get(name)
        if number is None:
            number = self.ids[name] = len(self.names)
            self.names.append(name)
            self.out.append(set())
            self.into.append(set())
            self._children.setdefault(name.rpartition(".")[0], set()).add(number)
        return number

    def add(self, importer: int, imported: int) -> bool:
        """Whether the edge is new."""
        if imported in self.out[importer]:
            return False
        self.out[importer].add(imported)
        self.into[imported].add(importer)
        return True

    def remove(self, importer: int, imported: int) -> bool:
        """Whether the edge was there."""
        if imported not in self.out[importer]:
            return False
        self.out[importer].discard(imported)
        self.into[imported].discard(importer)
        return True

    def edges(self) -> Iterator[tuple[int, int]]:
        return ((u, v) for u, targets in enumerate(self.out) for v in targets)

    def children(self, name: str) -> tuple[str, ...]:
        """The modules one level below `name`, sorted."""
        return tuple(sorted(self.names[number] for number in self._children.get(name, ())))

    def below(self, name: str) -> Iterator[int]:
        """`name` and all below it, as numbers, where they are modules."""
        waiting = [name]
        while waiting:
            at = waiting.pop()
            if at in self.ids:
                yield self.ids[at]
            waiting += (self.names[child] for child in self._children.get(at, ()))


def shortest(
    graph: ImportGraph,
    start: int,
    targets: AbstractSet[int],
    passable: Callable[[int], bool],
    ignored: AbstractSet[tuple[int, int]] = frozenset(),
) -> tuple[int, ...]:
    """A shortest chain of imports from `start` to one of `targets`, both ends included; () where
    there is none. All between is `passable`, and no edge is `ignored`. Neighbours are tried in
    the order of their numbers, so that the same graph gives the same chain.
    """
    if start in targets:
        return (start,)
    came: dict[int, int] = {start: start}
    queue = deque([start])
    while queue:
        at = queue.popleft()
        ahead = graph.out[at]
        if not ahead.isdisjoint(targets):
            for following in sorted(ahead & targets):
                if following not in came and (at, following) not in ignored:
                    came[following] = at
                    return _back(came, following)
        for following in sorted(ahead - came.keys()):
            if (at, following) not in ignored and passable(following):
                came[following] = at
                queue.append(following)
    return ()


def _back(came: dict[int, int], at: int) -> tuple[int, ...]:
    chain = [at]
    while came[at] != at:
        at = came[at]
        chain.append(at)
    return tuple(reversed(chain))
