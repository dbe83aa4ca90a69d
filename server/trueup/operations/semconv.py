"""Names of attributes: those of OpenTelemetry's GenAI conventions, and our own where it has none.

The conventions are in development and are renamed now and then
(https://github.com/open-telemetry/semantic-conventions-genai); whoever follows them changes this
file and no other. There is no name for money in them.
"""

from __future__ import annotations

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
CONVERSATION: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
THINKING: Final = "gen_ai.usage.reasoning.output_tokens"
TOOL: Final = "gen_ai.tool.name"
ERROR: Final = "error.type"

COST: Final = "trueup.cost.usd"
PRICE_VERSION: Final = "trueup.price.version"
PROMPT: Final = "trueup.prompt.name"
PROMPT_DIGEST: Final = "trueup.prompt.digest"
ESTIMATED: Final = "trueup.usage.estimated"
RECIPE: Final = "trueup.goal.recipe"
OUTCOME: Final = "trueup.outcome"
PROPOSER: Final = "trueup.candidate.proposer"
FAILED: Final = "trueup.gate.failed"
ISOLATION: Final = "trueup.isolation"

INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
