"""The picture as SVG: no scripts, nothing from elsewhere, text that can be selected and read aloud.

Red is never the only sign: what breaks a contract is dashed as well, drawn last, and has a number
that stands in the list below.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from trueup.architecture.contracts import Violation
from trueup.picture.layout import Bundle, Layout, layout_of
from trueup.picture.placing import Place, Plan, plan_of
from trueup.picture.text import asset, counted, escaped
from trueup.picture.tree import Box, Kind, columns, shortened
from trueup.picture.values import Drawing
from trueup.picture.ways import Point

LISTED: Final = 12
"""How many violations are written out below the picture; tooltips have all."""
DENSE: Final = 150
"""With more bundles than this each is drawn fainter."""
_HEADING: Final = 58.0
_LINE: Final = 20.0
_LEAST_WIDTH: Final = 720.0
_SAME_HEIGHT: Final = 16.0
"""Ends that differ less than this in height are joined by an arc below both."""
_BADGE: Final = 17.0
_ON_CURVE: Final = ((0.5, 0.5), (0.216, 0.342), (0.784, 0.658))
"""Where a part of a way is after a half, and after three and seven tenths of it."""
_NAME: Final = 64
_CONTRACT: Final = 48
LEGEND: Final = (
    ("", "imports (thicker: more)"),
    ("broken", "breaks a contract"),
    ("up", "leads up the layers"),
    ("circular", "closes a circle"),
)


def svg(drawing: Drawing) -> str:
    """A drawing as an SVG document, packages closed as far as needed to be read."""
    plan = plan_of(drawing)
    layout = layout_of(plan, plan.tree.opened)
    listed = drawing.violations[:LISTED]
    width = max(layout.width, _LEAST_WIDTH, *map(_length, listed))
    rest = len(drawing.violations) - len(listed)
    lines = len(listed) + bool(rest) + bool(listed)
    legend = _legend(layout)
    below = _HEADING + layout.height
    height = below + _LINE * (lines + 1) + 16
    size = f'width="{_n(width)}" height="{_n(height)}"'
    return "".join(
        (
            '<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" ',
            f'aria-labelledby="title summary" viewBox="0 0 {_n(width)} {_n(height)}" {size}>\n',
            f'<title id="title">{escaped(drawing.title)}</title>\n',
            f'<desc id="summary">{escaped(_described(drawing, listed))}</desc>\n',
            f"<style>{asset('picture.css')}</style>\n",
            f'<rect class="ground" {size}/>\n',
            f'<text class="heading" x="24" y="32">{escaped(drawing.title)}</text>\n',
            f'<text class="note" x="24" y="52">{escaped(summary(drawing))}</text>\n',
            f'<g transform="translate({_n((width - layout.width) / 2)} {_n(_HEADING)})">\n',
            *scene(drawing, plan, layout),
            "</g>\n",
            *_drawn_legend(legend, below),
            *_listed(listed, rest, below + _LINE),
            "</svg>\n",
        )
    )


def _length(violation: Violation) -> float:
    """The width of a violation's line in the list."""
    contract = min(columns(violation.contract), _CONTRACT)
    return 100 + 7.3 * (columns(_pair(violation)) + contract)


def _pair(violation: Violation) -> str:
    if not violation.imported:
        return shortened(violation.importer, _NAME)
    return f"{shortened(violation.importer, _NAME)} → {shortened(violation.imported, _NAME)}"


def summary(drawing: Drawing) -> str:
    """One line of counts."""
    broken = len(drawing.violations)
    parts = (
        counted(len(set(drawing.modules)), "module"),
        counted(len(set(drawing.imports)), "import"),
        counted(broken, "violation") if broken else "no violation",
    )
    return ", ".join(parts)


def scene(drawing: Drawing, plan: Plan, layout: Layout) -> Iterator[str]:
    """Bands, imports, boxes and, above all, what is broken."""
    for band in layout.bands:
        yield (
            f'<g class="band"><rect x="0" y="{_n(band.y)}" width="{_n(layout.width)}"'
            f' height="{_n(band.height)}"/>'
        )
        if band.name:
            middle = _n(band.y + band.height / 2 + 4)
            yield f'<text x="16" y="{middle}">{escaped(band.name)}</text>'
        yield "</g>\n"
    boxes = plan.tree.boxes
    for place in layout.places:
        if place.open:
            yield f'<rect class="frame" {_rectangle(place)}/>\n'
    quiet = [bundle for bundle in layout.bundles if not bundle.broken]
    yield f'<g class="{"dense" if len(quiet) > DENSE else "edges"}">\n'
    yield from (_drawn_bundle(drawing, boxes, bundle) for bundle in quiet)
    yield "</g>\n"
    for place in layout.places:
        yield from _drawn_box(drawing, boxes[place.box], place, layout.inside.get(place.box, ()))
    loud = [bundle for bundle in layout.bundles if bundle.broken]
    yield from (_drawn_bundle(drawing, boxes, bundle) for bundle in loud)
    yield from _badges(loud)


