"""One trace as one page of HTML: self-contained, without a script, for a browser or a colleague.

Everything that a trace holds is text of other people (code, diagnostics, replies of a model), so it
is escaped, and the page's policy lets nothing load and nothing run: `default-src 'none'`, and the
one style sheet by its hash. The timeline is an SVG whose bars are attributes, because an inline
style would need a looser policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from html import escape
from typing import Final

from trueup.operations.prices import dollars
from trueup.operations.trace import ANSWERED, ModelCall, Text, Trace, Tried

BAR: Final = 22
WIDTH: Final = 720
"""Of the timeline: the height of a bar with its gap, and the width of the whole job."""

ReadText = Callable[[Text], str]
"""The text of that name, or a sentence why it is not there."""

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --paper: #fff; --faint: #66707f; --line: #d9dee5;
  --good: #1a7f4b; --open: #9a6700; --bad: #c2312f; --call: #4763c9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7ee; --paper: #14181f; --faint: #97a1b0;
  --line: #2c3440; --good: #4cc38a; --open: #e2b340; --bad: #f2706c; --call: #8aa4ff; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.faint { color: var(--faint); } .verified, .passed, .answered, .applied { color: var(--good); }
.unproven, .unknown { color: var(--open); } .rejected, .failed { color: var(--bad); }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: 6px;
  font: 13px/1.45 ui-monospace, monospace; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.bar { fill: var(--faint); } .bar.call { fill: var(--call); } .bar.verified { fill: var(--good); }
.bar.unproven { fill: var(--open); } .bar.rejected { fill: var(--bad); }
""".strip()


