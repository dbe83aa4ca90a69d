"""The picture: nothing is lost, nothing overlaps, and no name in it is more than text."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.architecture.contracts import Violation
from trueup.picture import Drawing, Layer, page, svg
from trueup.picture.layout import Layout, layout_of
from trueup.picture.placing import GEOMETRY, Place, Plan, plan_of
from trueup.picture.text import asset
from trueup.picture.tree import BOXES, Kind

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"onload='alert(1)'",
    "]]><!--",
    "&lt;b&gt;&amp;{{script}}",
    "javascript:alert(1)",
    "\x00\x1b[31m\ud800\ufffe",
    "\u202eevil\u2066",
    "模块.名前",
    "...",
    "x" * 500,
    ".".join("deep" for _ in range(2000)),
)


def broken(importer: str, imported: str, message: str = "Layers point down.") -> Violation:
    return Violation("layers", importer, imported, message, (importer, imported))


def shop(modules: int, imports: int, violations: int) -> Drawing:
    """A project of seven layers, as large as asked for; the same on every run."""
    dice = random.Random(3)  # noqa: S311 - nobody is to be surprised by it
    words = ("order", "invoice", "customer", "payment", "ledger", "report", "export", "tax")
    layers = ("web", "api", "jobs", "services", "domain", "storage", "shared")
    names: set[str] = set()
    while len(names) < modules:
        tail = f".{dice.choice(words)}" if dice.random() < 0.3 else ""
        parts = (dice.choice(layers), dice.choice(words), "_".join(dice.sample(words, 2)))
        names.add(f"shop.{'.'.join(parts)}{tail}")
    known = sorted(names)
    down: set[tuple[str, str]] = set()
    up: set[tuple[str, str]] = set()
    while len(down) < imports - violations or len(up) < violations:
        importer, imported = dice.sample(known, 2)
        low, high = (layers.index(name.split(".")[1]) for name in (importer, imported))
        if low <= high and len(down) < imports - violations:
            down.add((importer, imported))
        elif low > high and len(up) < violations:
            up.add((importer, imported))
    return Drawing(
        "Shop",
        tuple(known),
        tuple(sorted(down | up)),
        tuple(broken(*pair) for pair in sorted(up)),
        tuple(Layer((f"shop.{layer}",), layer) for layer in layers),
    )


NAMES = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4).map(".".join)


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    modules = tuple(draw(st.sets(NAMES, max_size=25)))
    pairs = st.tuples(NAMES, NAMES)
    violations = [broken(*pair) for pair in draw(st.sets(pairs, max_size=4))]
    layers = draw(st.lists(NAMES, max_size=3, unique=True))
    return Drawing(
        "Random",
        modules,
        tuple(draw(st.sets(pairs, max_size=40))),
        tuple(violations),
        tuple(Layer((name,)) for name in layers),
    )


def opened(plan: Plan, dice: random.Random) -> frozenset[int]:
    """Any choice of boxes that a reader may have opened."""
    found = {0}
    for number, box in enumerate(plan.tree.boxes):
        if box.children and box.parent in found and dice.random() < 0.6:
            found.add(number)
    return frozenset(found)


class Elements(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in self.inside:
            self.inside[self.cdata_elem][-1] += data


def content_of(text: str) -> dict[str, list[list[object]]]:
    data, _ = Elements(text).inside["script"]
    return json.loads(data)


def hostile_drawing(name: str) -> Drawing:
    violation = Violation(name, name, f"app.{name}", name, (name, "app", name))
    return Drawing(
        name, ("app", f"app.{name}", name), ((name, "app"),), (violation,), (Layer((name,), name),)
    )


def parsed(text: str) -> ElementTree.Element:
    text.encode()
    return ElementTree.fromstring(text)  # noqa: S314 - made here, a moment ago


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_text(name: str) -> None:
    drawing = hostile_drawing(name)
    tags = {element.tag.removeprefix(SVG) for element in parsed(svg(drawing)).iter()}
    assert tags <= {
        "svg",
        "title",
        "desc",
        "style",
        "g",
        "rect",
        "text",
        "tspan",
        "path",
        "polygon",
    }
    harmless = Elements(page(hostile_drawing("harmless")))
    found = Elements(page(drawing))
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in harmless.tags}
    assert found.inside["script"][1] == asset("page.js")
    attributes = {name for _, attributes in found.tags for name in attributes}
    assert attributes <= {name for _, attributes in harmless.tags for name in attributes}


def test_the_policy_lets_run_what_is_here_and_nothing_else() -> None:
    found = Elements(page(shop(30, 60, 3)))
    policies = [
        attributes["content"]
        for tag, attributes in found.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(found.inside["script"]) == 2
    (style,) = found.inside["style"]
    digests = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, found.inside["script"][1])
    ]
    sources = f"style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'"
    assert policies == [f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"]


def test_nothing_is_loaded_from_elsewhere() -> None:
    drawing = shop(30, 60, 3)
    for text in (svg(drawing), page(drawing)):
        assert set(re.findall(r"\w+://[^\"'\s<]+", text)) == {"http://www.w3.org/2000/svg"}
        for tag, attributes in Elements(text).tags:
            assert tag not in {"link", "img", "iframe", "object", "embed", "base", "use", "image"}
            unwanted = {"src", "href", "style", "action", "xlink:href"}
            assert not unwanted & attributes.keys()
            assert not [name for name in attributes if name.startswith("on")]
    for dangerous in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "Function(", "fetch("):
        assert dangerous not in asset("page.js")
    assert "url(" not in asset("page.css") + asset("picture.css")


@given(drawings(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(drawing: Drawing, dice: random.Random) -> None:
    modules, imports = list(drawing.modules), list(drawing.imports)
    dice.shuffle(modules)
    dice.shuffle(imports)
    other = replace(drawing, modules=tuple(modules), imports=tuple(imports) + tuple(imports[:3]))
    assert svg(drawing) == svg(other)
    assert page(drawing) == page(other)


@given(drawings())
def test_every_violation_is_seen(drawing: Drawing) -> None:
    root = parsed(svg(drawing))
    titles = "\n".join(element.text or "" for element in root.iter(f"{SVG}title"))
    listed = "\n".join("".join(element.itertext()) for element in root.iter(f"{SVG}text"))
    for index, violation in enumerate(drawing.violations):
        both = f"{violation.importer} → {violation.imported}"
        assert f"{index + 1}. {both} (layers)" in titles
        assert both in listed
    told = [(found[2], found[3]) for found in content_of(page(drawing))["violations"]]
    assert told == [(found.importer, found.imported) for found in drawing.violations]


@given(drawings(), st.randoms(use_true_random=False))
def test_boxes_are_apart_and_no_import_is_lost(drawing: Drawing, dice: random.Random) -> None:
    plan = plan_of(drawing)
    layout = layout_of(plan, opened(plan, dice))
    closed = [place for place in layout.places if not place.open]
    for one, other in itertools.combinations(closed, 2):
        assert not overlap(one, other)
    for place in layout.places:
        around = [each for each in layout.places if each.box == plan.tree.boxes[place.box].parent]
        assert all(contains(each, place) for each in around)
        assert contains(Place(0, 0, 0, layout.width, layout.height, True), place)
    within = sum(
        seen(plan, layout, importer) == seen(plan, layout, imported)
        for importer, imported in plan.tree.imports
    )
    assert sum(bundle.count for bundle in layout.bundles) + within == len(plan.tree.imports)
    shown = [index for bundle in layout.bundles for index in bundle.broken]
    shown += itertools.chain.from_iterable(layout.inside.values())
    assert sorted(shown) == list(range(len(drawing.violations)))


@given(drawings(), st.randoms(use_true_random=False))
def test_lines_go_between_boxes_of_a_line(drawing: Drawing, dice: random.Random) -> None:
    plan = plan_of(drawing)
    layout = layout_of(plan, opened(plan, dice))
    closed = [place for place in layout.places if not place.open]
    for bundle in layout.bundles:
        for start, end in itertools.pairwise(bundle.way):
            if start[0] == end[0]:
                for place in closed:
                    crossed = place.x < start[0] < place.x + place.width
                    low, high = sorted((start[1], end[1]))
                    assert not (crossed and low < place.y and place.bottom < high)


def seen(plan: Plan, layout: Layout, leaf: int) -> int:
    closed = {place.box for place in layout.places if not place.open}
    return next(number for number in plan.tree.path(leaf) if number in closed)


def overlap(one: Place, other: Place) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (beside or one.bottom <= other.y or other.bottom <= one.y)


def contains(one: Place, other: Place) -> bool:
    across = one.x <= other.x and other.x + other.width <= one.x + one.width
    return across and one.y <= other.y and other.bottom <= one.bottom


def test_layers_are_bands_from_high_to_low_and_what_goes_up_is_drawn_last() -> None:
    drawing = Drawing(
        "app",
        ("app", "app.web", "app.core.api", "app.core.db", "app.tools"),
        (
            ("app.web", "app.core.api"),
            ("app.core.api", "app.core.db"),
            ("app.core.db", "app.web"),
            ("app.core.db", "app.core.api"),
            ("app.core.db", "requests"),
        ),
        (broken("app.core.db", "app.web"),),
        (Layer(("app.web",), "Web"), Layer(("app.core.api",)), Layer(("app.core.db",), "Data")),
    )
    plan = plan_of(drawing)
    layout = layout_of(plan, plan.tree.opened)
    labels = [[plan.tree.boxes[number].label for number in row] for row in plan.rows[0]]
    assert labels == [["web"], ["core.api"], ["core.db"], ["tools"], ["requests"]]
    assert [band.name for band in layout.bands] == [
        "Web", "", "Data", "in no layer", "outside the project",
    ]  # fmt: skip
    last = [(bool(bundle.broken), bundle.up) for bundle in layout.bundles[-2:]]
    assert last == [(False, True), (True, True)]


def test_without_layers_importers_are_above_what_they_import() -> None:
    pairs = (("p.a", "p.b"), ("p.b", "p.c"), ("p.a", "p.d"), ("p.c", "p.b"))
    plan = plan_of(Drawing("p", ("p.a", "p.b", "p.c", "p.d", "p.alone"), pairs))
    labels = [sorted(plan.tree.boxes[number].label for number in row) for row in plan.rows[0]]
    assert labels == [["a"], ["b"], ["c", "d"], ["alone"]]
    circular = [bundle for bundle in layout_of(plan, plan.tree.opened).bundles if bundle.circular]
    assert [plan.tree.boxes[bundle.importer].name for bundle in circular] == ["p.c"]


def test_a_thousand_modules_are_readable_and_small() -> None:
    drawing = shop(1000, 5000, 25)
    plan = plan_of(drawing)
    assert len(layout_of(plan, plan.tree.opened).places) <= BOXES
    assert len(svg(drawing).encode()) < 60_000
    assert len(page(drawing).encode()) < 200_000


def test_siblings_without_number_are_put_into_drawers() -> None:
    names = tuple(f"app.parts.p{number:03}" for number in range(1300))
    drawing = Drawing("app", names, (), (broken("app.parts.p777", "app.parts.p778"),))
    boxes = plan_of(drawing).tree.boxes
    assert all(len(box.children) <= BOXES for box in boxes)
    alone = {box.name for box in boxes if boxes[box.parent].kind is Kind.WHOLE}
    assert {"app.parts.p777", "app.parts.p778"} <= alone
    leaves = [box.name for box in boxes if not box.children]
    assert sorted(leaves) == sorted(names)


def test_every_declared_layer_has_a_box_of_its_own() -> None:
    names = tuple(f"app.p{number:02}.m" for number in range(60))
    layers = tuple(Layer((name.removesuffix(".m"),)) for name in names)
    rows = plan_of(Drawing("app", names, (), (), layers)).rows[0]
    assert [len(row) for row in rows] == [1] * 60


def test_a_box_may_begin_where_another_one_beside_it_ends() -> None:
    imports = (("a", "a.c"), ("a.b.a", "a.c.a.a"))
    drawing = Drawing("a", (), imports, (), (Layer(("a",)), Layer(("a.a",))))
    parsed(svg(drawing))


@pytest.mark.parametrize("modules", [(), ("app",), ("",)])
def test_almost_nothing_is_a_picture_too(modules: tuple[str, ...]) -> None:
    drawing = Drawing("", modules, (("", "app"), ("app", "app")), (broken("", ""),))
    parsed(svg(drawing))
    page(drawing)


def test_the_script_uses_every_length() -> None:
    script = asset("page.js")
    assert [name for name in GEOMETRY if f"G.{name}" not in script] == []