def _drawn_box(drawing: Drawing, box: Box, place: Place, inside: Sequence[int]) -> Iterator[str]:
    kind = "open" if place.open else box.kind
    said = [title_of(box)]
    if box.children:
        said.append(counted(box.modules, "module"))
    said += (_sentence(drawing.violations[index], index) for index in inside)
    yield f'<g class="box {kind}"><title>{escaped(chr(10).join(said))}</title>'
    if place.open:
        yield f'<text x="{_n(place.x + 12)}" y="{_n(place.y + 19)}">{escaped(box.label)}</text>'
    else:
        middle = place.y + place.height / 2
        yield f'<rect {_rectangle(place)}/><text text-anchor="middle" x="{_n(place.middle)}"'
        yield f' y="{_n(middle - 2 if box.children else middle + 4)}">{escaped(box.label)}</text>'
        if box.children:
            yield f'<text class="count" text-anchor="middle" x="{_n(place.middle)}"'
            yield f' y="{_n(middle + 13)}">{counted(box.modules, "module")}</text>'
    if inside:
        yield _badge(inside, place.x + place.width, place.y)
    yield "</g>\n"


def title_of(box: Box) -> str:
    """The whole name of a box."""
    if box.kind is Kind.DRAWER and box.name:
        return f"{box.name}: {box.label}"
    return box.name or box.label


def _drawn_bundle(drawing: Drawing, boxes: Sequence[Box], bundle: Bundle) -> str:
    kind, marker = _kind(bundle)
    importer, imported = (boxes[at] for at in (bundle.importer, bundle.imported))
    said = [f"{title_of(importer)} → {title_of(imported)}: {counted(bundle.count, 'import')}"]
    said += (_sentence(drawing.violations[index], index) for index in bundle.broken)
    way = path_of(bundle.way)
    # A red line says how many break a contract, not how many are beside them.
    thick = 1.0 + 0.6 * min(5, (len(bundle.broken) * 4 or bundle.count).bit_length() - 1)
    return (
        f'<g><title>{escaped(chr(10).join(said))}</title><path class="edge {kind}"'
        f' stroke-width="{_n(thick)}" d="{way}"/>{_tip(bundle.way, marker)}</g>\n'
    )


def _kind(bundle: Bundle) -> tuple[str, str]:
    """The classes of a bundle's line and of its tip."""
    if bundle.broken:
        return "broken", "red"
    if bundle.up:
        return "up", "red"
    return ("circular", "circular") if bundle.circular else ("", "")


def path_of(way: Sequence[Point]) -> str:
    """A way as path data that leaves and arrives upright."""
    (x, y), end = way[0], way[-1]
    if len(way) == 2 and abs(end[1] - y) < _SAME_HEIGHT:
        low = max(y, end[1]) + min(26.0, 14.0 + abs(end[0] - x) / 40)
        return (
            f"M{_n(x)} {_n(y)}C{_n(x)} {_n(low)} {_n(end[0])} {_n(low)} {_n(end[0])} {_n(end[1])}"
        )
    parts = [f"M{_n(x)} {_n(y)}"]
    for to in way[1:]:
        if to[0] == x:
            parts.append(f"V{_n(to[1])}")
        else:
            half = (y + to[1]) / 2
            parts.append(f"C{_n(x)} {_n(half)} {_n(to[0])} {_n(half)} {_n(to[0])} {_n(to[1])}")
        x, y = to
    return "".join(parts)


def _tip(way: Sequence[Point], kind: str) -> str:
    x, y = way[-1]
    # An arc arrives from below.
    back = 6.0 if y < way[-2][1] or abs(y - way[-2][1]) < _SAME_HEIGHT else -6.0
    points = f"{_n(x)},{_n(y)} {_n(x - 3)},{_n(y + back)} {_n(x + 3)},{_n(y + back)}"
    return f'<polygon class="tip {kind}" points="{points}"/>'


