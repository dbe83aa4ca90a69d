"""A project that is edited at random, on disk and in buffers: what is followed is what is rebuilt.

One architecture follows as the editor's server does: text by text while it is typed, file by file
as the disk changes, and made anew when modules come or go. Beside it, after every edit, another is
made from nothing, of the disk and of the buffers as they are.
"""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import pytest

from trueup.architecture import scan
from trueup.architecture.checker import Architecture
from trueup.parsing import parse_module

CONTRACTS: Final = """
[tool.trueup.architecture]
root_packages = ["shop", "tools", "space"]
include_external_packages = true

[[tool.trueup.contracts]]
id = "down"
kind = "layers"
within = ["shop"]
layers = ["(a)", "(b) | (c)", "(d) : (e)"]

[[tool.trueup.contracts]]
id = "apart"
kind = "independence"
modules = ["shop.a.*", "tools.*"]
unmatched = "none"

[[tool.trueup.contracts]]
id = "no-web"
kind = "forbidden"
from = ["shop.d", "tools", "space"]
forbid = ["django", "shop.a"]
unmatched = "none"

[[tool.trueup.contracts]]
id = "guarded"
kind = "protected"
protect = ["shop.e"]
allow = ["shop.d"]

[[tool.trueup.contracts]]
id = "no-circles"
kind = "acyclic_siblings"
within = ["shop", "tools"]
"""
NAMES: Final = "abcde"
HALF_TYPED: Final = ("def f(:\n", "from shop.", "x = (\n", "import\n", "'''\n", "class\n  pass")
_CLOCK: Final = itertools.count(1)


