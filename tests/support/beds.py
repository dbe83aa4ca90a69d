"""A test bed on a running session: tests are selected by imports, and nobody is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from trueup.runner.affected import Affected, importers_of
from trueup.runner.results import RunRequest, TestRun
from trueup.runner.session import Session
from trueup.verify.trial import TestBed


def bed_of(root: Path, session: Session) -> TestBed:
    async def affected(
        changed: Collection[str],
        before: Mapping[str, str],
        after: Mapping[str, str],
        _absent: Collection[str],
    ) -> Affected:
        return importers_of(str(root), changed, {**before, **after})

    async def ready() -> str:
        return ""

    async def baseline(request: RunRequest, _texts: Mapping[str, str]) -> TestRun:
        return await session.run(request)

    return TestBed(affected, ready, baseline, session.run, session.confirm, session.ask)


def no_bed() -> TestBed:
    """One for checks that read and run nothing."""

    async def never(*_arguments: object) -> Any:
        raise AssertionError("a check that only reads asked for a run")

    return TestBed(never, never, never, never, never, never)
