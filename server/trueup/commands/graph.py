"""`trueup graph`: a project's packages and layers as a picture, what breaks a contract in red."""

from __future__ import annotations

from pathlib import Path

import click

from trueup import TrueupError, workspace
from trueup.architecture.checker import Architecture
from trueup.architecture.imports import Imports, Universe
from trueup.architecture.modules import top_packages
from trueup.architecture.sources import cache_file
from trueup.commands.console import errors, fail
from trueup.files import write_atomically
from trueup.picture import Drawing, Layer, page, svg


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="architecture.html",
    show_default=True,
    help="A page to look into (.html), or a picture to look at (.svg).",
)
def graph(folder: str, output: str) -> None:
    """Draw the packages and layers of a project, with what breaks a contract in red."""
    target = Path(output)
    if target.suffix not in {".html", ".svg"}:
        fail(f"{output} is neither an .html nor an .svg file")
    root = workspace.root_of(Path(folder).absolute())
    try:
        drawing = drawn(root)
        text = page(drawing) if target.suffix == ".html" else svg(drawing)
        write_atomically(target, text.encode(), mode=0o644)
    except TrueupError as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"{output} cannot be written: {problem.strerror}")
    errors.print(
        f"{output}: {len(drawing.modules)} modules, {len(drawing.imports)} imports, "
        f"{len(drawing.violations)} against a contract",
        highlight=False,
    )


def drawn(root: Path) -> Drawing:
    """The picture of a project as it is on disk. Calls `fail` where it has no package."""
    architecture = Architecture(root, cache_file(root))
    graphs = architecture.graphs
    if not graphs:
        packages = top_packages(root)
        if not packages:
            fail(f"no package was found in {root} or in its source folders")
        graphs = (Imports(architecture.sources, Universe(packages)),)
    names = {module for item in graphs for module in item.by_name}
    imports = {
        (item.graph.names[importer], item.graph.names[imported])
        for item in graphs
        for importer, imported in item.graph.edges()
    }
    return Drawing(
        root.name,
        tuple(sorted(names)),
        tuple(sorted(pair for pair in imports if set(pair) <= names)),
        tuple(item for item in architecture.violations() if item.key not in architecture.baseline),
        tuple(Layer(modules) for modules in architecture.layers),
    )