def page(trace: Trace, read: ReadText) -> str:
    """The whole page, UTF-8 when it is encoded."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    body = "\n".join(_sections(trace, read))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>{escape(trace.goal.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _sections(trace: Trace, read: ReadText) -> Iterable[str]:
    yield f"<h1>{escape(trace.goal.title)}</h1>"
    yield (
        f'<p class="faint">{escape(trace.began)} · {escape(trace.id)} · {escape(trace.root)}'
        f" · Trueup {escape(trace.version)}</p>"
    )
    said = f": {escape(trace.sentence)}" if trace.sentence else ""
    yield f'<p><strong class="{_class(trace.outcome)}">{escape(trace.outcome)}</strong>{said}</p>'
    yield f"<p>{escape(summary(trace))}</p>"
    if trace.goal.instruction:
        yield f"<p>Asked for: {escape(trace.goal.instruction)}</p>"
    if trace.plan:
        yield "<h2>Plan</h2>\n<ul>"
        yield from (f"<li>{escape(line)}</li>" for line in trace.plan)
        yield "</ul>"
    if trace.told:
        yield "<h2>What the model was told of the project</h2>\n<ul>"
        yield from (f"<li>{escape(item.sentence)}</li>" for item in trace.told)
        yield "</ul>"
    yield _timeline(trace)
    if trace.calls:
        yield _calls(trace)
    for number, tried in enumerate(trace.tried, 1):
        yield from _candidate(number, tried, read)
    for number, call in enumerate(trace.calls, 1):
        yield from _texts(number, call, read)
    if trace.answers:
        yield "<h2>What you did</h2>\n<ul>"
        yield from (f"<li>{escape(item.said)}, {escape(item.at)}</li>" for item in trace.answers)
        yield "</ul>"


def summary(trace: Trace) -> str:
    """What it took, in one line: time, tokens, money."""
    parts = [f"{trace.elapsed_ms / 1000:.1f} s"]
    if trace.calls:
        usage = trace.usage
        parts.append(
            f"{usage.prompt:,} tokens in ({usage.cached:,} from the cache),"
            f" {usage.output:,} out ({usage.thinking:,} thinking)"
        )
        parts.append(dollars(trace.cost_nano))
    if trace.unpriced:
        parts.append(f"{trace.unpriced:,} tokens of unknown price")
    if trace.isolation:
        parts.append(f"isolation: {trace.isolation}")
    return " · ".join(parts)


def _class(outcome: str) -> str:
    """A class of the style sheet; an outcome is one word of ours, but a file may say anything."""
    return escape(outcome) if outcome.isalpha() else "unknown"


def _timeline(trace: Trace) -> str:
    """Calls and candidates as bars over the time of the job."""
    rows: list[tuple[str, str, int, int]] = [
        (f"{call.served or call.asked}", "call", call.began_ms, call.elapsed_ms)
        for call in trace.calls
    ]
    rows += [
        (f"{item.proposer}: {item.title}", _class(item.outcome), item.began_ms, item.elapsed_ms)
        for item in trace.tried
    ]
    if not rows:
        return ""
    whole = max(trace.elapsed_ms, *(began + lasted for _, _, began, lasted in rows), 1)
    drawn = []
    for place, (label, kind, began, lasted) in enumerate(sorted(rows, key=lambda row: row[2])):
        top, left = place * BAR, WIDTH * began / whole
        width = max(WIDTH * lasted / whole, 2)
        anchor = "end" if left > WIDTH / 2 else "start"
        at = left - 6 if anchor == "end" else left + width + 6
        if anchor == "start" and left + width > WIDTH / 2:
            at = left + 6
        drawn.append(
            f'<rect class="bar {kind}" x="{left:.1f}" y="{top + 3}" width="{width:.1f}"'
            f' height="{BAR - 6}" rx="3" opacity="0.55"><title>{escape(label)}</title></rect>'
            f'<text x="{at:.1f}" y="{top + 15}" text-anchor="{anchor}">'
            f"{escape(label[:80])} · {lasted / 1000:.2f} s</text>"
        )
    return (
        f'<h2>Timeline</h2>\n<svg viewBox="0 0 {WIDTH} {len(rows) * BAR}" role="img"'
        f' aria-label="timeline">' + "".join(drawn) + "</svg>"
    )


def _calls(trace: Trace) -> str:
    heads = ("asked", "served", "prompt", "in", "cached", "thinking", "out", "first token", "cost")
    numeric = set(heads[3:])
    head = "".join(
        f'<th class="number">{name}</th>' if name in numeric else f"<th>{name}</th>"
        for name in heads
    )
    rows = "\n".join(f"<tr>{_call_row(call)}</tr>" for call in trace.calls)
    return f"<h2>Calls of the model</h2>\n<table>\n<tr>{head}<th>ending</th></tr>\n{rows}\n</table>"


def _call_row(call: ModelCall) -> str:
    first = "" if call.first_token_ms is None else f"{call.first_token_ms / 1000:.2f} s"
    cost = "unknown" if call.cost_nano is None else dollars(call.cost_nano)
    about = "about " if call.estimated else ""
    words = (call.asked, call.served, call.prompt)
    numbers = (
        f"{about}{call.usage.prompt:,}",
        f"{call.usage.cached:,}",
        f"{call.usage.thinking:,}",
        f"{about}{call.usage.output:,}",
        first,
        f"{cost} ({call.price_version})" if call.price_version else cost,
    )
    kind = "answered" if call.ending == ANSWERED else "failed"
    ending = escape(call.sentence or call.ending)
    return (
        "".join(f"<td>{escape(word)}</td>" for word in words)
        + "".join(f'<td class="number">{escape(number)}</td>' for number in numbers)
        + f'<td class="{kind}">{ending}</td>'
    )


def _candidate(number: int, tried: Tried, read: ReadText) -> Iterable[str]:
    yield f"<h2>Candidate {number}: {escape(tried.title or tried.proposer)}</h2>"
    said = f": {escape(tried.sentence)}" if tried.sentence else ""
    yield (
        f'<p>by {escape(tried.proposer)}, <strong class="{_class(tried.outcome)}">'
        f"{escape(tried.outcome)}</strong>{said}</p>"
    )
    if tried.evidence:
        yield "<table>\n<tr><th>check</th><th>outcome</th><th>what it found</th></tr>"
        for found in tried.evidence:
            place = f" ({found.path}:{found.line})" if found.path and found.line else ""
            detail = f"{found.detail}{place}"
            if found.counterexample:
                detail += f": {found.counterexample.sentence}"
            yield (
                f'<tr><td>{escape(found.check)}</td><td class="{_class(found.outcome.value)}">'
                f"{escape(found.outcome.value)}</td><td>{escape(detail)}</td></tr>"
            )
        yield "</table>"
    if tried.diff is not None:
        yield f"<pre>{escape(read(tried.diff))}</pre>"


def _texts(number: int, call: ModelCall, read: ReadText) -> Iterable[str]:
    for title, text in (("What was sent", call.sent), ("What came back", call.reply)):
        if text is not None:
            yield (
                f"<details><summary>{title} in call {number}</summary>"
                f"<pre>{escape(read(text))}</pre></details>"
            )
