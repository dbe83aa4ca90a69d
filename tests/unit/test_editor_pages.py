"""The pages about editors hold configuration that parses and sets what exists."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from trueup import settings

PAGES = Path(__file__).parents[2] / "docs" / "editors"


def block(page: str, language: str) -> str:
    """The one block of that language on a page."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(found)


def known(given: Mapping[str, object]) -> settings.Settings:
    """What the server makes of a client's settings. Raises ConfigurationError."""
    return settings.load("/", given, config=Path("/nowhere/config.toml"))


def test_helix() -> None:
    said = tomllib.loads(block("helix", "toml"))
    server: dict[str, Any] = said["language-server"]["trueup"]
    assert [server["command"], *server["args"]] == ["trueup", "serve"]
    assert known(server["config"]["settings"]).apply_model_changes == "verified"
    (python,) = said["language"]
    assert python["name"] == "python"
    assert "trueup" in python["language-servers"]


@pytest.mark.parametrize(
    ("page", "where", "options"),
    [
        ("sublime", ("clients", "trueup"), "initializationOptions"),
        ("zed", ("lsp", "pylsp"), "initialization_options"),
    ],
    ids=["sublime", "zed"],
)
def test_json(page: str, where: tuple[str, str], options: str) -> None:
    said: dict[str, Any] = json.loads(block(page, "json"))
    server = said[where[0]][where[1]]
    binary = server.get("binary")
    command = [binary["path"], *binary["arguments"]] if binary else server["command"]
    assert Path(command[0]).name == "trueup"
    assert command[1:] == ["serve"]
    assert known(server[options]["settings"]).apply_model_changes == "ask"


def test_emacs() -> None:
    words = list(symbols(block("emacs", "elisp")))
    assert words.count("(") == words.count(")")
    start = words.index('"trueup"')
    assert words[start + 1] == '"serve"'
    where = words.index(":settings")
    name, value = words[where + 2].removeprefix(":"), words[where + 3].strip('"')
    assert known({name: value}).apply_model_changes == "ask"


def symbols(text: str) -> Iterator[str]:
    """The parentheses, strings and names of Lisp."""
    return (found[0] for found in re.finditer(r'[()]|"[^"]*"|[^\s()"\']+', text))


def test_every_page_says_how_the_server_is_started() -> None:
    pages = {page.stem: page.read_text("utf-8") for page in PAGES.glob("*.md")}
    assert {"emacs", "helix", "neovim", "sublime", "zed"} <= set(pages)
    for name, text in pages.items():
        assert "serve" in text or "vim.lsp.enable('trueup')" in text, name
