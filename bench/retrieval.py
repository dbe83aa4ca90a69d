"""Is the function found that a sentence describes, and how soon?

From each of three packages 2,500 functions with a docstring, 500 of them asked for by the first
sentence of theirs. The docstring is taken out of what is indexed. In the same run, on the same
functions and questions: plain FTS5, which is one column with the whole text of the function, the
default tokenizer and bm25; and the same with path and class in that text too, which is all that our
fields hold. Then the time of each question among 100,000 chunks. The value is the smallest gain in
recall@10 of the three; the time must keep its own limit, which the line before says.
"""

from __future__ import annotations

import itertools
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import apsw

from common import Target, load, milliseconds, percentile
from trueup.architecture.sources import text_of
from trueup.memory.chunks import Chunk, chunks
from trueup.memory.database import MEMORY
from trueup.memory.store import Known, Stamp, Store
from trueup.memory.words import words
from wheels import RELEASES, unpacked

TARGET: Final = Target("retrieval_recall_gain", "recall@10", 0.10, at_least=True)
P95_SECONDS: Final = 0.060
POOL: Final = 2500
QUESTIONS: Final = 500
CHUNKS: Final = 100_000
WORDS_MIN: Final = 4
RESAMPLES: Final = 2000
_SEED: Final = 5
_QUOTES: Final = re.compile(r"""^[rRuUbBfF]*("{3}|'{3}|"|')|("{3}|'{3}|"|')$""")
_PLAIN_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A function without its docstring, and the sentence that describes it."""

    path: str
    chunk: Chunk
    question: str


def functions(root: Path) -> Iterator[Asked]:
    """Every function with a docstring of its own whose first sentence says something."""
    seen: set[str] = set()
    for file in sorted(root.rglob("*.py")):
        path = str(file.relative_to(root.parent))
        for chunk in chunks(text_of(file.read_bytes())):
            said = _QUOTES.sub("", chunk.documentation).strip()
            question = " ".join(re.split(r"(?<=\.)\s|\n\s*\n", said, maxsplit=1)[0].split())
            if chunk.kind == "class" or len(_PLAIN_WORD.findall(question)) < WORDS_MIN:
                continue
            if question not in seen:
                seen.add(question)
                yield Asked(path, replace(chunk, documentation=""), question)


def ours(pool: Sequence[Asked]) -> Store:
    store = Store.create(MEMORY, "")
    by_path = itertools.groupby(sorted(pool, key=lambda item: item.path), lambda item: item.path)
    with store.transaction():
        for path, items in by_path:
            store.put(path, Known(Stamp(0, 0, 0), True, b""), [item.chunk for item in items])
    return store


def plain(pool: Sequence[Asked], *, whole: bool = False) -> apsw.Connection:
    """One column with the text of each function; `whole`: and where it is."""
    connection = apsw.Connection(MEMORY)
    connection.execute("CREATE VIRTUAL TABLE text USING fts5 (body)")
    rows = (
        (
            number,
            (f"{item.path}\n{item.chunk.qualified}\n" if whole else "")
            + f"{item.chunk.head}\n{item.chunk.body}",
        )
        for number, item in enumerate(pool)
    )
    connection.executemany("INSERT INTO text (rowid, body) VALUES (?, ?)", rows)
    return connection


def found_by_us(store: Store, asked: Asked) -> bool:
    found = store.matching(words(asked.question), 10)
    return any((row.path, row.span) == (asked.path, asked.chunk.span) for row in found[:10])


def found_plainly(connection: apsw.Connection, pool: Sequence[Asked], asked: Asked) -> bool:
    match = " OR ".join(f'"{word}"' for word in _PLAIN_WORD.findall(asked.question))
    query = "SELECT rowid FROM text WHERE text MATCH ? ORDER BY bm25(text) LIMIT 10"
    return any(pool[number] is asked for (number,) in connection.execute(query, (match,)))


def interval(gains: Sequence[int], chance: random.Random) -> tuple[float, float]:
    """The middle 95 % of the mean of what is drawn from `gains` with replacement."""
    size = len(gains)
    means = sorted(sum(chance.choices(gains, k=size)) / size for _ in range(RESAMPLES))
    return percentile(means, 0.025), percentile(means, 0.975)


def many(roots: Sequence[Path]) -> Store:
    """A store of CHUNKS chunks: those of the packages, again and again."""
    store = Store.create(MEMORY, "")
    count = 0
    with store.transaction():
        for copy in itertools.count():
            for root in roots:
                for file in sorted(root.rglob("*.py")):
                    made = chunks(text_of(file.read_bytes()))[: CHUNKS - count]
                    path = f"copy{copy}/{file.relative_to(root.parent)}"
                    store.put(path, Known(Stamp(0, 0, 0), True, b""), made)
                    count += len(made)
                    if count == CHUNKS:
                        return store
    return store


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        roots = [unpacked(name, Path(made)) for name in RELEASES]
        worst, questions = 1.0, []
        for root in roots:
            chance = random.Random(_SEED)  # noqa: S311 - a sample
            every = list(functions(root))
            pool = chance.sample(every, min(POOL, len(every)))
            asked = pool[:QUESTIONS]
            store, connection = ours(pool), plain(pool)
            here = [found_by_us(store, item) for item in asked]
            there = [found_plainly(connection, pool, item) for item in asked]
            with_place = plain(pool, whole=True)
            harder = sum(found_plainly(with_place, pool, item) for item in asked) / len(asked)
            gain = (sum(here) - sum(there)) / len(asked)
            low, high = interval([a - b for a, b in zip(here, there, strict=True)], chance)
            print(
                f"{root.name:14} {len(asked)} of {len(pool)}   recall@10 "
                f"{sum(here) / len(asked):.3f}   plain {sum(there) / len(asked):.3f}   "
                f"gain {gain:.3f} [{low:.3f}, {high:.3f}]   plain with its place {harder:.3f}"
            )
            worst = min(worst, gain)
            questions += [item.question for item in asked]
        store = many(roots)
        taken = []
        for question in questions:
            began = time.perf_counter()
            store.matching(words(question), 200)
            taken.append(time.perf_counter() - began)
        p50, p95 = percentile(taken, 0.5), percentile(taken, 0.95)
        kept = "kept" if p95 <= P95_SECONDS else "not kept"
        print(
            f"{CHUNKS:,} chunks, {len(questions)} questions: p50 {milliseconds(p50)}, "
            f"p95 {milliseconds(p95)}, limit {milliseconds(P95_SECONDS)} {kept}; {load()}"
        )
    TARGET.report(worst)


if __name__ == "__main__":
    main()
