"""For every module, which groups of modules it reaches: bit masks, kept while edges come and go.

A module's mask is its own groups and what it learns from its neighbours ahead, as far as it lets
them in:

    mask[x] = own[x] | lets[x] & (mask[w] | ... for every w ahead of x)

Every bit that was learnt has one witness, the neighbour from which it was learnt first, so
following witnesses ends at the group. An edge that is added only adds bits. One that is removed
matters only where it is a witness and no other neighbour can be; then the bits that hung on it are
dropped and learnt again.
The first masks are made in one pass over the strongly connected components (Tarjan 1972,
doi:10.1137/0201010), ahead first.

Knows numbers only. Who imports whom is asked of the two functions it is given, so ignored imports
are simply not said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

Neighbours = Callable[[int], AbstractSet[int]]


class Labels:
    """Masks along one direction: `ahead` are the neighbours that a module learns from, `behind`
    those that learn from it.
    """

    def __init__(
        self, own: Sequence[int], lets: Sequence[int], ahead: Neighbours, behind: Neighbours
    ) -> None:
        self.masks = list(own)
        self.changed: set[int] = set()
        """Modules whose mask is another one since this was last cleared."""
        self._own = own
        self._lets = lets
        self._ahead = ahead
        self._behind = behind
        self._via: dict[int, dict[int, int]] = {}
        for component in components(self._learners(), ahead, len(own)):
            self._settle(component)
        self.changed.clear()

    def _learners(self) -> set[int]:
        """The modules that learn something, and maybe some that do not."""
        every = 0
        for mask in self._own:
            every |= mask
        open_to = (lets & every & ~own for lets, own in zip(self._lets, self._own, strict=True))
        untold = {module for module, mask in enumerate(open_to) if mask}
        found: set[int] = set()
        waiting = [module for module, mask in enumerate(self._own) if mask]
        if len(untold) < len(waiting):
            # Fewer than there are to ask.
            return untold
        while waiting and untold:
            told = self._behind(waiting.pop()) & untold
            untold -= told
            found |= told
            waiting += told
        return found

    def grow(self) -> None:
        """There are more modules now, in no group; `own` and `lets` have them already."""
        self.masks += self._own[len(self.masks) :]

    def added(self, module: int, neighbour: int) -> None:
        """`neighbour` is ahead of `module` now."""
        if self._take(module, neighbour):
            self.changed.add(module)
            self._spread(deque([module]))

    def removed(self, module: int, neighbour: int) -> None:
        """`neighbour` is not ahead of `module` any more."""
        via = self._via.get(module)
        lost = via.pop(neighbour, 0) if via else 0
        lost = lost and self._rerouted(module, lost)
        if not lost:
            return
        before = self._drop(module, lost)
        # All that is learnt now was known before, so what changed is what is still missing.
        earlier, self.changed = self.changed, set()
        self._spread(deque([at for at in before if self._learn(at)]))
        self.changed = earlier | {at for at, mask in before.items() if mask != self.masks[at]}

    def _rerouted(self, module: int, lost: int) -> int:
        """Find other witnesses of these bits, which their witness is none of any more. The bits
        that have no other.
        """
        for neighbour in self._ahead(module):
            shared = lost & self.masks[neighbour]
            while shared:
                bit = shared & -shared
                shared ^= bit
                if self._leads_past(neighbour, bit, module):
                    via = self._via[module]
                    via[neighbour] = via.get(neighbour, 0) | bit
                    lost ^= bit
            if not lost:
                break
        return lost

    def _leads_past(self, at: int, bit: int, module: int) -> bool:
        """Whether the witnesses of a bit lead from one module to its group, and not through the
        other.
        """
        while not self._own[at] & bit:
            if at == module:
                return False
            at = next(witness for witness, bits in self._via[at].items() if bits & bit)
        return True

    def _drop(self, module: int, lost: int) -> dict[int, int]:
        """Forget these bits, and what others learnt through them. The masks that were."""
        region = {module: lost}
        waiting = [(module, lost)]
        while waiting:
            at, gone = waiting.pop()
            for behind in self._behind(at):
                via = self._via.get(behind)
                held = via.get(at, 0) & gone if via else 0
                if via and held:
                    via[at] ^= held
                    region[behind] = region.get(behind, 0) | held
                    waiting.append((behind, held))
        before = {at: self.masks[at] for at in region}
        for at, gone in region.items():
            self.masks[at] &= ~gone
        return before

    def _take(self, module: int, neighbour: int) -> bool:
        """Learn from one neighbour. Whether anything was new."""
        new = self.masks[neighbour] & self._lets[module] & ~self.masks[module]
        if not new:
            return False
        self.masks[module] |= new
        via = self._via.setdefault(module, {})
        via[neighbour] = via.get(neighbour, 0) | new
        return True

    def _learn(self, module: int) -> bool:
        """Learn from all neighbours. Whether anything was new."""
        masks, lets = self.masks, self._lets[module]
        before = known = masks[module]
        learnt: dict[int, int] = {}
        for neighbour in self._ahead(module):
            new = masks[neighbour] & lets & ~known
            if new:
                known |= new
                learnt[neighbour] = new
        if known == before:
            return False
        masks[module] = known
        via = self._via.setdefault(module, learnt)
        if via is not learnt:
            for neighbour, new in learnt.items():
                via[neighbour] = via.get(neighbour, 0) | new
        return True

    def _spread(self, waiting: deque[int]) -> None:
        while waiting:
            at = waiting.popleft()
            for behind in self._behind(at):
                if self._take(behind, at):
                    self.changed.add(behind)
                    waiting.append(behind)

    def _settle(self, component: Sequence[int]) -> None:
        """All masks of a component whose neighbours ahead are known.

        What its modules learn from outside is gathered at one of them, and told to all from there;
        where each lets everything in, that is all there is to know.
        """
        for module in component:
            self._learn(module)
        if len(component) == 1:
            return
        members = set(component)
        for nearer, farther in reversed(_tree(component[0], members, self._ahead)):
            self._take(nearer, farther)
        for nearer, farther in _tree(component[0], members, self._behind):
            self._take(farther, nearer)
        if any(self._lets[module] != -1 for module in component):
            self._spread(deque(component))


def _tree(root: int, members: AbstractSet[int], neighbours: Neighbours) -> list[tuple[int, int]]:
    """The edges of a breadth-first tree over `members`, as (nearer to the root, farther)."""
    seen = {root}
    found: list[tuple[int, int]] = []
    level = [root]
    while level:
        following: list[int] = []
        for at in level:
            new = (neighbours(at) & members) - seen
            seen |= new
            following += new
            found += ((at, one) for one in new)
        level = following
    return found


def components(modules: Iterable[int], ahead: Neighbours, size: int) -> list[list[int]]:
    """The strongly connected components of `modules`, each after all that are ahead of it.

    Modules are numbers below `size`. Tarjan's algorithm, without recursion: a chain of imports may
    be longer than Python's stack.
    """
    found: list[list[int]] = []
    # 0: not seen; from 1 on: in the order in which they were; more than `size`: done or not asked.
    done = size + 1
    place = [done] * size
    for module in modules:
        place[module] = 0
    low = [0] * size
    stack: list[int] = []
    count = 0
    for root in range(size):
        if place[root]:
            continue
        count += 1
        place[root] = low[root] = count
        stack.append(root)
        work = [(root, iter(ahead(root)))]
        while work:
            at, rest = work[-1]
            for following in rest:
                seen = place[following]
                if not seen:
                    count += 1
                    place[following] = low[following] = count
                    stack.append(following)
                    work.append((following, iter(ahead(following))))
                    break
                if seen != done and seen < low[at]:
                    low[at] = seen
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == place[at]:
                    found.append(_pop_to(stack, at, place, done))
    return found


def _pop_to(stack: list[int], module: int, place: list[int], done: int) -> list[int]:
    component = [stack.pop()]
    while component[-1] != module:
        component.append(stack.pop())
    for member in component:
        place[member] = done
    return component
