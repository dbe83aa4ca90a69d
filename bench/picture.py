"""How large the picture of a project is, how long it takes, and whether its page agrees with it.

A project of 1,000 modules and 5,000 imports is made up: the value is the size of its page in KB.
Where `node` is on PATH, the page's own script lays out the same boxes, for several choices of open
ones, and every place and every way is compared with what Python lays out.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Final

from common import Target
from trueup.architecture.contracts import Violation
from trueup.picture import Drawing, Layer, page, svg
from trueup.picture.layout import layout_of
from trueup.picture.page import content
from trueup.picture.placing import Plan, plan_of
from trueup.picture.text import asset

TARGET: Final = Target("picture", "KB", 200)
LAYERS: Final = ("web", "api", "jobs", "services", "domain", "storage", "shared")
WORDS: Final = ("order", "invoice", "customer", "payment", "ledger", "report", "tax", "stock")
SHARES: Final = (0.0, 0.3, 0.7, 1.0)
"""How many of the boxes that can be opened are open."""
COMPARED: Final = ("importer", "imported", "count", "broken", "up", "circular", "way")
COMPARE: Final = """
const near = (a, b) => typeof a === "number" ? Math.abs(a - b) < 1e-6
  : Array.isArray(a) ? a.length === b.length && a.every((each, at) => near(each, b[at])) : a === b;
const order = (a, b) => a[0] - b[0] || a[1] - b[1];
let different = 0;
for (const { drawing, opened, places, bundles } of JSON.parse(require("fs").readFileSync(0))) {
  const found = layOut(readModel(drawing), new Set(opened));
  const at = [...found.places.values()].map((p) => [p.box, p.x, p.y, p.width, p.height]);
  const ways = found.bundles.map(
    (b) => [b.importer, b.imported, b.count, b.broken, b.up, b.circular, b.way]);
  if (!near(at, places) || !near(ways.sort(order), bundles.sort(order))) different += 1;
}
console.log(different);
"""


def made_up(modules: int, imports: int, seed: int) -> Drawing:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    names: set[str] = set()
    while len(names) < modules:
        tail = f".{dice.choice(WORDS)}" if dice.random() < 0.3 else ""
        leaf = "_".join(dice.choices(WORDS, k=3))
        names.add(f"shop.{dice.choice(LAYERS)}.{dice.choice(WORDS)}.{leaf}{tail}")
    known = sorted(names)
    pairs: set[tuple[str, str]] = set()
    up: set[tuple[str, str]] = set()
    while len(pairs) < imports:
        importer, imported = dice.sample(known, 2)
        low, high = (LAYERS.index(name.split(".")[1]) for name in (importer, imported))
        if low <= high or dice.random() < 0.01:
            pairs.add((importer, imported))
        if low > high and (importer, imported) in pairs:
            up.add((importer, imported))
    broken = (Violation("layers", *pair, "Layers point down.", pair) for pair in sorted(up))
    layers = tuple(Layer((f"shop.{name}",), name) for name in LAYERS)
    return Drawing("Shop", tuple(known), tuple(sorted(pairs)), tuple(broken), layers)


def cases(plan: Plan, drawing: Drawing, dice: random.Random) -> Iterator[dict[str, object]]:
    for share in SHARES:
        opened = {0}
        for number, box in enumerate(plan.tree.boxes):
            if box.children and box.parent in opened and dice.random() < share:
                opened.add(number)
        layout = layout_of(plan, frozenset(opened))
        yield {
            "drawing": content(drawing, plan),
            "opened": sorted(opened),
            "places": [[at.box, at.x, at.y, at.width, at.height] for at in layout.places],
            "bundles": [[getattr(each, name) for name in COMPARED] for each in layout.bundles],
        }


def compare(node: str, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    found: list[dict[str, object]] = []
    for modules, imports in ((1000, 5000), (300, 2500), (60, 90)):
        drawing = made_up(modules, imports, seed)
        for each in (drawing, Drawing("flat", drawing.modules, drawing.imports)):
            found += cases(plan_of(each), each, dice)
    script = asset("page.js") + COMPARE
    done = subprocess.run(
        [node, "-e", script], input=json.dumps(found), capture_output=True, text=True, check=True
    )
    print(f"laid out by the page's script: {len(found)} pictures, {done.stdout.strip()} differ")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--modules", type=int, default=1000)
    arguments.add_argument("--imports", type=int, default=5000)
    arguments.add_argument("--seed", type=int, default=3)
    chosen = arguments.parse_args()
    drawing = made_up(chosen.modules, chosen.imports, chosen.seed)
    size = 0.0
    for name, make in (("svg", svg), ("page", page)):
        began = time.process_time()
        text = make(drawing)
        spent = time.process_time() - began
        size = len(text.encode()) / 1000
        print(f"{name}: {size:.0f} KB, {spent:.2f} s CPU")
    node = shutil.which("node")
    if node is None:
        print("node is not on PATH: the page's script was not compared")
    else:
        compare(node, chosen.seed)
    TARGET.report(size)


if __name__ == "__main__":
    main()
