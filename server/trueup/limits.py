"""Every limit of Trueup: its name, its value, its unit and what it bounds; read from the sources.

Two kinds: those that a user sets, fields of the classes in `settings`, and constants of modules
whose name ends in a unit. The sources say all of it, so the table in `docs/limits.md` cannot say
anything else; a test holds the two together.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from trueup.parsing import parse_module
from trueup.settings import Background, Budget, Limits, TraceLimits

PACKAGE: Final = Path(__file__).parent

_UNITS: Final = {
    "BYTES": "bytes",
    "CHARACTERS": "characters",
    "CHARS": "characters",
    "MILLISECONDS": "ms",
    "MS": "ms",
    "SECONDS": "s",
    "TOKENS": "tokens",
    "LINES": "lines",
    "DAYS": "days",
}
_USERS: Final = (
    (Limits, "limits."),
    (Budget, "budget."),
    (TraceLimits, "traces."),
    (Background, "background."),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """`where` is the module; "" for one that a user sets."""

    name: str
    value: float
    unit: str
    says: str
    where: str = ""


def every() -> tuple[Limit, ...]:
    """Those that users set, then those of the modules, by module and line."""
    return (*_settable(), *_constants())


def _settable() -> Iterator[Limit]:
    for kind, prefix in _USERS:
        for item in fields(kind):
            about = item.metadata
            if not about:
                continue  # a switch
            default = item.default
            assert isinstance(default, int | float)  # noqa: S101 - `settings.limit` makes it so
            yield Limit(prefix + item.name, default, about["unit"], about["says"])


def _constants() -> Iterator[Limit]:
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        body = parse_module(path.read_text("utf-8")).body
        for number, node in enumerate(body):
            following = body[number + 1] if number + 1 < len(body) else None
            if found := _constant(node):
                name, value, unit = found
                yield Limit(name, value, unit, _said(following), module)


def _constant(node: ast.stmt) -> tuple[str, float, str] | None:
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            pass
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            pass
        case _:
            return None
    unit, number = _unit(name), _number(value)
    return (name, number, unit) if unit and number is not None else None


def _unit(name: str) -> str:
    """What the end of a constant's name counts in, "" for one that is no limit."""
    words = name.strip("_").split("_")
    if name != name.upper():
        return ""
    if words[-1] == "MAX" and len(words) > 1:
        return _UNITS.get(words[-2], words[-2].lower())
    return _UNITS.get(words[-1], "")


def _number(node: ast.expr) -> float | None:
    """The value of numbers, and of products and shifts of them."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.BinOp(left=left, op=operator, right=right):
            one, two = _number(left), _number(right)
            if one is None or two is None:
                return None
            if isinstance(operator, ast.LShift):
                return int(one) << int(two)
            return one * two if isinstance(operator, ast.Mult) else None
    return None


def _said(node: ast.stmt | None) -> str:
    """The first sentence of the text that stands below a constant."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split()).partition(". ")[0].rstrip(".")
    return ""


def as_markdown(known: Sequence[Limit]) -> str:
    """The page `docs/limits.md`."""
    settable = [item for item in known if not item.where]
    fixed = [item for item in known if item.where]
    lines = [
        "# Limits",
        "",
        "Everything that Trueup does has an end. Written by `trueup doctor --limits`.",
        "",
        "## Limits that you can set",
        "",
        "In `[limits]`, `[budget]`, `[traces]` and `[background]` of your `config.toml`; what a",
        "project says in `[tool.trueup.limits]` can only make the first of these stricter.",
        "",
        "| name | default | unit | what it bounds |",
        "|---|---|---|---|",
        *(f"| `{item.name}` | {_shown(item)} | {item.unit} | {item.says} |" for item in settable),
        "",
        "## Limits that are part of the program",
        "",
        "| module | name | value | unit | what it bounds |",
        "|---|---|---|---|---|",
        *(
            f"| `{item.where}` | `{item.name}` | {_shown(item)} | {item.unit} | {item.says} |"
            for item in fixed
        ),
    ]
    return "\n".join(lines).replace(" |  |", " | |") + "\n"


def _shown(item: Limit) -> str:
    value = item.value
    for power, unit in ((30, "Gi"), (20, "Mi"), (10, "Ki")):
        if item.unit == "bytes" and value >= 1 << power and value % (1 << power) == 0:
            return f"{int(value) >> power:,} {unit}"
    return f"{value:,g}" if value < 1e6 and value != int(value) else f"{int(value):,}"
