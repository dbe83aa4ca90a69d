"""Which decisions concern a place or a question, within a budget of tokens, and why each was taken.

For prompts and for people; enforcement never asks here. Decisions come as they were read from
markdown and are written down nowhere else. Who may not see a decision does not see it counted
either: it is left out before anything is ranked. What a decision says is data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final, NamedTuple, cast

import apsw

from trueup.memory import words
from trueup.memory.audience import Audience, may_see
from trueup.memory.decisions import Decision, Decisions, Origin, Status
from trueup.memory.fusion import fused, places
from trueup.memory.hidden import one_line
from trueup.memory.rules import Rule
from trueup.memory.scoping import NOWHERE, Place, is_elsewhere, scope_match
from trueup.memory.standing import Standing

TOKENS: Final = 800
"""What decisions may take of a prompt, in tokens."""
EXCERPT_CHARACTERS_MAX: Final = 600
WEAK: Final = 0.35
"""What holds less than this share of the best one's words is not about the question."""
OUT_OF_SCOPE: Final = 0.4
_BODY_CHARACTERS_MAX: Final = 20_000

_STATUS: Final = {
    Status.ACCEPTED: 1.0,
    Status.NEEDS_REVIEW: 0.8,
    Status.PROPOSED: 0.7,
    Status.SUPERSEDED: 0.1,
    Status.REJECTED: 0.1,
    Status.RETIRED: 0.1,
}
_STANDING: Final = {Standing.CHANGED: 0.8, Standing.GONE: 0.6}


class Weights(NamedTuple):
    """How much a word counts, by where a decision has it."""

    title: float = 5.0
    scope: float = 2.0
    rules: float = 2.0
    body: float = 1.0


WEIGHTS: Final = Weights()


@dataclass(frozen=True, slots=True)
class Why:
    """Why a decision was taken: the words of the question that it holds, what of its scope is
    meant, and what makes it count for less.
    """

    words: tuple[str, ...] = ()
    scope: str = ""
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = [f"its scope {self.scope} is meant"] if self.scope else []
        said += [f"it says {', '.join(self.words)}"] if self.words else []
        return "; ".join((*said, *self.doubts))


@dataclass(frozen=True, slots=True)
class Taken:
    """One decision of an answer. `text` is what a prompt would hold of it, its name included."""

    decision: Decision
    name: str
    """How people call it."""
    text: str
    tokens: int
    score: float
    why: Why


@dataclass(frozen=True, slots=True)
class Answer:
    """Best first. `crowded_out` are those that the budget has no room for."""

    taken: tuple[Taken, ...] = ()
    crowded_out: tuple[Decision, ...] = ()

    @property
    def tokens(self) -> int:
        return sum(item.tokens for item in self.taken)


