"""Public names and signatures before and after, compared modulo what the goal declares.

What a public name is, and what its users depend on, is `shapes`' affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import libcst as cst

from trueup import workspace
from trueup.suggestion import Evidence, Recipe, Surface, SurfaceKind
from trueup.verify.shapes import Parameter, Shape, shapes
from trueup.verify.trial import Trial, failed, passed, unknown

CHECK: Final = "structure"
SHOWN_MAX: Final = 3

_CONSTANT: Final = re.compile(
    r"None|True|False|-?[\d.]+.*|[bfru]*['\"].*", re.IGNORECASE | re.DOTALL
)


async def keeps_public_names(trial: Trial) -> Evidence:
    """Nothing public is lost, gained or called differently, but for the declared change."""
    surface = trial.goal.surface
    findings: list[tuple[str, str]] = []
    for path in trial.candidate.paths:
        old, new = trial.before.get(path), trial.after.get(path)
        if not path.endswith(".py"):
            continue
        if old is None and workspace.is_test(path):
            continue  # Nobody imports a new test; whether it may be added is `tamper`'s affair.
        if new is None:
            findings.append((path, f"removes {path}"))
            continue
        try:
            before = shapes(old.text if old else "", path)
            after = shapes(new.text, path)
        except cst.ParserSyntaxError:
            return unknown(CHECK, f"{path} does not parse", path)
        findings += [(path, text) for text in differences(before, after, surface, path)]
    findings += _arrived_otherwise(trial)
    if trial.goal.recipe is Recipe.PATCH and findings:
        # A patch declares nothing, so what it means to change is its author's to say.
        return unknown(CHECK, _joined(findings), findings[0][0])
    if findings:
        return failed(CHECK, _joined(findings), findings[0][0])
    return passed(CHECK, f"public names and signatures unchanged{_but(surface)}")


def _joined(findings: list[tuple[str, str]]) -> str:
    shown = "; ".join(text for _, text in findings[:SHOWN_MAX])
    more = len(findings) - SHOWN_MAX
    return shown + (f"; and {more} more" if more > 0 else "")


def _but(surface: Surface) -> str:
    match surface.kind:
        case SurfaceKind.RENAME:
            return f" but for the rename of {surface.old} to {surface.new}"
        case SurfaceKind.MOVE:
            return f" but for {surface.name}, which moved to {surface.new}"
        case SurfaceKind.ADD:
            return f" but for the new {surface.new}"
        case SurfaceKind.REMOVE:
            return f" but for {surface.old}, which is gone"
        case SurfaceKind.ANNOTATIONS:
            return " but for annotations"
        case SurfaceKind.DEFAULTS:
            return " but for default values"
        case _:
            return ""


def _arrived_otherwise(trial: Trial) -> Iterator[tuple[str, str]]:
    """A move declares where a name is, not what it is."""
    surface = trial.goal.surface
    source, target = trial.before.get(surface.old), trial.after.get(surface.new)
    if surface.kind is not SurfaceKind.MOVE or source is None or target is None:
        return
    left = shapes(source.text, surface.old)
    arrived = shapes(target.text, surface.new)
    for name, shape in left.items():
        if name.split(".", maxsplit=1)[0] != surface.name:
            continue
        now = arrived.get(name)
        if now is None:
            yield surface.new, f"{name} did not arrive"
        elif said := _said(shape, now, surface):
            yield surface.new, f"{name} changed: {said}"


def differences(
    before: Mapping[str, tuple[Shape, ...]],
    after: Mapping[str, tuple[Shape, ...]],
    surface: Surface,
    path: str = "",
) -> Iterator[str]:
    """Sentences about every public difference that `surface` does not declare."""
    renamed = {name: _renamed(name, surface) for name in before}
    for name, wanted in renamed.items():
        # Another thing of that name, in another scope, may keep it.
        now = after.get(wanted, after.get(name))
        if now is None:
            if not _declared_loss(name, surface, path):
                yield f"{name} is gone"
        elif said := _said(before[name], now, surface):
            yield f"{wanted} changed: {said}"
    for name in sorted(after.keys() - before.keys() - set(renamed.values())):
        if not _declared_gain(name, surface, path):
            yield f"{name} is new"
    if surface.kind is SurfaceKind.RENAME and surface.old in before and surface.old not in after:
        exported = (word for shape in after.get("__all__", ()) for word in shape.extra)
        if repr(surface.old) in exported:
            yield f"__all__ still lists {surface.old}"


def _renamed(name: str, surface: Surface) -> str:
    if surface.kind is not SurfaceKind.RENAME:
        return name
    parts = name.split(".")
    old, new = surface.old.split(".")[-1], surface.new.split(".")[-1]
    return ".".join(new if part == old else part for part in parts)


def _declared_loss(name: str, surface: Surface, path: str) -> bool:
    match surface.kind:
        case SurfaceKind.REMOVE:
            return name == surface.old or name.startswith(f"{surface.old}.")
        case SurfaceKind.MOVE:
            return path == surface.old and name.split(".", maxsplit=1)[0] == surface.name
        case _:
            return False


def _declared_gain(name: str, surface: Surface, path: str) -> bool:
    match surface.kind:
        case SurfaceKind.ADD:
            return name.rsplit(".", maxsplit=1)[-1] == surface.new
        case SurfaceKind.MOVE:
            return path == surface.new and name.split(".", maxsplit=1)[0] == surface.name
        case _:
            return False


def _expected(was: Shape, now: Shape, surface: Surface) -> Shape:
    """`was`, with as much of `now` in it as the goal declares."""
    parameters = zip(was.parameters, now.parameters, strict=False)
    match surface.kind:
        case SurfaceKind.RENAME:
            return _expected_renamed(was, now, surface)
        case SurfaceKind.ANNOTATIONS:
            annotated = tuple(replace(old, annotation=new.annotation) for old, new in parameters)
            rest = was.parameters[len(annotated) :]
            return replace(was, parameters=annotated + rest, returns=now.returns)
        case SurfaceKind.DEFAULTS:
            fixed = tuple(
                replace(old, default="None", annotation=new.annotation)
                if new.default == "None" and old.default and not _CONSTANT.fullmatch(old.default)
                else old
                for old, new in parameters
            )
            return replace(was, parameters=fixed + was.parameters[len(fixed) :])
        case _:
            return was


def _expected_renamed(was: Shape, now: Shape, surface: Surface) -> Shape:
    """Each text may use the new name or, where another thing has the old one too, stay."""
    old, new = surface.old.split(".")[-1], surface.new.split(".")[-1]
    word = re.compile(rf"\b{re.escape(old)}\b")

    def follow(one: str, other: str | None) -> str:
        renamed = word.sub(new, one)
        return renamed if renamed == other else one

    parameters = tuple(
        replace(
            item,
            name=follow(item.name, other.name),
            default=follow(item.default, other.default) if item.default is not None else None,
            annotation=follow(item.annotation, other.annotation),
        )
        for item, other in zip(was.parameters, now.parameters, strict=False)
    )
    renamed = tuple(word.sub(new, part) for part in was.extra)
    # Exported names are sorted, and a new name may sort elsewhere.
    follows = sorted(renamed) == sorted(now.extra)
    return replace(
        was,
        parameters=parameters + was.parameters[len(parameters) :],
        returns=follow(was.returns, now.returns),
        extra=now.extra if follows else was.extra,
    )


def _said(was: tuple[Shape, ...], now: tuple[Shape, ...], surface: Surface) -> str:
    """The first difference between the shapes of a name that the goal does not declare, or ""."""
    if len(was) != len(now):
        return f"there were {len(was)} definitions, there are {len(now)}"
    for before, after in zip(was, now, strict=True):
        if said := _difference(_expected(before, after, surface), after):
            return said
    return ""


def _difference(before: Shape, after: Shape) -> str:
    if before.kind != after.kind:
        return f"was {_a(before.kind)}, is {_a(after.kind)}"
    old, new = [item.name for item in before.parameters], [item.name for item in after.parameters]
    if old != new:
        return f"parameters were ({', '.join(old)}), are ({', '.join(new)})"
    for was, now in zip(before.parameters, after.parameters, strict=True):
        if was != now:
            return f"parameter {was.name} was {_parameter(was)}, is {_parameter(now)}"
    if before.returns != after.returns:
        return f"returned {before.returns or 'anything'}, returns {after.returns or 'anything'}"
    if before.extra != after.extra:
        return f"was {', '.join(before.extra) or 'bare'}, is {', '.join(after.extra) or 'bare'}"
    return ""


def _parameter(item: Parameter) -> str:
    annotation = f": {item.annotation}" if item.annotation else ""
    default = f" = {item.default}" if item.default is not None else ""
    return f"{item.kind}{annotation}{default}"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "ai" else f"a {kind}"
