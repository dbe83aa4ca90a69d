"""Labels through edits, against the equation that they keep, solved by repetition."""

from __future__ import annotations

from random import Random

import pytest

from trueup.architecture.labels import Labels, components


@pytest.mark.parametrize("graphs", [pytest.param(40, id="few"), pytest.param(1500, id="many")])
def test_masks_are_the_least_that_hold(graphs: int, chance: Random) -> None:
    for _ in range(graphs):
        size = chance.randint(1, 14)
        own = [chance.choice([0, 0, 0, 1, 2, 4, 5]) for _ in range(size)]
        lets = [chance.choice([-1, -1, -1, ~1, ~6, 0]) for _ in range(size)]
        ahead: list[set[int]] = [set() for _ in range(size)]
        behind: list[set[int]] = [set() for _ in range(size)]
        for _ in range(chance.randint(0, size * 2)):
            one, other = chance.randrange(size), chance.randrange(size)
            ahead[one].add(other)
            behind[other].add(one)
        labels = Labels(own, lets, ahead.__getitem__, behind.__getitem__)
        masks = repeated(own, lets, ahead)
        assert labels.masks == masks
        for _ in range(20):
            one, other = chance.randrange(size), chance.randrange(size)
            if other in ahead[one]:
                ahead[one].discard(other)
                behind[other].discard(one)
                labels.removed(one, other)
            else:
                ahead[one].add(other)
                behind[other].add(one)
                labels.added(one, other)
            before, masks = masks, repeated(own, lets, ahead)
            assert labels.masks == masks
            differing = {at for at in range(size) if before[at] != masks[at]}
            assert labels.changed == differing
            labels.changed.clear()


def test_a_chain_may_be_longer_than_the_stack() -> None:
    size = 5_000
    ahead = [{module + 1} for module in range(size - 1)] + [{0}]
    behind = [{size - 1}, *({module} for module in range(size - 1))]
    own = [1] + [0] * (size - 1)
    order = components(range(size), ahead.__getitem__, size)
    assert [len(component) for component in order] == [size]
    labels = Labels(own, [-1] * size, ahead.__getitem__, behind.__getitem__)
    assert set(labels.masks) == {1}
    ahead[size // 2].clear()
    behind[size // 2 + 1].clear()
    labels.removed(size // 2, size // 2 + 1)
    assert labels.masks[1] == 0
    assert labels.masks[-1] == 1


def repeated(own: list[int], lets: list[int], ahead: list[set[int]]) -> list[int]:
    masks, before = list(own), [-1]
    while masks != before:
        before = list(masks)
        for module in range(len(own)):
            for neighbour in ahead[module]:
                masks[module] |= lets[module] & masks[neighbour]
    return masks
