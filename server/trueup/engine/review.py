"""One review: ask the model about the changed code, and hold each answer to a failing test.

A claim whose test fails on the code as it is becomes a finding with a proof; any other is kept as a
guess with the reason. Tests run where the tests of suggestions run, after the same consent.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from trueup import InputError, workspace
from trueup import settings as settings_module
from trueup.engine import job
from trueup.engine.findings import Finding, Proof
from trueup.engine.job import Ports
from trueup.engine.messages import Review, Reviewed
from trueup.engine.recorded import Record, recorded
from trueup.guards.characters import stripped
from trueup.operations.trace import Tried
from trueup.propose import claims, patch, prompts, remembered, request
from trueup.propose.claims import Claim
from trueup.propose.proposal import Failure, FailureKind
from trueup.runner.suite import suite_of
from trueup.settings import Settings
from trueup.snapshot import Document, Edit, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, NewFile, Recipe, Ruling
from trueup.verify import characterization, failing
from trueup.verify.trial import TestBed, Trial

KIND = "review"


async def run(wanted: Review, ports: Ports) -> Reviewed | Failure:
    """Raises TrueupError where the settings or the document cannot be read."""
    settings = settings_module.load(wanted.root, wanted.settings)
    goal = Goal(GoalKind.FIX, Recipe.REVIEW, wanted.path, Span(0, 0))
    snapshot = job.capture(wanted.root, wanted.documents, goal)
    before = wanted.since
    if before is None:
        before = await asyncio.to_thread(_committed, wanted.root, wanted.path)
    document = snapshot.documents[wanted.path]
    if before == document.text:
        return Reviewed(wanted.job, (), f"nothing changed in {wanted.path}")
    if not wanted.trusted:
        return Failure(FailureKind.CANNOT, job.UNSENT, "model")
    bed = ports.beds.bed(wanted.root, settings, ports.ask)
    with recorded(ports.books, wanted.root, goal, settings, ports.say) as record:
        record.holds(snapshot, wanted.path)
        reviewing = _Review(goal, snapshot, before, settings, ports, record, bed.as_test_bed())
        try:
            async with asyncio.timeout(settings.limits.job_seconds):
                found = await reviewing.findings()
        except TimeoutError:
            seconds = settings.limits.job_seconds
            raise InputError(f"{goal.title} took longer than {seconds:.0f} s") from None
        finally:
            await bed.close()
        if isinstance(found, Failure):
            record.failed(found)
            record.ended(found)
            return found
        _ended(record, found, bed.isolation)
        trace = record.recording.trace.id if record.meter is not None else ""
        return Reviewed(wanted.job, found, _summary(wanted.path, found), trace)


def _committed(root: str, path: str) -> str:
    """The text at the last commit; "" where there is none, so that all of it is new."""
    try:
        found = patch.at_revision(root, "HEAD", path)
    except InputError:
        return ""
    return found.text if found is not None else ""


def _ended(record: Record, found: tuple[Finding, ...], isolation: str) -> None:
    if not found:
        record.recording.ended(FailureKind.NOTHING_TO_DO.value, isolation=isolation)
        return
    proven = any(finding.proof for finding in found)
    outcome = Ruling.VERIFIED if proven else Ruling.UNPROVEN
    record.recording.ended(outcome.value, isolation=isolation)


def _summary(path: str, found: tuple[Finding, ...]) -> str:
    proven = sum(finding.proof is not None for finding in found)
    if not found:
        return f"the model finds nothing wrong with what changed in {path}"
    defects = f"{proven} defect{'s' * (proven != 1)} with a failing test"
    guesses = f"{len(found) - proven} unproven guess{'es' * (len(found) - proven != 1)}"
    return f"{path}: {defects}, {guesses}"


class _Review:
    def __init__(
        self, goal: Goal, snapshot: Snapshot, before: str, settings: Settings, ports: Ports,
        record: Record, bed: TestBed,
    ) -> None:  # fmt: skip
        self.goal, self.snapshot, self.before = goal, snapshot, before
        self.settings, self.say = settings, ports.say
        self.record, self.bed = record, bed
        self.proofs: tuple[Document, ...] = ()

    @property
    def document(self) -> Document:
        return self.snapshot.documents[self.goal.path]

    async def findings(self) -> tuple[Finding, ...] | Failure:
        claimed = await self._claims()
        if isinstance(claimed, Failure):
            return claimed
        found = []
        for number, claim in enumerate(claimed, 1):
            self.say(f"looking whether the test of finding {number} of {len(claimed)} fails")
            began = self.record.recording.elapsed_ms
            test = await asyncio.to_thread(self._test_file, claim) if claim.test else None
            finding = await self._judged(claim, test)
            found.append(finding)
            self._told(finding, test, began)
        return tuple(found)

    async def _claims(self) -> tuple[Claim, ...] | Failure:
        # Here and not above: importing the vendor's SDK takes a second that others need not wait.
        from trueup.propose import model  # noqa: PLC0415

        chosen = prompts.chosen(KIND, self.settings.prompts)
        if chosen.problem:
            self.say(chosen.problem)
        asked = await asyncio.to_thread(self._question)
        if isinstance(asked, Failure):
            return asked
        answer = await model.answer(
            asked, chosen.prompt, claims.SCHEMA, self.settings, self.say, self.record.meter
        )
        if isinstance(answer, Failure):
            return answer
        return claims.claims(answer.text, self.document, self.before, proposer=answer.model)

    def _question(self) -> str | Failure:
        """What is asked, without what is never sent and what nobody can see."""
        root, path = self.snapshot.root, self.goal.path
        unsent = request.unsent_of(self.snapshot, self.settings)
        if unsent.hides(path):
            sentence = f"{path} is never sent to a model: the setting `visibility.never` names it"
            return Failure(FailureKind.CANNOT, sentence, KIND)
        told = remembered.decisions(self.goal, self.snapshot, unsent.hides)
        self.record.recording.told(*remembered.told(told))
        asked = claims.question(
            root, self.document, self.before, int(self.settings.limits.context_tokens),
            "\n\n".join(taken.text.strip() for taken in told.taken),
        )  # fmt: skip
        return asked if isinstance(asked, Failure) else stripped(asked)[0]

    def _test_file(self, claim: Claim) -> Document:
        """The claim's test as a new file beside the project's own."""
        root = self.snapshot.root
        tests = [name for name in workspace.python_files(root) if suite_of(root).holds(name)]
        # Each gets a name of its own, so that all can be kept.
        taken = self.snapshot.having(*self.proofs)
        name = characterization.free_name(taken, self.goal.path, tests, KIND)
        return Document(name, claim.test.strip("\n") + "\n", 1)

    async def _judged(self, claim: Claim, test: Document | None) -> Finding:
        finding = Finding(
            self.goal.path, claim.span, claim.symbol, claim.message, claim.explanation
        )
        if test is None:
            return replace(finding, unproven="it comes without a test")
        trial = self._trial(test)
        try:
            shown = await failing.shown(trial, self.goal.path, claim.body)
        finally:
            await trial.close()
        if isinstance(shown, str):
            return replace(finding, unproven=shown)
        red, detail = shown
        self.proofs = (*self.proofs, test)
        return replace(finding, proof=Proof(NewFile(test.path, test.text), red, detail))

    def _trial(self, test: Document) -> Trial:
        candidate = Candidate(
            f"Test of {self.goal.path}", (Edit(test.path, Span(0, 0), test.text),), KIND,
            deterministic=False,
        )  # fmt: skip
        return Trial(
            goal=Goal(GoalKind.FIX, Recipe.PATCH, test.path, Span(0, 0)),
            candidate=candidate,
            before=self.snapshot,
            after=self.snapshot.having(test),
            bed=self.bed,
            limits=self.settings.limits,
            interpreter=workspace.interpreter_of(self.snapshot.root, self.settings.interpreter),
        )

    def _told(self, finding: Finding, test: Document | None, began_ms: int) -> None:
        """Write down what became of a claim, with its test."""
        recording = self.record.recording
        last = len(recording.trace.calls) - 1
        recording.judged(
            Tried(
                recording.trace.calls[last].served if last >= 0 else KIND,
                finding.message,
                began_ms,
                recording.elapsed_ms - began_ms,
                (Ruling.VERIFIED if finding.proof else Ruling.UNPROVEN).value,
                finding.unproven or (finding.proof.detail if finding.proof else ""),
                diff=recording.keep(test.text) if test is not None else None,
                call=last if last >= 0 else None,
            )
        )
