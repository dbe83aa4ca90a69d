"""Spans over a real connection to a collector; and nothing at all without the extra or a word."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from support import traces
from trueup.operations import telemetry
from trueup.operations.telemetry import Exporter


class Collector(BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What a collector on this machine gets."""
    found: list[bytes] = []
    handler = type("Handler", (Collector,), {"bodies": found})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield found
        server.shutdown()
        serving.join()


def plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(plain(item) for item in value.array_value.values)
    return getattr(value, str(kind))


def test_a_trace_arrives_as_spans_without_its_texts(bodies: list[bytes]) -> None:
    assert telemetry.is_wanted()
    trace, _ = traces.full("a secret of the project")
    exporter = Exporter()
    exporter.send(trace)
    exporter.close()
    request = ExportTraceServiceRequest.FromString(b"".join(bodies))
    spans = [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    by_name = {span.name: span for span in spans}
    assert len(spans) == 1 + len(trace.calls) + len(trace.tried)
    job = by_name["invoke_agent trueup"]
    assert {span.parent_span_id for span in spans if span is not job} == {job.span_id}
    assert job.end_time_unix_nano - job.start_time_unix_nano == 2_750 * 10**6
    call = next(span for span in spans if span.name == "chat claude-sonnet-5-5")
    assert {item.key: plain(item.value) for item in call.attributes} == telemetry.of_call(
        trace, trace.calls[0]
    )
    assert b"secret" not in b"".join(bodies)


def test_what_is_not_known_has_no_attribute() -> None:
    trace, _ = traces.full()
    known, unknown = (telemetry.of_call(trace, call) for call in trace.calls)
    assert set(known) - set(unknown) == {
        "gen_ai.response.time_to_first_chunk", "trueup.cost.usd", "trueup.price.version",
    }  # fmt: skip
    assert unknown["error.type"] == "truncated"


@pytest.mark.parametrize(
    "environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}]
)
def test_nobody_asked(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*telemetry.ENDPOINTS, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert not telemetry.is_wanted()


def test_the_engine_loads_none_of_it_where_nobody_asked() -> None:
    code = (
        "import sys, trueup.engine.worker\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={}
    )
    assert ended.stdout == "[]\n"