class DecisionSearch:
    """All decisions that one audience may see, ready to be asked; `hidden` says which paths it may
    not. For one thread at a time.
    """

    def __init__(
        self,
        decisions: Decisions,
        audience: Audience,
        *,
        hidden: Callable[[str], bool] = lambda _: False,
        standing: Callable[[Decision], Standing] = lambda _: Standing.UNKNOWN,
        weights: Weights = WEIGHTS,
    ) -> None:
        self._all = decisions
        self._standing = standing
        self._weights = weights
        self._seen = tuple(
            item for item in decisions if may_see(audience, item) and not hidden(item.path)
        )
        self._text = apsw.Connection(":memory:")
        columns = ", ".join(Weights._fields)
        self._text.execute(
            f"CREATE VIRTUAL TABLE text USING fts5 ({columns}, content='',"
            f' tokenize="{words.TOKENIZER}")'
        )
        rows = ((number, *_fields(item)) for number, item in enumerate(self._seen))
        with self._text:
            self._text.executemany(
                "INSERT INTO text (rowid, title, scope, rules, body) VALUES (?, ?, ?, ?, ?)", rows
            )

    def __len__(self) -> int:
        return len(self._seen)

    def close(self) -> None:
        self._text.close()

    def ask(self, question: str, place: Place = NOWHERE, *, budget: int = TOKENS) -> Answer:
        """The decisions about `question` or `place` that fit into `budget` tokens, best first.

        A decision for the place counts as one that says the words does, one that is and does as
        both; then by status, by whether its evidence still holds, and by whether the place is
        outside its scope. The same text is taken once.
        """
        lexical = self._lexical(question)
        scopes = {
            number: found
            for number, item in enumerate(self._seen)
            if (found := scope_match(item, place)) is not None
        }
        rankings = places(lexical), places({number: found[0] for number, found in scopes.items()})
        ranked = []
        for number, score in fused(rankings).items():
            item = self._seen[number]
            doubts, weight = self._doubts(item, outside=is_elsewhere(item, place))
            # Of two that are first by one ranking each, the one for the place.
            closeness = scopes[number][0] if number in scopes else 0.0
            ranked.append((-score * weight, -closeness, item.path, number, doubts))
        wanted = words.words(question)
        taken: list[Taken] = []
        crowded: list[Decision] = []
        said: set[str] = set()
        for score, _, _, number, doubts in sorted(ranked):
            item = self._seen[number]
            alike = " ".join((item.title, item.body)).casefold()
            if alike in said:
                continue
            said.add(alike)
            text = excerpt(self._all, item)
            cost = words.tokens(text)
            if cost > budget:
                crowded.append(item)
                continue
            budget -= cost
            held = self._held(wanted, number) if number in lexical else ()
            why = Why(held, scopes[number][1] if number in scopes else "", doubts)
            taken.append(Taken(item, self._all.short(item), text, cost, -score, why))
        return Answer(tuple(taken), tuple(crowded))

    def _doubts(self, item: Decision, *, outside: bool) -> tuple[tuple[str, ...], float]:
        """What makes a decision count for less, and what is left of it then."""
        standing = self._standing(item)
        weight = _STATUS[item.status] * _STANDING.get(standing, 1.0)
        said = [] if item.status is Status.ACCEPTED else [f"it is {item.status}"]
        if standing in _STANDING:
            said.append(f"the code that it rests on is {standing}")
        if outside:
            said.append("its scope is elsewhere")
        return tuple(said), weight * (OUT_OF_SCOPE if outside else 1.0)

    def _lexical(self, question: str) -> dict[int, float]:
        wanted = words.words(question)
        if not wanted:
            return {}
        query = "SELECT rowid, -bm25(text, ?, ?, ?, ?) FROM text WHERE text MATCH ?"
        found = dict(self._text.execute(query, (*self._weights, _any_of(wanted))))
        enough = WEAK * max(found.values(), default=0.0)
        return {
            cast("int", number): cast("float", score)
            for number, score in found.items()
            if score >= enough
        }

    def _held(self, wanted: tuple[str, ...], number: int) -> tuple[str, ...]:
        query = "SELECT 1 FROM text WHERE text MATCH ? AND rowid = ?"
        return tuple(
            word for word in wanted if self._text.execute(query, (_any_of((word,)), number)).get
        )


def _any_of(wanted: tuple[str, ...]) -> str:
    return " OR ".join(f'"{word}"' for word in wanted)


def _fields(item: Decision) -> tuple[str, str, str, str]:
    scope = (*item.scope.paths, *item.scope.symbols, *item.scope.goals)
    return (
        words.indexed(item.title),
        words.indexed(" ".join(scope)),
        words.indexed(" ".join(_said_by(rule) for rule in item.rules)),
        words.indexed(item.body[:_BODY_CHARACTERS_MAX]),
    )


def _said_by(rule: Rule) -> str:
    """All that a rule of any kind says in strings."""
    found = [rule.terms.message]
    for field in fields(rule):
        value = getattr(rule, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            text = getattr(part, "text", part)
            found += [text] if isinstance(text, str) else []
    return " ".join(found)


def excerpt(decisions: Decisions, item: Decision) -> str:
    """What a prompt holds of a decision, in one paragraph: its name, title, rules, first words."""
    paragraphs = (" ".join(part.split()) for part in item.body.split("\n\n"))
    # In instructions the first words are often the file's title.
    prose = next((part for part in paragraphs if part and not part.startswith("#")), "")
    rules = " ".join(rule.terms.message for rule in item.rules if rule.terms.message)
    name = item.path if item.origin is Origin.INSTRUCTIONS else decisions.short(item)
    said = " ".join(part for part in (rules, prose) if part)
    if len(said) > EXCERPT_CHARACTERS_MAX:
        said = f"{said[:EXCERPT_CHARACTERS_MAX].rpartition(' ')[0]} …"
    return one_line(f"[{name}] {item.title}" + (f": {said}" if said else ""))
