"""Random contracts about a graph of imports, as import-linter's options.

Most are in order; some name modules that do not exist, contradict themselves, or are no options at
all, so that what is said of those can be compared too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from trueup.architecture.contracts import Source
from trueup.architecture.expressions import modules
from trueup.architecture.graph import ImportGraph

Options = dict[str, object]
MATCHED_MAX = 25


@dataclass
class Maker:
    """Makes options about one graph; the same ones for the same seed."""

    graph: ImportGraph
    roots: Sequence[str]
    random: Random

    def __post_init__(self) -> None:
        self.modules = sorted(self.graph.modules())
        self.own = [name for name in self.modules if name.partition(".")[0] in self.roots]
        self.packages = [name for name in self.own if len(self.graph.children(name)) > 1]
        names = self.graph.names
        edges = sorted((names[u], names[v]) for u, v in self.graph.edges())
        # A file `a-b.py` is a module, and one whose imports import-linter cannot ignore.
        self.edges = [edge for edge in edges if "-" not in edge[0] + edge[1]]

    def options(self) -> Options:
        kind = self.random.choice(
            ["layers", "layers", "containers", "independence", "forbidden", "protected", "acyclic"]
        )
        options: Options = {"name": "Random", **getattr(self, kind)()}
        if self.chance(0.5):
            options["ignore_imports"] = [self.ignored() for _ in range(self.among(1, 3, 20))]
            alerting = ["error", "warn", "none", "none", "none"]
            options["unmatched_ignore_imports_alerting"] = self.random.choice(alerting)
        if self.chance(0.03):
            key = self.random.choice(sorted(options))
            options[key] = self.random.choice(["", "a*", "sometimes", ["x", "*.**"], ["a* -> b"]])
        if self.chance(0.02):
            options["modlues"] = ["a"]
        return options

    def layers(self) -> Options:
        names = self.apart(self.among(2, 4, 8))
        return {"type": "layers", "layers": self.levels(names)}

    def containers(self) -> Options:
        containers = self.random.sample(self.packages, min(len(self.packages), self.among(1, 1, 3)))
        tails = sorted(
            {
                child.rpartition(".")[2]
                for container in containers
                for child in self.graph.children(container)
            }
        )
        self.random.shuffle(tails)
        several = len(containers) > 1
        if self.chance(0.3):
            containers = [self.pattern(container) for container in containers]
            several = True
        options: Options = {
            "type": "layers",
            "layers": self.levels(tails[: self.among(2, 4, 8)], optional=0.97 if several else 0.1),
            "containers": containers,
        }
        if self.chance(0.4):
            options["exhaustive"] = self.random.choice([True, "true", "False"])
            options["exhaustive_ignores"] = self.random.choice([tails, tails[::2], []])
        return options

    def independence(self) -> Options:
        modules = self.apart(self.among(2, 5, 9))
        if self.chance(0.4):
            modules = [self.narrow(self.random.choice(self.own))]
        return {"type": "independence", "modules": modules}

    def forbidden(self) -> Options:
        options: Options = {
            "type": "forbidden",
            "source_modules": self.some(),
            "forbidden_modules": self.some(self.modules),
        }
        if self.chance(0.4):
            options["allow_indirect_imports"] = self.random.choice([True, "True", "false"])
        return {**options, **self.packaged()}

    def protected(self) -> Options:
        options: Options = {
            "type": "protected",
            "protected_modules": self.some(),
            "allowed_importers": list(self.roots) if self.chance(0.3) else self.some(),
        }
        return {**options, **self.packaged()}

    def acyclic(self) -> Options:
        options: Options = {
            "type": "acyclic_siblings",
            "ancestors": self.some(self.packages if self.chance(0.7) else None),
        }
        if self.chance(0.5):
            options["depth"] = self.random.choice([0, 1, 2, "3"])
        if self.chance(0.3):
            options["skip_descendants"] = self.some()
        return options

    def levels(self, names: Sequence[str], optional: float = 0.1) -> list[str]:
        levels: list[str] = []
        rest = [f"({name})" if self.chance(optional) else name for name in names]
        if self.chance(0.1):
            rest.append("(nowhere)")
        while rest:
            several = self.random.choice([1, 1, 2, 3])
            separator = self.random.choice([" | ", "|", " : "])
            levels.append(separator.join(rest[:several]))
            rest = rest[several:]
        if self.chance(0.02):
            levels.append("a | b : c")
        return levels

    def some(self, pool: Sequence[str] | None = None) -> list[str]:
        pool = pool or self.own
        names = self.random.sample(pool, min(len(pool), self.among(1, 2, 6)))
        names = [self.narrow(name) if self.chance(0.25) else name for name in names]
        return [*names, "nowhere.at.all"] if self.chance(0.03) else names

    def apart(self, count: int) -> list[str]:
        """Modules of which none is in another, but for a slip."""
        deepest = self.random.choice([1, 2, 3])
        pool = [name for name in self.own if 1 <= name.count(".") <= deepest]
        self.random.shuffle(pool)
        picked: list[str] = []
        for name in pool:
            clear = not any(f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
                            for one in picked for other in [name])  # fmt: skip
            if clear or self.chance(0.002):
                picked.append(name)
            if len(picked) == count:
                break
        return picked

    def pattern(self, name: str) -> str:
        parts = name.split(".")
        if self.chance(0.4):
            return f"{name}.{self.random.choice(['*', '**'])}"
        parts[self.random.randrange(len(parts))] = self.random.choice(["*", "*", "**"])
        return ".".join(parts)

    def narrow(self, name: str) -> str:
        """A pattern that matches few modules: import-linter lists the chains of every pair."""
        for _ in range(0 if "-" in name else 5):
            pattern = self.pattern(name)
            if len(list(modules(pattern, Source("", 1)).found(self.graph))) <= MATCHED_MAX:
                return pattern
        return name

    def ignored(self) -> str:
        importer, imported = (
            self.random.choice(self.edges) if self.edges and self.chance(0.97) else ("no", "no")
        )
        if self.chance(0.3):
            importer = self.pattern(importer)
        if self.chance(0.3):
            imported = self.pattern(imported)
        return f"{importer} -> {imported}"

    def packaged(self) -> Options:
        return {"as_packages": self.random.choice([True, False])} if self.chance(0.4) else {}

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def among(self, low: int, usual: int, high: int) -> int:
        return self.random.randint(low, self.random.choice([usual, high]))


def toml(roots: Sequence[str], options: Options, *, external: bool = True) -> str:
    """The `pyproject.toml` of a project with this one contract."""
    lines = [
        "[tool.importlinter]",
        f"root_packages = {json.dumps(roots)}",
        f"include_external_packages = {json.dumps(external)}",
        "[[tool.importlinter.contracts]]",
    ]
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in options.items())])


def random_edges(chance: Random, roots: Sequence[str], modules: int) -> list[tuple[str, str]]:
    """Imports between modules of several packages, some in circles, some of other people's."""
    names = list(roots)
    while len(names) < modules:
        name = f"{chance.choice(names)}.{chance.choice('abcdefgh')}"
        if name not in names and name.count(".") < 5:
            names.append(name)
    pool = [*names, *(f"others{number}" for number in range(4))]
    count = chance.randint(modules // 2, modules * 3)
    edges = {(chance.choice(names), chance.choice(pool)) for _ in range(count)}
    return sorted((one, other) for one, other in edges if one != other)
