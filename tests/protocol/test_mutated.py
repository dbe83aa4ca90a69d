"""Messages with something wrong in them, by the thousand: each is answered or dropped."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from support.raw_client import RawClient

SEEDS: tuple[dict[str, Any], ...] = tuple(
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases/protocol/seeds.jsonl").read_text().splitlines()
)
VALUES: tuple[Any, ...] = (
    None, True, -1, 2**31, 2**63, 1.5, "", "\0", [], {}, "a" * 1000, {"jsonrpc": "2.0"}, [[]], "😋",
)  # fmt: skip
BATCH = 50
MEMORY_MAX = 50 * 1024 * 1024


def mutated(value: Any, chance: random.Random) -> Any:
    """Something in `value` left out or replaced."""
    if isinstance(value, dict) and value:
        key = chance.choice(list(value))
        rest = {name: item for name, item in value.items() if name != key}
        draw = chance.random()
        if draw < 0.2:
            return rest
        return rest | {key: chance.choice(VALUES) if draw < 0.45 else mutated(value[key], chance)}
    if isinstance(value, list) and value:
        place = chance.randrange(len(value))
        return [*value[:place], mutated(value[place], chance), *value[place + 1 :]]
    return chance.choice(VALUES)


def body(chance: random.Random) -> bytes:
    message = {"jsonrpc": "2.0", **chance.choice(SEEDS)}
    if chance.random() < 0.7:
        return json.dumps(mutated(message, chance)).encode()
    raw = bytearray(json.dumps(message).encode())
    for _ in range(chance.randint(1, 4)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


@pytest.mark.parametrize("count", [pytest.param(400, id="few"), pytest.param(100_000, id="many")])
def test_the_server_goes_on(count: int) -> None:
    chance = random.Random(20261121)  # noqa: S311 - a choice, not a secret
    with RawClient() as client:
        client.initialize()
        client.ping()
        before = client.memory()
        for number in range(count):
            made = body(chance)
            # Bytes that are changed may say what ends a session.
            if b'"exit"' not in made and b'"shutdown"' not in made:
                assert client.frame(made), f"after {number}: {made[:200]!r}"
            if number % BATCH == BATCH - 1:
                client.ping()
                client.came.clear()
        assert client.garbage == b""
        assert client.process.poll() is None
        assert client.memory() - before < MEMORY_MAX
