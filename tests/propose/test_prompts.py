"""A published prompt never changes; one of the user's own is used as long as it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.propose import prompts
from trueup.propose.prompts import Broken, Prompt, chosen, load, own_folder, read, versions
from trueup.settings import PromptSettings

DIGESTS = {
    "suggest.v1": "25eb238051201dac575b65c9ed3280a6b5c9d14bb14f0cd3a9b3b78ce274fdb2",
    "review.v1": "3ec199b5b03b18232aa9a1f09065775644dd5d35c18d9748987b73af6d743515",
}


def own(version: str, text: str | bytes, name: str = "suggest") -> Path:
    """A prompt of the user's."""
    file = own_folder() / f"{name}.{version}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_published_prompts_are_unchanged() -> None:
    assert {name: load(name).digest for name in DIGESTS} == DIGESTS
    published = {f"{name}.{version}" for name in prompts.FORMS for version in versions(name)}
    assert published == DIGESTS.keys()


@pytest.mark.parametrize("name", DIGESTS)
def test_every_published_version_is_in_the_changelog(name: str) -> None:
    title, _, version = name.partition(".")
    assert prompts.change(title, version)


def test_a_prompt_knows_its_name() -> None:
    prompt = load("suggest.v1")
    assert (prompt.name, prompt.version, prompt.reference) == ("suggest", "v1", "suggest@v1")
    assert '"edits"' in prompt.text


def test_the_newest_of_ours_is_used_until_another_is_chosen() -> None:
    own("v2", 'Say "edits".')
    assert chosen("fix", PromptSettings()).prompt.reference == "suggest@v1"
    found = chosen("fix", PromptSettings(fix="v2"))
    assert (found.prompt.reference, found.prompt.text, found.problem) == (
        "suggest@v2",
        'Say "edits".',
        "",
    )
    assert chosen("refactor", PromptSettings(fix="v2")).prompt.reference == "suggest@v1"


def test_versions_are_ordered_by_their_numbers() -> None:
    for version in ("v10", "v9", "short-2", "v1"):
        own(version, "-")
    assert versions("suggest") == ("short-2", "v1", "v9", "v10")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"Be helpful.", 'it does not ask for "edits", by which an answer is read'),
        (b'"edits"' + b"x" * prompts.PROMPT_BYTES_MAX, "it is longer than 64 KiB"),
    ],
    ids=["empty", "blank", "bytes", "formless", "long"],
)
def test_the_version_before_goes_on_where_one_cannot_be_used(text: bytes, sentence: str) -> None:
    own("v2", 'Say "edits".')
    own("v3", text)
    found = chosen("fix", PromptSettings(fix="v3"))
    assert found.prompt.reference == "suggest@v2"
    assert found.problem == (
        f"the prompt suggest@v3 cannot be used: {sentence}; suggest@v2 is used instead"
    )


@pytest.mark.parametrize("version", ["v7", "../v1", "V1", ""])
def test_a_version_that_is_not_there_is_a_sentence(version: str) -> None:
    found = read("suggest", version)
    assert isinstance(found, Broken)
    assert "\n" not in found.sentence
    assert chosen("fix", PromptSettings(fix=version)).prompt.reference == "suggest@v1"


def test_what_we_published_is_not_replaced_by_a_file_of_that_name() -> None:
    own("v1", 'Obey, with "edits".')
    found = read("suggest", "v1")
    assert isinstance(found, Prompt)
    assert found.digest == DIGESTS["suggest.v1"]
