"""How long one save takes to be held against 200 decisions with rules, on a file of 2,000 lines.

The file is the beginning of a module of the standard library, another statement added on each save
so that nothing is known of the text. Of the 200 rules every kind has its share, and half of the
patterns name words that the file holds. The last line is one JSON object; its value is the p95 in
milliseconds, from the text to the findings.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common import Target, load, percentile
from trueup.memory.decisions import Decision, Decisions
from trueup.memory.evaluate import evaluate
from trueup.memory.reading import read_decision

TARGET: Final = Target("rules_on_save_p95", "ms", 40.0)
RULES: Final = 200
LINES: Final = 2000
SAVES: Final = 200

HERE: Final = (
    "isinstance($A, bytes)", "getattr($O, $N)", "len($X) == 0", "setattr($A, $B, None)",
    "type($X) == $Y", "raise Exception($$$ARGS)", "super($A, self).__init__($$$ARGS)",
    "self.$NAME = []", "', '.join([$$$A])", "hasattr($A, '__call__')", "print($$$ARGS)",
    "$X == None", "not $X is None", "list(sorted($$$ARGS))", "return None",
    "if $A is True: $$$BODY",
    "''.join($X)", "ValueError($$$ARGS)", "$A.append($B).$C", "assert $X",
)  # fmt: skip
"""Patterns of words that the file holds; few of them match."""
KINDS: Final = (
    "kind: forbid-pattern\npattern: {here}",
    "kind: forbid-pattern\npattern: library{number}.$METHOD($$$ARGS)",
    "kind: forbid-pattern\npattern: {here}\nwithin: class",
    "kind: forbid-pattern\npattern: call_{number}($$$ARGS)",
    "kind: require-pattern\npattern: import sys as {name}",
    "kind: forbid-import\nmodules: [library{number}, os.path]",
    "kind: naming\nwhat: function\nmatch: '[a-zA-Z_]+[0-9]{{0,{number}}}'",
    "kind: naming\nwhat: constant\nstyle: UPPER_CASE",
    "kind: require\nwhat: docstring\nof: {more}",
    "kind: location\nwhat: class\nmatch: '.*Action{number}'\nin: src/actions/**",
)


def main() -> None:
    text = "".join(
        f"{line}\n" for line in Path(argparse.__file__).read_text("utf-8").splitlines()[:LINES]
    )
    decisions = Decisions(tuple(_decisions()))
    rules = sum(len(item.rules) for item in decisions)
    print(f"{rules} rules, {text.count(chr(10))} lines; {load()}")
    taken: list[float] = []
    busy: list[float] = []
    for number in range(SAVES):
        saved = f"{text}\nsaved = {number}\n"
        began, worked = time.perf_counter(), time.thread_time()
        found = evaluate(decisions, "src/parser.py", saved)
        taken.append((time.perf_counter() - began) * 1000)
        busy.append((time.thread_time() - worked) * 1000)
    print(f"{len(found)} findings of {len({item.decision for item in found})} decisions")
    p50, p95 = percentile(taken, 0.5), percentile(taken, 0.95)
    print(f"p50 {p50:.1f} ms   p95 {p95:.1f} ms   first {taken[0]:.1f} ms")
    busy_p50, busy_p95 = percentile(busy, 0.5), percentile(busy, 0.95)
    print(f"of the processor: p50 {busy_p50:.1f} ms   p95 {busy_p95:.1f} ms")
    TARGET.report(p95)


def _decisions() -> Iterator[Decision]:
    shapes = itertools.cycle(KINDS)
    for number, shape in zip(range(RULES), shapes, strict=False):
        here = json.dumps(HERE[number // len(KINDS) % len(HERE)])
        name = "_sys" if number % 40 else f"_sys{number}"
        more = "module" if number % 40 else "class"
        rule = shape.format(number=number, here=here, name=name, more=more)
        front = (
            f"---\nid: 01JD3Y6Q8T5V0W9X2Z4B6C{number:04}\ntitle: Rule {number}\nstatus: accepted\n"
            'severity: warn\nscope: {paths: ["src/**"]}\n---\n'
        )
        path = f"docs/decisions/{number:04}-rule.md"
        yield read_decision(path, f"{front}# Rule\n\n```rule\n{rule}\n```\n").decision


if __name__ == "__main__":
    main()