@dataclass
class Workspace:
    """A project as an editor has it: folders, open buffers, and the architecture that follows."""

    root: Path
    chance: Random
    buffers: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    """Texts whose edges an open buffer cannot lose, because it did not parse since."""

    def __post_init__(self) -> None:
        (self.root / "pyproject.toml").write_text(CONTRACTS)
        for package in ("shop", "tools"):
            self.write(f"{package}/__init__.py", "")
        self.write("space/one.py", "")
        self.write("shop/e.py", "")
        for name in NAMES:
            self.write(f"shop/{name}.py" if name > "b" else f"shop/{name}/__init__.py", "")
        self.following = Architecture(self.root, self.root / ".cache")

    def write(self, path: str, text: str) -> None:
        """Never at the same moment twice: a file is known by its size and its time."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, ns=(0, next(_CLOCK) * 1_000_000_000))

    @property
    def paths(self) -> list[str]:
        return sorted(
            file.relative_to(self.root).as_posix()
            for folder in ("shop", "tools", "space")
            for file in (self.root / folder).rglob("*.py")
        )

    def text(self) -> str:
        """Some imports, each of them of a module that may or may not be there."""
        lines: list[str] = []
        for _ in range(self.chance.randint(0, 3)):
            above = self.chance.choice(("shop", "shop.a", "shop.b", "tools", "space", ".", ".."))
            name = self.chance.choice((*NAMES, "one", "x", "*"))
            dotted = above if above[0] == "." else f"{above}.{self.chance.choice(NAMES)}"
            line = self.chance.choice(
                (
                    f"from {above} import {name}",
                    f"from {dotted} import {name}",
                    f"import {dotted.lstrip('.') or 'django'}",
                    "import django.db",
                    f"if TYPE_CHECKING:\n    from {above} import {name}",
                )
            )
            lines.append(line)
        return "\n".join((*lines, ""))

    def made_anew(self) -> None:
        """As the server does when modules came or went."""
        self.following = Architecture(self.root, self.root / ".cache")
        for path, text in self.buffers.items():
            self.following.follow(path, text, lambda text=text: parses(text))
            self.whole[path] = restated(text)
            if not parses(text):
                self.whole[path] += restated(on_disk(self.root / path))

    def type(self) -> None:
        path = self.chance.choice(self.paths)
        before = self.buffers.get(path, on_disk(self.root / path))
        text = self.text()
        if self.chance.random() < 0.3:
            text = f"{before if self.chance.random() < 0.5 else text}\n{self.half_typed()}"
        if path not in self.buffers:
            self.whole[path] = restated(on_disk(self.root / path))
        self.buffers[path] = text
        self.following.follow(path, text, lambda: parses(text))
        if parses(text):
            self.whole[path] = restated(text)
        else:
            # What it asks for since stays as well, until it parses.
            self.whole[path] += restated(text)

    def half_typed(self) -> str:
        return self.chance.choice(HALF_TYPED)

    def save(self) -> None:
        if self.buffers:
            path = self.chance.choice(sorted(self.buffers))
            if not (self.root / path).exists():
                return
            self.write(path, self.buffers[path])
            self.following.look(path)

    def close(self) -> None:
        """Without saving."""
        if self.buffers:
            path = self.chance.choice(sorted(self.buffers))
            del self.buffers[path]
            self.following.follow(path, None)

    def change_on_disk(self) -> None:
        path = self.chance.choice(self.paths)
        self.write(path, self.text())
        self.following.look(path)

    def create(self) -> None:
        package = self.chance.choice(("shop", "shop/a", "shop/b", "shop/new", "tools", "space/y"))
        path = f"{package}/{self.chance.choice((*NAMES, '__init__'))}.py"
        if not (self.root / path).exists():
            self.write(path, self.text())
            self.made_anew()

    def delete(self) -> None:
        path = self.chance.choice(self.paths)
        if path in {"shop/__init__.py", "shop/e.py", "tools/__init__.py", "space/one.py"}:
            return
        (self.root / path).unlink()
        if self.chance.random() < 0.5:
            self.following.look(path)
        self.made_anew()

    def rename(self) -> None:
        path = self.chance.choice(self.paths)
        other = f"{path.rpartition('/')[0]}/{self.chance.choice(NAMES)}.py"
        if path.endswith(("__init__.py", "shop/e.py", "space/one.py")):
            return
        (self.root / path).rename(self.root / other)
        self.made_anew()

    def turn(self) -> None:
        """A package into a module, or the other way round."""
        name = self.chance.choice("abcd")
        module, package = self.root / f"shop/{name}.py", self.root / "shop" / name
        if module.exists() and not package.exists():
            text = on_disk(module)
            module.unlink()
            self.write(f"shop/{name}/__init__.py", text)
        elif package.exists():
            shutil.rmtree(package)
            self.write(f"shop/{name}.py", self.text())
        self.made_anew()

    def switch_branch(self) -> None:
        """Many files at once, told one after another, as a watcher does."""
        changed = self.chance.sample(self.paths, min(8, len(self.paths)))
        for path in changed:
            self.write(path, self.text())
        for path in changed:
            self.following.look(path)
        if self.chance.random() < 0.5:
            self.create()

    def edit(self) -> None:
        doing = (
            *[self.type] * 8, *[self.change_on_disk] * 3, *[self.save] * 2, *[self.close] * 2,
            self.create, self.delete, self.rename, self.turn, self.switch_branch,
        )  # fmt: skip
        self.chance.choice(doing)()

    def from_scratch(self) -> Architecture:
        made = Architecture(self.root)
        for path, text in self.buffers.items():
            if (self.root / path).exists() or any(path in graph.by_path for graph in made.graphs):
                made.follow(path, text if parses(text) else self.whole[path] + restated(text))
        return made


def on_disk(file: Path) -> str:
    return file.read_text() if file.is_file() else ""


def restated(text: str) -> str:
    """The imports that stand in a text, half typed or not, as a text of nothing else."""
    lines = ""
    for name in scan.names(text).running + scan.names(text).typing:
        module, dot, member = name.rpartition(".")
        above = module if module.strip(".") else f"{module}{dot}"
        lines += f"from {above} import {member}\n" if dot else f"import {name}\n"
    return lines


def parses(text: str) -> bool:
    try:
        parse_module(text)
    except SyntaxError:
        return False
    return True


def edges(architecture: Architecture) -> list[set[tuple[str, str]]]:
    return [
        {(one.graph.names[u], one.graph.names[v]) for u, v in one.graph.edges()}
        for one in architecture.graphs
    ]


def same(workspace: Workspace, step: int) -> int:
    """Compare everything that is said; how many imports are illegal."""
    anew, following = workspace.from_scratch(), workspace.following
    assert edges(following) == edges(anew), step
    assert following.broken() == anew.broken(), step
    assert following.undeclared == anew.undeclared, step
    assert following.problems == anew.problems, step
    for path in workspace.paths:
        if path not in workspace.buffers or parses(workspace.buffers[path]):
            expected = {said(item) for item in anew.findings(path)}
            assert {said(item) for item in following.findings(path)} == expected, (step, path)
    return len(anew.broken())


def said(finding: object) -> object:
    """A finding without its chain: of several that are equally short, either is one."""
    names = ("contract", "importer", "imported", "severity", "path", "span", "line", "known")
    return tuple(getattr(finding, name) for name in names)


@pytest.mark.parametrize(
    ("projects", "edits"), [pytest.param(2, 60, id="few"), pytest.param(10, 200, id="many")]
)
def test_what_is_followed_is_what_is_rebuilt(
    projects: int, edits: int, chance: Random, tmp_path: Path
) -> None:
    illegal = 0
    for number in range(projects):
        root = tmp_path / str(number)
        root.mkdir()
        workspace = Workspace(root, chance)
        for step in range(edits):
            workspace.edit()
            illegal += same(workspace, step)
    assert illegal > projects * edits


@pytest.mark.parametrize("trees", [pytest.param(25, id="few"), pytest.param(300, id="many")])
def test_what_is_supposed_is_what_would_be_on_disk(
    trees: int, chance: Random, tmp_path: Path
) -> None:
    """Candidates that write, create, delete and move files, against the disk with them done."""
    for number in range(trees):
        root = tmp_path / str(number)
        root.mkdir()
        workspace = Workspace(root, chance)
        for _ in range(5):
            workspace.create()
        texts = candidate(workspace)
        supposing = Architecture(root, root / ".cache")
        supposing.suppose(dict.fromkeys(chance.sample(workspace.paths, 2), "import shop.a\n"))
        supposing = Architecture(root, root / ".cache")
        supposing.suppose(texts)
        for path, text in texts.items():
            if text is None:
                (root / path).unlink(missing_ok=True)
            else:
                workspace.write(path, text)
        anew = Architecture(root)
        assert edges(supposing) == edges(anew), (number, texts)
        assert supposing.broken() == anew.broken(), (number, texts)
        assert {said(item) for item in supposing.everything()} == {
            said(item) for item in anew.everything()
        }


def candidate(workspace: Workspace) -> dict[str, str | None]:
    chance = workspace.chance
    texts: dict[str, str | None] = {}
    for path in chance.sample(workspace.paths, 3):
        if path not in {"shop/__init__.py", "shop/e.py", "tools/__init__.py", "space/one.py"}:
            texts[path] = chance.choice((None, workspace.text()))
    for _ in range(2):
        folder = chance.choice(("shop/a", "shop/b", "shop/c", "shop/new", "shop/new/er", "space/z"))
        texts[f"{folder}/{chance.choice((*NAMES, '__init__'))}.py"] = workspace.text()
    return texts
