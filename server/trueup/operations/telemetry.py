"""Traces as OpenTelemetry spans, for those who installed the extra `otel` and say where to.

Where to is in the environment of this process, by the names of OpenTelemetry itself
(`OTEL_EXPORTER_OTLP_ENDPOINT`); a workspace has no say. Without it, or without the extra, nothing
here is imported and nothing is different. No text leaves: names, counts and times only.

The spans are made from a trace when its job has ended: one for the job, and below it one for each
call of the model and one for each time the gate judged.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from trueup import __version__
from trueup.operations import semconv
from trueup.operations.prices import NANO
from trueup.operations.trace import ANSWERED, ModelCall, Trace, Tried

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind, Tracer

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SECONDS_MAX: Final = 3.0
"""How long one batch may take to be sent; work does not wait for it, the process's end does."""

Attributes = Mapping[str, str | int | float | bool | tuple[str, ...]]

_AGENT: Final = "trueup"
_PROVIDER: Final = "anthropic"
_MS: Final = 1_000_000
"""Nanoseconds."""


def is_wanted() -> bool:
    """Whether somebody said where to, and the extra is there."""
    if os.environ.get("OTEL_SDK_DISABLED", "").casefold() == "true":
        return False
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return False
    return all(find_spec(f"opentelemetry.{name}") for name in ("sdk", "exporter"))


class Exporter:
    """Sends traces in the background; make one only where `is_wanted`."""

    def __init__(self) -> None:
        # Here and not above: this is the extra, and a tenth of a second.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        service = {"service.name": _AGENT, "service.version": __version__}
        self._provider: TracerProvider = TracerProvider(resource=Resource.create(service))
        sender = OTLPSpanExporter(timeout=SECONDS_MAX)
        self._provider.add_span_processor(BatchSpanProcessor(sender))

    def send(self, trace: Trace) -> None:
        """Queue the spans of a trace that has ended."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        tracer = self._provider.get_tracer(_AGENT, __version__)
        began = _nanoseconds(trace.began)
        whole = tracer.start_span(
            f"{semconv.INVOKE_AGENT} {_AGENT}", attributes=of_job(trace), start_time=began
        )
        inside = set_span_in_context(whole)
        for call in trace.calls:
            name = f"{semconv.CHAT} {call.asked}"
            _span(tracer, name, of_call(trace, call), SpanKind.CLIENT, inside,
                  began + call.began_ms * _MS, call.elapsed_ms)  # fmt: skip
        for tried in trace.tried:
            name = f"{semconv.EXECUTE_TOOL} gate"
            _span(tracer, name, of_candidate(trace, tried), SpanKind.INTERNAL, inside,
                  began + tried.began_ms * _MS, tried.elapsed_ms)  # fmt: skip
        whole.end(began + trace.elapsed_ms * _MS)

    def close(self) -> None:
        """Send what is queued, for as long as a batch may take."""
        self._provider.shutdown()


def _span(
    tracer: Tracer, name: str, attributes: Attributes, kind: SpanKind, inside: Context,
    began: int, elapsed_ms: int,
) -> None:  # fmt: skip
    span = tracer.start_span(name, inside, kind, attributes, start_time=began)
    span.end(began + elapsed_ms * _MS)


def _nanoseconds(moment: str) -> int:
    return round(datetime.datetime.fromisoformat(moment).timestamp() * 1000) * _MS


def of_job(trace: Trace) -> Attributes:
    usage = trace.usage
    return {
        semconv.OPERATION: semconv.INVOKE_AGENT,
        semconv.AGENT: _AGENT,
        semconv.CONVERSATION: trace.id,
        semconv.RECIPE: trace.goal.recipe.value,
        semconv.OUTCOME: trace.outcome,
        semconv.ISOLATION: trace.isolation,
        semconv.INPUT_TOKENS: usage.prompt,
        semconv.OUTPUT_TOKENS: usage.output,
        semconv.COST: trace.cost_nano / NANO,
    }


def of_call(trace: Trace, call: ModelCall) -> Attributes:
    """What is not known has no attribute, so that nobody adds up a zero that means nothing."""
    said: dict[str, str | int | float | bool | tuple[str, ...]] = {
        semconv.OPERATION: semconv.CHAT,
        semconv.PROVIDER: _PROVIDER,
        semconv.CONVERSATION: trace.id,
        semconv.REQUEST_MODEL: call.asked,
        semconv.INPUT_TOKENS: call.usage.prompt,
        semconv.OUTPUT_TOKENS: call.usage.output,
        semconv.CACHE_READ: call.usage.cached,
        semconv.CACHE_WRITE: call.usage.cache_write,
        semconv.THINKING: call.usage.thinking,
        semconv.ESTIMATED: call.estimated,
        semconv.PROMPT: call.prompt,
        semconv.PROMPT_DIGEST: call.prompt_digest,
    }
    if call.served:
        said[semconv.RESPONSE_MODEL] = call.served
    if call.first_token_ms is not None:
        said[semconv.FIRST_CHUNK] = call.first_token_ms / 1000
    if call.cost_nano is not None:
        said |= {semconv.COST: call.cost_nano / NANO, semconv.PRICE_VERSION: call.price_version}
    if call.ending != ANSWERED:
        said[semconv.ERROR] = call.ending
    return said


def of_candidate(trace: Trace, tried: Tried) -> Attributes:
    failed = tuple(found.check for found in tried.evidence if found.outcome.value == "failed")
    return {
        semconv.OPERATION: semconv.EXECUTE_TOOL,
        semconv.TOOL: "gate",
        semconv.CONVERSATION: trace.id,
        semconv.PROPOSER: tried.proposer,
        semconv.OUTCOME: tried.outcome,
        semconv.FAILED: failed,
    }
