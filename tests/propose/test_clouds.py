"""The model at Bedrock and at Vertex, over a real connection."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.messages_server import Json, MessagesServer, Reply, edits_reply, events_of
from trueup import ConfigurationError, settings
from trueup.propose import clients, model
from trueup.propose.model import ModelAnswer
from trueup.propose.proposal import Failure, FailureKind
from trueup.settings import ModelSettings, Settings
from trueup.snapshot import Document, Snapshot, Span
from trueup.suggestion import Candidate, Goal, GoalKind, Recipe

GOAL = Goal(GoalKind.FIX, Recipe.INSTRUCT, "a.py", Span(0, 3), symbol="f", instruction="Double.")
SNAPSHOT = Snapshot.of("/nowhere", [Document("a.py", "def f(x):\n    return x\n")])
DOUBLE = edits_reply(
    "Double it", [{"path": "a.py", "symbol": "f", "after": "def f(x):\n    return x * 2\n"}]
)


def frames(body: Json, reply: Reply) -> Iterator[bytes]:
    """A stream in the binary form of AWS: each event in a frame with its lengths and checksums.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html has the form.
    """
    fields = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value))
        + value.encode()
        for name, value in fields.items()
    )  # fmt: skip
    for name, content in events_of(body, reply):
        inner = base64.b64encode(json.dumps({"type": name, **content}).encode()).decode()
        payload = json.dumps({"bytes": inner}).encode()
        prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
        prelude += struct.pack("!I", binascii.crc32(prelude))
        frame = prelude + headers + payload
        yield frame + struct.pack("!I", binascii.crc32(frame))


@pytest.fixture(autouse=True)
def _nobodys_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def at(provider: str, url: str | None, **more: str) -> Settings:
    chosen = ModelSettings(url, ("claude-x",), provider=provider, region="eu-west-1", **more)
    return Settings(chosen)


async def ask(chosen: Settings) -> ModelAnswer:
    return await model.propose(GOAL, SNAPSHOT, chosen)


async def test_bedrock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret of nobody")
    with MessagesServer(DOUBLE, path="/model/claude-x/invoke-with-response-stream") as server:
        server.frames = frames
        answer = await ask(at("bedrock", server.url))
    assert isinstance(answer.proposal, Candidate), answer
    (request,) = server.requests
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=nobody/")
    assert "/eu-west-1/bedrock/" in request.headers["authorization"]
    assert "Double." in str(request.body["messages"])


async def test_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "token-of-nobody")
    path = "/projects/p-1/locations/eu-west-1/publishers/anthropic/models/claude-x:streamRawPredict"
    with MessagesServer(DOUBLE, path=path) as server:
        answer = await ask(at("vertex", server.url, project="p-1"))
    assert isinstance(answer.proposal, Candidate), answer
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer token-of-nobody"
    assert "Double." in str(request.body["messages"])


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        # Of a region of its own: botocore remembers the credentials that it has found for one.
        (
            Settings(ModelSettings(provider="bedrock", region="eu-north-1")),
            "no credentials for bedrock-runtime.eu-north-1.amazonaws.com",
        ),
        (at("vertex", None), "vertex needs model.project"),
        (Settings(ModelSettings(provider="bedrock")), "bedrock needs model.region"),
    ],
)
async def test_what_is_missing_is_said(
    chosen: Settings, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    answer = await ask(chosen)
    assert isinstance(answer.proposal, Failure)
    assert answer.proposal.sentence.startswith(sentence)
    assert answer.proposal.kind in {FailureKind.AUTH, FailureKind.UNREACHABLE}


async def test_an_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(clients.NEEDS, "bedrock", "no_such_package")  # type: ignore[misc]
    answer = await ask(at("bedrock", None))
    assert isinstance(answer.proposal, Failure)
    assert answer.proposal.sentence == "bedrock needs an extra: pip install 'trueup[bedrock]'"


@pytest.mark.parametrize(
    "table",
    [{"provider": "azure"}, {"region": "evil.example/x?"}, {"project": "../x"}, {"region": 3}],
)
def test_a_wrong_cloud_is_a_configuration_error(tmp_path: Path, table: Json) -> None:
    with pytest.raises(ConfigurationError, match="model"):
        settings.load(str(tmp_path), {"model": table})


def test_a_workspace_does_not_choose_the_cloud(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.trueup.model]\nprovider = "bedrock"\nregion = "us-east-1"\n'
    )
    assert settings.load(str(tmp_path)).model == ModelSettings()
    assert dataclasses.replace(ModelSettings(), provider="vertex") != ModelSettings()
