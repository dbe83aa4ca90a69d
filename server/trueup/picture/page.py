"""The picture as one HTML page that needs nothing else: to search, to zoom, to open packages.

The page holds the static picture, so that something is seen without scripts, and the drawing as
JSON, from which `page.js` draws. Its policy lets run only that script, and load nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from trueup.picture.layout import layout_of
from trueup.picture.placing import GEOMETRY, Plan, left_of, plan_of
from trueup.picture.svg import DENSE, LEGEND, scene, summary
from trueup.picture.text import asset, escaped, plain
from trueup.picture.tree import Box, Kind, columns
from trueup.picture.values import Drawing

_TOKEN: Final = re.compile(r"\{\{(\w+)\}\}")


def page(drawing: Drawing) -> str:
    """A drawing as an HTML document. It runs its own script, and no name or message in it can run
    another.
    """
    plan = plan_of(drawing)
    layout = layout_of(plan, plan.tree.opened)
    style = asset("picture.css") + asset("page.css")
    script = asset("page.js")
    parts = {
        "policy": policy(style, script),
        "title": escaped(drawing.title),
        "summary": escaped(summary(drawing)),
        "style": style,
        "script": script,
        "width": f"{layout.width:.0f}",
        "height": f"{layout.height:.0f}",
        "scene": "".join(scene(drawing, plan, layout)),
        "legend": "".join(_legend()),
        "drawing": _json(content(drawing, plan)),
    }
    # In one go, so that no content is ever read as a place for other content.
    return _TOKEN.sub(lambda token: parts[token[1]], asset("page.html"))


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy of a page with this style and this script, and no other."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _legend() -> list[str]:
    return [
        f'<li><svg class="picture" viewBox="0 0 36 10" aria-hidden="true"><path class="edge {kind}"'
        f' stroke-width="1.8" d="M0 5H36"/></svg>{meaning}</li>'
        for kind, meaning in LEGEND
    ]


def _json(content: object) -> str:
    """JSON that ends no script element and holds nothing but ASCII."""
    text = json.dumps(content, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def content(drawing: Drawing, plan: Plan) -> dict[str, object]:
    """What `page.js` reads; a drawing without what follows from the rest of it."""
    tree = plan.tree
    return {
        "geometry": GEOMETRY,
        "dense": DENSE,
        "left": left_of(plan),
        "names": list(map(plain, plan.names)),
        "boxes": [_packed(tree.boxes, box) for box in tree.boxes],
        "rows": {str(number): rows for number, rows in enumerate(plan.rows) if rows},
        "imports": [
            [importer, *(imported for _, imported in pairs)]
            for importer, pairs in groupby(tree.imports, key=itemgetter(0))
        ],
        "opened": sorted(tree.opened),
        "violations": [
            [
                *ends,
                *map(plain, (found.importer, found.imported, found.contract, found.message)),
                list(map(plain, found.chain)),
            ]
            for found, ends in zip(drawing.violations, tree.broken, strict=True)
        ],
    }


def _packed(boxes: Sequence[Box], box: Box) -> list[object]:
    """Parent, kind, layer, the name after that of the box around it, and where they are not what
    follows from these: the label, its columns, how many modules.
    """
    base = boxes[box.parent].name
    tail = box.name.removeprefix(base + ".") if base else box.name
    if box.kind is Kind.DRAWER or box.name == base:
        tail = ""
    packed: list[object] = [
        box.parent,
        box.kind.value,
        box.layer,
        plain(tail),
        "" if box.label == tail else plain(box.label),
        0 if columns(box.label) == len(box.label) else columns(box.label),
        0 if box.modules == 1 else box.modules,
    ]
    while not packed[-1] and len(packed) > _LEAST_PACKED:
        packed.pop()
    return packed


_LEAST_PACKED: Final = 4
