"""A published prompt never changes: who edits it must make a new version."""

from __future__ import annotations

from trueup.propose.prompts import load

DIGESTS = {"suggest.v1": "25eb238051201dac575b65c9ed3280a6b5c9d14bb14f0cd3a9b3b78ce274fdb2"}


def test_published_prompts_are_unchanged() -> None:
    assert {name: load(name).digest for name in DIGESTS} == DIGESTS


def test_a_prompt_knows_its_name() -> None:
    prompt = load("suggest.v1")
    assert (prompt.name, prompt.version, prompt.reference) == ("suggest", "v1", "suggest@v1")
    assert '"edits"' in prompt.text
