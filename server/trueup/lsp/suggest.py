"""One picked action, from the click to the applied edit: progress, questions, verdict, apply.

Knows what the user sees and when. What is proposed and whether it holds is the engine's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from lsprotocol import types

from trueup import StaleError, rebase, settings
from trueup.engine.messages import Declined, OpenDocument, Start
from trueup.lsp import answers, apply, reasons, showing
from trueup.lsp.asking import ask, ask_for_line, progress, show
from trueup.lsp.documents import Buffer
from trueup.lsp.pages import Page, headline, new_id, report
from trueup.lsp.showing import Answer
from trueup.lsp.transport import Server
from trueup.snapshot import Snapshot
from trueup.suggestion import Candidate, Goal, NewFile, Recipe, Ruling, Suggestion

REBASES_MAX: Final = 3
"""How often a suggestion is carried over typing and judged again before it is called stale."""

APPLY, APPLY_ANYWAY, DISCARD = "Apply", "Apply anyway", "Discard"
PIN, KEEP = "Pin the behaviour first", "Apply and keep the test"
TAKEN: Final = frozenset({APPLY, APPLY_ANYWAY, PIN, KEEP})


async def run_goal(
    server: Server, buffer: Buffer, goal: Goal, brings: tuple[NewFile, ...] = ()
) -> dict[str, object]:
    """Do what `goal` says and report: the verdict, and whether it was applied. `brings` are tests
    that the goal names and that are not in the project; the user may keep them.
    """
    goal = await _completed(server, buffer, goal)
    if goal.recipe in {Recipe.RENAME, Recipe.INSTRUCT} and not (goal.name or goal.instruction):
        return {"outcome": "cancelled", "applied": False}
    job = _Run(server, buffer.root, goal, brings)
    async with progress(server, goal.title) as say:
        try:
            suggestion = await job.judged(None, say)
        except StaleError as problem:
            return _refused(server, str(problem))
        if isinstance(suggestion, Declined):
            return _refused(server, suggestion.says)
    return await job.offered(suggestion)


async def prepared(
    server: Server, root: str, base: Snapshot, suggestion: Suggestion, *, asking: bool
) -> dict[str, object]:
    """Go on with a suggestion that was judged before, on `base`, as with any other; `asking`: show
    it first, whatever is applied at once.
    """
    job = _Run(server, root, suggestion.goal)
    job.base, job.trace, job.asking = base, suggestion.trace, asking
    return await job.offered(suggestion)


async def accepted(
    server: Server, root: str, base: Snapshot, suggestion: Suggestion
) -> dict[str, object]:
    """Note that the editor itself has made the change of `suggestion`, if that is what it made."""
    job = _Run(server, root, suggestion.goal)
    job.base, job.trace = base, suggestion.trace
    held = (apply.current(server.buffers, root, stamp.path) for stamp in suggestion.ticket)
    digests = [document.digest if document is not None else None for document in held]
    if digests != [stamp.result for stamp in suggestion.ticket]:
        says = f"{suggestion.candidate.title}: what was accepted is not what was verified"
        return _refused(server, says)
    await job.note(answers.APPLIED)
    return report(suggestion, applied=True)


async def renamed(server: Server, buffer: Buffer, goal: Goal) -> types.WorkspaceEdit:
    """The edit of a rename. Raises StaleError where there is none to be had, with the reason."""
    job = _Run(server, buffer.root, goal, silent=server.client.rename_blocks)
    async with progress(server, goal.title, silent=job.silent) as say:
        suggestion = await job.judged(None, say)
    if isinstance(suggestion, Declined):
        raise StaleError(suggestion.says)
    if not await job.wanted(suggestion):
        raise StaleError(headline(suggestion))
    if stale := apply.stale_paths(server.buffers, buffer.root, suggestion):
        raise StaleError(f"{stale[0]} changed in the meantime; nothing was applied")
    return apply.workspace_edit(server.buffers, buffer.root, suggestion, server.client)


async def _completed(server: Server, buffer: Buffer, goal: Goal) -> Goal:
    """The goal with the line of text that only the user can give."""
    if goal.recipe is Recipe.RENAME and not goal.name and server.can_ask:
        old = buffer.document.text[goal.span.start : goal.span.end]
        return replace(goal, name=await ask_for_line(server, f"New name of {old}", old))
    if goal.recipe is Recipe.INSTRUCT and not goal.instruction and server.can_ask:
        words = await ask_for_line(server, f"What should change in {goal.symbol}?", "")
        return replace(goal, instruction=words)
    return goal


def _refused(server: Server, says: str) -> dict[str, object]:
    show(server, says, types.MessageType.Warning)
    return {"outcome": "declined", "applied": False, "message": says}


class _Run:
    """One goal with the texts it was last judged on."""

    def __init__(
        self, server: Server, root: str, goal: Goal, brings: tuple[NewFile, ...] = (), *,
        silent: bool = False,
    ) -> None:  # fmt: skip
        self.server, self.root, self.goal, self.brings = server, root, goal, brings
        self.silent = silent
        """The client waits for the answer and for nothing else: it is asked nothing meanwhile."""
        self.base = Snapshot.of(root, ())
        self.pin = False
        self.asking = False
        """Whether the user wants to see it before anything is applied."""
        self.page = new_id()
        """What the client knows it by, however often it is judged."""
        self.trace = ""
        """Of the job that made the suggestion; those that judge it again are not its makers."""

    async def judged(
        self, candidate: Candidate | None, say: Callable[[str], None]
    ) -> Suggestion | Declined:
        """A suggestion whose verdict is about the text that the editor holds now.

        Raises StaleError where the user changed what the candidate touches, or keeps typing.
        """
        for _ in range(1 + REBASES_MAX):
            self.base = Snapshot.of(
                self.root, (item.document for item in self.server.buffers.under(self.root))
            )
            done = await self.server.engine.run(self._start(candidate), say, self._ask)
            if isinstance(done, Declined):
                return done
            suggestion = replace(done.suggestion, pinned=(*self.brings, *done.suggestion.pinned))
            self.trace = self.trace or suggestion.trace
            if not apply.stale_paths(self.server.buffers, self.root, suggestion):
                return suggestion
            say("the text changed: judging again")
            candidate = self._rebased(suggestion)
        raise StaleError(f"{self.goal.path} keeps changing; nothing was applied")

    def _start(self, candidate: Candidate | None) -> Start:
        documents = tuple(OpenDocument(item.path, item.text, item.version) for item in self.base)
        documents += tuple(OpenDocument(item.path, item.text) for item in self.brings)
        return Start(
            0,
            self.root,
            self.goal,
            documents,
            candidate,
            dict(self.server.client_settings),
            pin=self.pin,
            trusted=self.server.trusted,
        )

    def _rebased(self, suggestion: Suggestion) -> Candidate:
        candidate = suggestion.candidate
        for path in apply.stale_paths(self.server.buffers, self.root, suggestion):
            old = self.base.get(path)
            new = apply.current(self.server.buffers, self.root, path)
            moved = rebase.rebased(candidate, old, new) if old and new else None
            if moved is None:
                raise StaleError(f"you changed what the suggestion was about in {path}")
            candidate = moved
        return candidate

    async def _ask(self, says: str, choices: tuple[str, ...]) -> str:
        if self.silent:
            return ""
        return await ask(self.server, says, choices)

    async def offered(self, suggestion: Suggestion) -> dict[str, object]:
        """Show the verdict and apply it, at once or when the user says so; then say what became of
        it, also where the job is cancelled meanwhile.
        """
        ending: dict[str, object] = {"applied": False, "message": f"{self.goal.title}: cancelled"}
        try:
            ending = await self._settled(suggestion)
        finally:
            applied = ending["applied"] is True
            showing.settled(self.server, self.page, str(ending["message"]), applied=applied)
        return ending

    async def _settled(self, suggestion: Suggestion) -> dict[str, object]:
        while True:
            answer = await self.answered(suggestion)
            if answer.choice not in TAKEN:
                await self._left(suggestion, answer)
                return report(suggestion, applied=False)
            try:
                if answer.choice == PIN:
                    self.pin = True
                    suggestion = await self._again(suggestion.candidate)
                    continue
                if apply.stale_paths(self.server.buffers, self.root, suggestion):
                    # The user typed while deciding; what is applied is what was judged.
                    again = await self._again(self._rebased(suggestion))
                    worse = again.verdict.outcome is not suggestion.verdict.outcome
                    suggestion = again
                    if worse:
                        continue
                await self._apply(suggestion, keep=answer.choice == KEEP)
            except StaleError as problem:
                return _refused(self.server, str(problem)) | {"suggestion": None}
            await self.note(answers.KEPT if answer.choice == KEEP else answers.APPLIED)
            if not self.server.shows_evidence:
                show(self.server, f"{headline(suggestion)} Applied.", types.MessageType.Info)
            return report(suggestion, applied=True)

    async def _left(self, suggestion: Suggestion, answer: Answer) -> None:
        """Write down that it was not taken, and why."""
        if suggestion.verdict.outcome is Ruling.REJECTED:
            return
        discarded = answer.choice == DISCARD
        await self.note(answers.REJECTED if discarded else answers.DISMISSED)
        if not discarded:
            return
        why = answer.reason
        if why is None:
            # A client that has just shown a question can show another one.
            why = await ask(self.server, reasons.QUESTION, reasons.CHOICES)
        said = await reasons.rejected(self.base, suggestion, why, decide=answer.decide)
        if said:
            show(self.server, said, types.MessageType.Info)
        self.server.contracts.reread(self.root)

    async def _apply(self, suggestion: Suggestion, *, keep: bool) -> None:
        """Raises StaleError where the text is not what was judged any more."""
        # Before it is applied: what it replaces may be on the disk only until then.
        change = await reasons.change_to_keep(self.base, suggestion)
        title = suggestion.candidate.title
        async with self.server.changes.recorded(
            self.root, suggestion, title, keep=keep, trace=self.trace
        ):
            await apply.apply(
                self.server.buffers, self.root, suggestion, self._send, self.server.client
            )
            if self.server.client.echoes_late:
                self.server.later(self._echoed(suggestion))
            if keep:
                send = self._send if self.server.client.creates else None
                await apply.create(self.root, suggestion.pinned, send)
        if change is not None and (says := await reasons.taken(self.root, change)):
            show(self.server, says, types.MessageType.Warning)

    async def _echoed(self, suggestion: Suggestion) -> None:
        """Warn where the editor does not hold what was verified, after it was answered."""
        try:
            await apply.echoed(self.server.buffers, self.root, suggestion)
        except StaleError as problem:
            show(self.server, str(problem), types.MessageType.Warning)

    async def note(self, said: str) -> None:
        """Write down what the user did."""
        await answers.note(settings.load(self.root, self.server.client_settings), self.trace, said)

    async def _again(self, candidate: Candidate) -> Suggestion:
        """Raises StaleError where the engine declines."""
        async with progress(self.server, self.goal.title) as say:
            again = await self.judged(candidate, say)
        if isinstance(again, Declined):
            raise StaleError(again.says)
        return again

    async def _send(self, edit: types.WorkspaceEdit) -> types.ApplyWorkspaceEditResult:
        return await self.server.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(edit, label=self.goal.title)
        )

    async def wanted(self, suggestion: Suggestion) -> bool:
        """Whether to apply it, where nothing but yes or no can be done."""
        return (await self.answered(suggestion)).choice in {APPLY, APPLY_ANYWAY, KEEP}

    async def answered(self, suggestion: Suggestion) -> Answer:
        """What to do with it: apply by itself where it is verified and deterministic, else as the
        user says.
        """
        outcome = suggestion.verdict.outcome
        self.server.status.isolation = suggestion.isolation or self.server.status.isolation
        chosen = settings.load(self.root, self.server.client_settings).apply_model_changes
        at_once = suggestion.candidate.deterministic or chosen == "verified"
        at_once = at_once and not self.asking
        if outcome is Ruling.REJECTED or (
            outcome is Ruling.VERIFIED and at_once and not suggestion.pinned
        ):
            showing.told(self.server, await self._page(suggestion))
            if outcome is Ruling.VERIFIED:
                return Answer(APPLY)
            show(self.server, headline(suggestion), types.MessageType.Warning)
            return Answer(DISCARD, "")
        if self.silent:
            return Answer()
        choices = [APPLY if outcome is Ruling.VERIFIED else APPLY_ANYWAY]
        if suggestion.pinned:
            choices.append(KEEP)
        elif suggestion.pinnable:
            choices.append(PIN)
        page = await self._page(suggestion, *choices, DISCARD)
        return await showing.answered(self.server, page)

    async def _page(self, suggestion: Suggestion, *choices: str) -> Page:
        return await showing.page_of(self.server, self.page, self.base, suggestion, *choices)
