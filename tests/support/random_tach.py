"""Random small projects with a random tach configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Final

_NAMES: Final = ("p", "q", "r", "s")


def random_project(random: Random) -> dict[str, str]:
    """Files by path, `tach.toml` among them."""
    roots = random.choice([["."], ["."], ["src"], ["src", "lib"], ["."], ["pk/*"]])
    folders = [{".": "", "pk/*": "pk/one/"}.get(root, f"{root}/") for root in roots]
    if roots == ["pk/*"]:
        folders.append("pk/two/")
    modules = _modules(random)
    # A package is in one source root only: which of two wins is chance in this version of tach.
    homes = {name: random.choice(folders) for name in _NAMES}
    files: dict[str, str] = {}
    for module, package in modules.items():
        path = homes[module[0]] + module.replace(".", "/")
        if package:
            if random.random() < 0.85:
                files[f"{path}/__init__.py"] = ""
        else:
            files[f"{path}.py{'i' if random.random() < 0.04 else ''}"] = ""
    for prefix, name in zip(folders, ("loose", "other"), strict=False):
        files[f"{prefix}{name}.py"] = ""
    names = [*modules, "loose", "other", "os", "json.decoder", "elsewhere"]
    readable = [
        module
        for module in modules
        if any(f"{homes[module[0]]}{path}" in files for path in _paths(module))
    ]
    for path in sorted(files):
        prefix = max((each for each in folders if path.startswith(each)), key=len)
        files[path] = _text(random, path.removeprefix(prefix), names)
    if random.random() < 0.15:
        files[f"{random.choice(folders)}pyproject.toml"] = '[project]\nname = "x"\n'
    files["tach.toml"] = _configuration(random, roots, list(modules), readable)
    files |= _domains(random, files, list(modules))
    return files


def _modules(random: Random) -> dict[str, bool]:
    """Dotted names, and whether each is a package."""
    found: dict[str, bool] = {}
    for name in _NAMES[: random.randint(2, 4)]:
        package = random.random() < 0.85
        found[name] = package
        for child in random.sample("abc", random.randint(1, 3)) if package else ():
            nested = random.random() < 0.3
            found[f"{name}.{child}"] = nested
            if nested:
                found[f"{name}.{child}.deep"] = False
    return found


def _text(random: Random, path: str, names: list[str]) -> str:
    tag = re.sub(r"\W", "_", path)
    lines: list[str] = [f"v_{tag}: {random.choice(['int', 'str', 'Any', 'list[int]'])} = 1"]
    lines.append(f"u_{tag} = 2")
    lines.append(f"def f_{tag}(a: int, *rest, b: {random.choice(['str', 'Any'])} = '') -> int: ...")
    lines.append(f"class C_{tag}: pass")
    for _ in range(random.randint(1, 7)):
        lines += _statement(random, names)
    end = random.choice(["\n", "\n", "\n", "\r\n"])
    return end.join(lines) + end


def _member(random: Random, module: str) -> str:
    """A name that may be in a module, or below it."""
    tag = re.sub(r"\W", "_", f"{module.replace('.', '/')}.py")
    package = re.sub(r"\W", "_", f"{module.replace('.', '/')}/__init__.py")
    kinds = [f"{kind}_{each}" for kind in "vufC" for each in (tag, package)]
    likely = [*kinds, *kinds, "a", "b", "c", "deep", "thing", "other"]
    return random.choice(likely)


def _import(random: Random, names: list[str]) -> list[str]:
    module = random.choice(names)
    member = _member(random, module)
    other = _member(random, module)
    dots = "." * random.randint(1, 3)
    tail = module.rpartition(".")[2]
    return random.choice(
        [
            [f"import {module}"],
            [f"import {module} as x"],
            [f"import {module}, {random.choice(names)}"],
            [f"from {module} import {member}"],
            [f"from {module} import {member} as y, {other}"],
            [f"from {module} import *"],
            [f"from {module} import (", f"    {member},", f"    {other} as z,", ")"],
            [f"from {dots} import {random.choice('abc')}"],
            [f"from {dots}{tail} import {member}"],
            [f"import {module}.{member}"],
        ]
    )


def _directive(random: Random, lines: list[str]) -> str:
    words = [*re.findall(r"[\w.]+", " ".join(lines)), "nothing"]
    names = random.choice(["", "", f" {random.choice(words)}", f" {' '.join(words[-2:])}"])
    return f"# tach-ignore{random.choice(['', '(why not)', '()'])}{names}"


def _statement(random: Random, names: list[str]) -> list[str]:
    lines = _import(random, names)
    chance = random.random()
    if chance < 0.15:
        number = random.randrange(len(lines))
        lines[number] += f"  {_directive(random, lines)}"
    elif chance < 0.25:
        lines = [_directive(random, lines), *lines]
    header = random.choice([None] * 8 + list(_HEADERS))
    if header is None:
        more = [f's_{len(lines)} = "{random.choice(names)}.{random.choice("abc")}.deep"']
        return [*lines, *(more if random.random() < 0.1 else [])]
    if len(lines) == 1 and random.random() < 0.2 and header[-1].endswith(":"):
        return [*header[:-1], f"{header[-1]} {lines[0]}", *_ENDS.get(header[0], [])]
    indent = "        " if header[-1].startswith(" ") else "    "
    return [*header, *(indent + line for line in lines), *_ENDS.get(header[0], [])]


_HEADERS: Final = (
    ("if TYPE_CHECKING:",),
    ("if typing.TYPE_CHECKING:",),
    ("if not TYPE_CHECKING:",),
    ("if TYPE_CHECKING:", "    pass", "else:"),
    ("if x:",),
    ("if x:", "    pass", "elif TYPE_CHECKING:"),
    ("try:",),
    ("def g():",),
    ("async def g():",),
    ("class D:",),
    ("with x as y:",),
    ("for x in y:",),
    ("while x:",),
    ("match x:", "    case 1:"),
)
_ENDS: Final = {"try:": ["except ImportError:", "    pass"]}


def _paths(module: str) -> tuple[str, str]:
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def _configuration(
    random: Random, roots: list[str], modules: list[str], readable: list[str]
) -> str:
    lines = [] if roots == ["."] and random.random() < 0.5 else [f"source_roots = {roots}"]
    treatment = random.choice(
        ["", "", "ignore", "allow", "allow", "allow", "forbid", "dependenciesonly"]
    )
    lines += _switches(random, treatment)
    layers = ["top", "middle", "low"] if random.random() < 0.4 else []
    lines += _layers(random, layers)
    lines += _rules(random)
    paths = [path for path in modules if random.random() < 0.6] or modules[:1]
    rooted = treatment not in {"forbid", "dependenciesonly"} or random.random() < 0.15
    choices = [*paths, *(["<root>"] if rooted else []), *random.choices(_GLOBS, k=2)]
    if random.random() < 0.1:
        paths.append("nowhere")
    if random.random() < 0.2 and rooted:
        paths.append("<root>")
    if random.random() < 0.25:
        paths.insert(0 if random.random() < 0.85 else len(paths), random.choice(_GLOBS))
    for path in paths:
        lines += ["[[modules]]", *_path(random, path)]
        lines += _module(random, choices, [*layers, *layers, "strange"] if layers else [])
    for _ in range(random.choice([0, 0, 1, 2, 3])):
        lines += ["[[interfaces]]", *_interface(random, paths, readable)]
    return "\n".join(lines) + "\n"


_GLOBS: Final = ("p.*", "p.**", "*.a", "**.deep", "q.?", "{r,s}.[ab]", "*")


def _path(random: Random, path: str) -> list[str]:
    return [f'paths = ["{path}"]' if random.random() < 0.1 else f'path = "{path}"']


def _switches(random: Random, treatment: str) -> list[str]:
    lines = []
    for switch, likely in (
        ("exact", 0.25),
        ("forbid_circular_dependencies", 0.07),
        ("include_string_imports", 0.3),
        ("layers_explicit_depends_on", 0.2),
    ):
        if random.random() < likely:
            lines.append(f"{switch} = true")
    if random.random() < 0.3:
        lines.append("ignore_type_checking_imports = false")
    if treatment:
        lines.append(f'root_module = "{treatment}"')
    if random.random() < 0.2:
        patterns = ["**/c", "p/a.py", "*.pyi", "src/q", "/q/b.py", "other.py", "**/a/**"]
        lines.append(f"exclude = {random.sample(patterns, random.randint(1, 2))}")
    return lines


def _layers(random: Random, layers: list[str]) -> list[str]:
    written = [
        f'{{ name = "{layer}", closed = {random.choice(["true", "true", "false"])} }}'
        if random.random() < 0.6
        else f'"{layer}"'
        for layer in layers
    ]
    return [f"layers = [{', '.join(written)}]"] if layers else []


def _rules(random: Random) -> list[str]:
    settings = {
        "unused_ignore_directives": 0.4,
        "require_ignore_directive_reasons": 0.3,
        "local_imports": 0.5,
    }
    chosen = [
        f'{name} = "{random.choice(["error", "warn", "off"])}"'
        for name, likely in settings.items()
        if random.random() < likely
    ]
    return ["[rules]", *chosen] if chosen else []


def _module(random: Random, choices: list[str], layers: list[str]) -> list[str]:
    lines = []
    if random.random() < 0.8:
        entries = [
            f'{{ path = "{path}", deprecated = true }}' if random.random() < 0.25 else f'"{path}"'
            for path in random.sample(choices, random.randint(0, min(3, len(choices))))
        ]
        lines.append(f"depends_on = [{', '.join(entries)}]")
    if random.random() < 0.15:
        lines.append(f'cannot_depend_on = ["{random.choice(choices)}"]')
    if random.random() < 0.05:
        lines.append('depends_on_external = ["os"]')
    if layers and random.random() < 0.7:
        lines.append(f'layer = "{random.choice(layers)}"')
    if random.random() < 0.02:
        lines.append(f"visibility = {random.choice([['*'], ['p.*', 'q'], [], ['r']])}")
    for switch, likely in (("utility", 0.1), ("unchecked", 0.08)):
        if random.random() < likely:
            lines.append(f"{switch} = true")
    return lines


def _interface(random: Random, paths: list[str], readable: list[str]) -> list[str]:
    exposes = ["a", "a.*", "b|c", "v_.*", "f_.*", "[uC]_.*", "deep", ".*", "thing"]
    known = [path for path in paths if path in readable]
    lines = [f"expose = {json.dumps(random.sample(exposes, random.randint(0, 3)))}"]
    if known and random.random() < 0.45:
        # tach ends in panic where a module of such an interface has no file.
        lines = [f"expose = {json.dumps([random.choice(['.*', '[vuf]_.*', 'f_.*'])])}"]
        lines += [f"from = {json.dumps([random.choice(known)])}", 'data_types = "primitive"']
    elif random.random() < 0.7:
        named = [path for path in paths if "*" not in path and "?" not in path and "{" not in path]
        choices = [*named, "p.*", ".*"]
        lines.append(f"from = {json.dumps(random.sample(choices, random.randint(1, 2)))}")
    if random.random() < 0.25:
        lines.append(f"visibility = {json.dumps(random.choices([*paths, '<root>'], k=2))}")
    if random.random() < 0.2:
        lines.append("exclusive = true")
    return lines


def _domains(
    random: Random, files: dict[str, str], modules: list[str]
) -> Iterator[tuple[str, str]]:
    packages = sorted(path for path in files if path.endswith("/__init__.py"))
    for path in packages:
        if random.random() > 0.08:
            continue
        written = f'[[modules]]\npath = "{random.choice(["a", "b", "c"])}"\ndepends_on = []\n'
        absolute = random.choice(modules)
        root = (
            f'[root]\ndepends_on = ["//{absolute}", "a", "<domain_root>"]\n'
            if random.random() < 0.5
            else ""
        )
        interface = '[[interfaces]]\nexpose = ["a.*"]\nfrom = ["<domain_root>", "b"]\n'
        text = root + written + (interface if random.random() < 0.4 else "")
        yield path.replace("__init__.py", "tach.domain.toml"), text
