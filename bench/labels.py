"""What verdicts on labelled candidates say together: rows, a table, and the two kinds of error."""

from __future__ import annotations

import collections
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from candidates import Made
from common import Target
from trueup.intervals import Share, share
from trueup.suggestion import Outcome, Ruling, Suggestion
from trueup.verify import pinning

ORDER: Final = (Ruling.VERIFIED, Ruling.UNPROVEN, Ruling.REJECTED)


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate with its label and its verdicts; `cluster` is the function it changes."""

    name: str
    group: str
    cluster: str
    right: bool
    before: Ruling
    after: Ruling
    evidence: tuple[tuple[str, str, str], ...]
    """Outcome, check and detail, of the verdict after pinning."""
    killer: str
    diff: str
    seconds: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def told(self, *outcomes: Outcome) -> str:
        """The first evidence with one of these outcomes, in a line."""
        for outcome, check, detail in self.evidence:
            if outcome in outcomes:
                return f"{check}: {detail}"
        return ""

    def of(self, check: str) -> str:
        return next((detail for _, name, detail in self.evidence if name == check), "")


def row_of(
    made: Made, suggestion: Suggestion, seconds: float, texts: Mapping[str, str], name: str = ""
) -> Row:
    verdict = suggestion.verdict
    # Pinning is tried for nothing but an unproven candidate.
    tried = any(found.check == pinning.CHECK for found in verdict.evidence)
    old, new = texts[made.path].splitlines(), made.text.splitlines()
    diff = difflib.unified_diff(old, new, made.path, made.path, lineterm="", n=3)
    return Row(
        name or made.name,
        made.group,
        f"{made.package} {made.path}::{made.qualname}",
        made.right,
        Ruling.UNPROVEN if tried else verdict.outcome,
        verdict.outcome,
        tuple((item.outcome.value, item.check, item.detail) for item in verdict.evidence),
        made.killer,
        "\n".join(diff),
        round(seconds, 1),
    )


def known_rows(path: Path) -> dict[str, Row]:
    """The rows of an earlier run, by name."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().splitlines():
        raw = json.loads(line)
        raw["before"], raw["after"] = Ruling(raw["before"]), Ruling(raw["after"])
        raw["evidence"] = tuple(tuple(item) for item in raw["evidence"])
        found[raw["name"]] = Row(**raw)
    return found


def show(rows: Sequence[Row], target: Target) -> None:
    """The table, both kinds of error by name, and the line of JSON."""
    _table(rows)
    wrong_verified = [row for row in rows if not row.right and row.after is Ruling.VERIFIED]
    right_rejected = [row for row in rows if row.right and row.after is Ruling.REJECTED]
    print(f"\nwrong and verified: {len(wrong_verified)}")
    for row in wrong_verified:
        print(f"  {row.name}\n      {row.of('behaviour')}\n      told by {row.killer}")
    print(f"\nright and rejected: {len(right_rejected)}")
    for row in right_rejected:
        print(f"  {row.name}\n      {row.told(Outcome.FAILED)}")
    print("\nwhy the others are not verified: right, wrong")
    _show_reasons(rows)
    wrong = _share([row for row in rows if not row.right], Ruling.VERIFIED)
    right = _share([row for row in rows if row.right], Ruling.VERIFIED)
    line = {
        "name": target.name,
        "value": round(wrong.value, 4),
        "unit": target.unit,
        "target": target.value,
        "ok": target.value is None or wrong.value <= target.value,
        "wrong": wrong.total,
        "wrong_verified": wrong.hits,
        "right": right.total,
        "right_verified": right.hits,
        "right_rejected": len(right_rejected),
    }
    print(json.dumps(line))


def _table(rows: Sequence[Row]) -> None:
    print(f"\n{'':22}{'':5}{'before pinning':^22}{'after pinning':^22}{'tests only':>11}")
    names = "".join(f"{name:>7}" for name in ("ver.", "unpr.", "rej."))
    print(f"{'':22}{'':5}{names} {names} {'ver.':>11}   verified after pinning, 95 %")
    groups: dict[str, list[Row]] = {}
    for row in rows:
        whole = "all right" if row.right else "all wrong"
        for name in (row.group, whole):
            groups.setdefault(name, []).append(row)
    order = sorted(groups, key=lambda name: (not groups[name][0].right, "all" in name, name))
    for name in order:
        items = groups[name]
        before = collections.Counter(row.before for row in items)
        after = collections.Counter(row.after for row in items)
        counts = " ".join(
            "".join(f"{count[ruling]:7}" for ruling in ORDER) for count in (before, after)
        )
        print(f"{name:22}{len(items):5}{counts} {len(items):11}   {_share(items, Ruling.VERIFIED)}")
    for title, verified in (
        ("before", [row for row in rows if row.before is Ruling.VERIFIED]),
        ("after", [row for row in rows if row.after is Ruling.VERIFIED]),
    ):
        wrong = share((row.cluster, not row.right) for row in verified)
        print(f"wrong among the verified, {title} pinning: {wrong}")


def _share(rows: Iterable[Row], ruling: Ruling) -> Share:
    return share((row.cluster, row.after is ruling) for row in rows)


def _show_reasons(rows: Sequence[Row]) -> None:
    count: collections.Counter[tuple[str, bool]] = collections.Counter()
    for row in rows:
        if row.after is Ruling.VERIFIED:
            continue
        kinds = (Outcome.FAILED,) if row.after is Ruling.REJECTED else (Outcome.UNKNOWN,)
        check = row.told(*kinds).partition(":")[0]
        count[f"{row.after.value} by {check}", row.right] += 1
    for reason in sorted({name for name, _ in count}):
        print(f"  {reason:40}{count[reason, True]:5}{count[reason, False]:5}")