def _badges(bundles: Sequence[Bundle]) -> Iterator[str]:
    """The numbers of what is broken, each on its line and, where it can be, not on another."""
    taken: list[tuple[float, float, int]] = []
    for bundle in bundles:
        half = len(_numbers(bundle.broken)) * 7 // 2 + 6
        spots = _spots(bundle.way)
        x, y = next(
            (
                spot
                for spot in spots
                if all(
                    abs(spot[0] - x) > half + other or abs(spot[1] - y) > _BADGE
                    for x, y, other in taken
                )
            ),
            spots[0],
        )
        taken.append((x, y, half))
        yield _badge(bundle.broken, x, y)


def _spots(way: Sequence[Point]) -> list[Point]:
    """Points on a way, the middle of its longest part first."""
    parts = sorted(
        itertools.pairwise(way),
        key=lambda part: -abs(part[0][0] - part[1][0]) - abs(part[0][1] - part[1][1]),
    )
    if len(parts) == 1 and abs(way[0][1] - way[1][1]) < _SAME_HEIGHT:
        return [((way[0][0] + way[1][0]) / 2, (way[0][1] + way[1][1]) / 2 + _BADGE)]
    return [
        (start[0] + (end[0] - start[0]) * across, start[1] + (end[1] - start[1]) * down)
        for start, end in parts
        for across, down in _ON_CURVE
    ]


def _numbers(indexes: Sequence[int]) -> str:
    text = ", ".join(str(index + 1) for index in indexes[:2])
    return f"{text} +{len(indexes) - 2}" if len(indexes) > 2 else text


def _badge(indexes: Sequence[int], x: float, y: float) -> str:
    text = _numbers(indexes)
    width = 7 * len(text) + 10
    return (
        f'<g class="badge" aria-hidden="true"><rect x="{_n(x - width / 2)}" y="{_n(y - 8)}"'
        f' width="{width}" height="16" rx="8"/><text text-anchor="middle" x="{_n(x)}"'
        f' y="{_n(y + 4)}">{text}</text></g>'
    )


def _sentence(violation: Violation, index: int) -> str:
    return (
        f"{index + 1}. {violation.importer} → {violation.imported} ({violation.contract}): "
        f"{violation.message}"
    )


def _described(drawing: Drawing, listed: Sequence[Violation]) -> str:
    layers = "; ".join(layer.name or ", ".join(layer.modules) for layer in drawing.layers)
    found = [summary(drawing) + "."]
    if layers:
        found.append(f"Layers from high to low: {layers}.")
    found += (_sentence(violation, index) for index, violation in enumerate(listed))
    return " ".join(found)


def _legend(layout: Layout) -> tuple[tuple[str, str], ...]:
    drawn = {_kind(bundle)[0] for bundle in layout.bundles}
    return tuple(entry for entry in LEGEND if entry[0] in drawn)


def _drawn_legend(legend: Sequence[tuple[str, str]], y: float) -> Iterator[str]:
    x = 24.0
    for kind, meaning in legend:
        thick = 1.8 if kind == "broken" else 1.2
        yield (
            f'<path class="edge {kind}" stroke-width="{thick}" d="M{_n(x)} {_n(y)}h32"/>'
            f'<text class="note" x="{_n(x + 40)}" y="{_n(y + 4)}">{meaning}</text>\n'
        )
        x += 64 + 6.2 * len(meaning)


def _listed(listed: Sequence[Violation], rest: int, top: float) -> Iterator[str]:
    y = top
    for index, violation in enumerate(listed):
        y = top + _LINE * (index + 1)
        yield _badge((index,), 36, y - 4)
        yield (
            f'<text x="56" y="{_n(y)}">{escaped(_pair(violation))}<tspan class="note" dx="10">'
            f"{escaped(shortened(violation.contract, _CONTRACT))}</tspan></text>\n"
        )
    if rest:
        yield f'<text class="note" x="56" y="{_n(y + _LINE)}">and {rest:,} more</text>\n'


def _rectangle(place: Place) -> str:
    return (
        f'x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}"'
        f' height="{_n(place.height)}" rx="6"'
    )


def _n(number: float) -> str:
    """A length, short."""
    return f"{number:.1f}".removesuffix(".0")
