"""What a model would be sent for a goal, for those who want to see it first. Nothing is sent.

Made by the same functions, of the same plan, as what is sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from trueup import settings as settings_module
from trueup.engine import plan
from trueup.engine.job import Ports, capture
from trueup.engine.messages import Start
from trueup.propose import request
from trueup.propose.context import Context
from trueup.propose.proposal import Failure
from trueup.propose.request import Request
from trueup.settings import Settings, endpoint
from trueup.suggestion import Goal, Plan


@dataclass(frozen=True, slots=True)
class Shown:
    """A request that was made and not sent, with the plan that it follows."""

    goal: Goal
    plan: Plan
    context: Context
    request: Request
    settings: Settings

    @property
    def text(self) -> str:
        """For people: what is sent word for word, below what else is known of it."""
        limit = self.settings.limits.context_tokens
        lines = [
            f"What would be sent for: {self.goal.title}. Nothing was sent.",
            f"To: {endpoint(self.settings)}, model {self.request.model}",
            f"Plan: {self.plan.sentence}",
            f"About {self.context.tokens:,} tokens of the workspace, of at most {limit:,.0f}",
        ]
        if self.context.crowded_out:
            lines.append(f"No room for: {'; '.join(self.context.crowded_out)}")
        others = {"max_tokens": self.request.max_tokens, **self.request.options}
        lines.append(f"Beside the words below: {json.dumps(others)}")
        return "\n".join(lines) + f"\n\n{self.request.text}\n"


async def run(start: Start, ports: Ports) -> Shown | Failure:
    """The first request about `start.goal`, as its first model would get it. Raises TrueupError
    where the settings or the documents cannot be read.
    """
    settings = settings_module.load(start.root, start.settings)
    snapshot = capture(start.root, start.documents, start.goal)
    if (obstacle := request.obstacle(start.goal, snapshot, settings)) is not None:
        return obstacle
    bed = ports.beds.bed(start.root, settings, ports.ask, trusted=start.trusted)
    planned = await plan.make(start.goal, snapshot, settings, bed)
    question = request.question(start.goal, snapshot, settings, planned.material)
    if isinstance(question, Failure):
        return question
    wanted = request.planned(question, settings, start.goal.kind)
    return Shown(start.goal, planned.plan, question.context, wanted, settings)
