"""The vendor's clients: of its own API and of servers that speak it, of Bedrock and of Vertex.

None takes anything from profiles of the vendor on disk, follows a redirect, or tries again on its
own. Bedrock and Vertex need an extra (`trueup[bedrock]`, `trueup[vertex]`), which is imported when
one of them is asked for; their credentials are found where their own tools keep them.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import ssl
from typing import Final
from urllib.parse import urlsplit

import anthropic
import httpx2

from trueup.settings import Settings, endpoint

Client = anthropic.AsyncAnthropic | anthropic.AsyncAnthropicBedrock | anthropic.AsyncAnthropicVertex

NEEDS: Final = {"bedrock": "botocore", "vertex": "google.auth"}
"""What each of the clouds needs of its extra."""

HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class UnusableError(Exception):
    """No client can be made with these settings; one sentence."""


def make(settings: Settings, key: str) -> Client:
    """A client for where the settings say; `key` is used by the vendor's API and its like only.

    Raises UnusableError.
    """
    model = settings.model
    if model.provider in NEEDS:
        _check(settings)
    try:
        transport = _transport(settings)
        match model.provider:
            case "bedrock":
                return anthropic.AsyncAnthropicBedrock(
                    aws_region=model.region,
                    base_url=endpoint(settings),
                    max_retries=0,
                    timeout=settings.limits.model_seconds,
                    open_telemetry=False,
                    http_client=transport,
                )
            case "vertex":
                return anthropic.AsyncAnthropicVertex(
                    region=model.region or "",
                    project_id=model.project or "",
                    access_token=os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN"),
                    base_url=endpoint(settings),
                    max_retries=0,
                    timeout=settings.limits.model_seconds,
                    open_telemetry=False,
                    http_client=transport,
                )
        token = key == os.environ.get("ANTHROPIC_AUTH_TOKEN")
        return anthropic.AsyncAnthropic(
            api_key=None if token else key,
            auth_token=key if token else None,
            base_url=endpoint(settings),
            max_retries=0,
            timeout=settings.limits.model_seconds,
            # It would send a traceparent of ours along.
            open_telemetry=False,
            http_client=transport,
        )
    except (httpx2.InvalidURL, ValueError):
        raise UnusableError("model.base_url is not an address") from None


def _check(settings: Settings) -> None:
    """Raises UnusableError where a cloud cannot be asked with these settings."""
    model = settings.model
    if not model.region:
        raise UnusableError(f"{model.provider} needs model.region")
    if model.provider == "vertex" and not model.project:
        raise UnusableError("vertex needs model.project")
    package, _, inner = NEEDS[model.provider].partition(".")
    found = importlib.util.find_spec(package)
    if found is None or (inner and importlib.util.find_spec(f"{package}.{inner}") is None):
        raise UnusableError(
            f"{model.provider} needs an extra: pip install 'trueup[{model.provider}]'"
        )


def _transport(settings: Settings) -> httpx2.AsyncClient:
    if urlsplit(endpoint(settings)).hostname in HERE:
        # A proxy cannot reach what listens on this machine.
        return httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=settings.limits.model_seconds,
            verify=_certificates(),
        )
    return anthropic.DefaultAsyncHttpxClient(follow_redirects=False, verify=_certificates())


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once: it takes 50 ms, and every call of a model makes a client."""
    return httpx2.create_ssl_context()
