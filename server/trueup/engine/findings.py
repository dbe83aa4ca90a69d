"""What a review says about code. Values only.

A finding with a proof is a defect that a failing test shows; without one it is a guess, and says
why it is no more than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from trueup.snapshot import Span
from trueup.suggestion import NewFile


@dataclass(frozen=True, slots=True)
class Proof:
    """A test file that fails on the code as it is: `names` of its red tests as pytest calls them,
    and what the first failure says.
    """

    test: NewFile
    names: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at `span` of the document at `path`, in one sentence. `symbol` is the qualified
    name of the function or class, "" for the module. `unproven` is "" where there is a proof.
    """

    path: str
    span: Span
    symbol: str
    message: str
    explanation: str = ""
    proof: Proof | None = None
    unproven: str = ""
