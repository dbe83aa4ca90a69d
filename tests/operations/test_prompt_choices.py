"""`trueup prompts`: a version is chosen and taken back, and what goes before the choice is said."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from trueup import settings
from trueup.cli import cli
from trueup.propose import choices
from trueup.propose.prompts import own_folder
from trueup.settings import config_file, prompt_choices_file


def prompts(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["prompts", *arguments])


@pytest.fixture(autouse=True)
def _versions() -> None:
    """The user's own: two that work, one that does not."""
    own_folder().mkdir(parents=True)
    for version, text in (("v2", '"edits" two'), ("v3", '"edits" three'), ("v4", "nothing")):
        (own_folder() / f"suggest.{version}.md").write_text(text)


def used(kind: str = "fix") -> str:
    chosen: str = getattr(settings.load("/").prompts, kind)
    return chosen


def test_a_version_is_chosen_and_taken_back() -> None:
    assert prompts("use", "fix", "v2").output == "fix: suggest@v2 from now on\n"
    assert (used(), used("refactor")) == ("v2", "")
    assert prompts("use", "fix", "v3").exit_code == 0
    assert prompts("rollback", "fix").output == "fix: back to suggest@v2\n"
    assert prompts("rollback", "fix").output == "fix: back to suggest@v1\n"
    ended = prompts("rollback", "fix")
    assert ended.exit_code == 2
    assert "there is no version before suggest@v1" in ended.output


def test_without_a_history_one_goes_back_to_the_older_version() -> None:
    prompt_choices_file().write_text('[prompts]\nfix = "v3"\n')
    assert choices.previous("fix") == "v2"
    assert choices.rollback("fix").reference == "suggest@v2"


def test_a_version_that_cannot_be_used_is_not_chosen() -> None:
    for version, says in (("v4", 'does not ask for "edits"'), ("v9", "does not exist")):
        ended = prompts("use", "fix", version)
        assert ended.exit_code == 2
        assert says in ended.output
    assert not prompt_choices_file().exists()


def test_what_goes_before_the_choice_is_said_and_nothing_is_written() -> None:
    config_file().write_text('[prompts]\nfix = "v3"\n')
    ended = prompts("use", "fix", "v2")
    assert ended.exit_code == 2
    assert "the settings in config.toml say prompts.fix = 'v3'; change it there" in ended.output
    assert used() == "v3"
    config_file().unlink()
    assert used() == ""
    with pytest.raises(settings.ConfigurationError, match="the settings of the editor say"):
        choices.use("fix", "v2", {"prompts": {"fix": "v3"}})
    assert used() == ""


def test_the_list_marks_what_is_used_and_names_what_is_broken() -> None:
    prompts("use", "review", "v1")
    listed = prompts("list")
    assert listed.exit_code == 1
    rows = [line.split() for line in listed.output.splitlines()]
    assert ["fix", "suggest@v1", "yes"] in [row[:3] for row in rows]
    assert ["fix", "suggest@v2"] in [row[:2] for row in rows]
    assert "the prompt suggest@v4 cannot be used" in listed.output
    assert prompts("show", "fix", "v2").output == '"edits" two\n'
    assert "You review changed Python code" in prompts("show", "review").output


@pytest.mark.parametrize("text", ["prompts = 3", "[prompts", "[prompts]\nfix = 3"])
def test_a_damaged_choice_is_one_sentence(text: str) -> None:
    prompt_choices_file().write_text(text)
    for arguments in (("list",), ("rollback", "fix")):
        ended = prompts(*arguments)
        assert ended.exit_code == 2, ended.output
        assert "prompts.toml" in ended.output
        assert isinstance(ended.exception, SystemExit)


def test_a_new_choice_mends_what_is_no_choice() -> None:
    prompt_choices_file().write_text("[prompts]\nfix = 3\n")
    assert prompts("use", "fix", "v2").exit_code == 0
    assert used() == "v2"
