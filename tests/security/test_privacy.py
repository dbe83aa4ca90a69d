"""What reaches a model, seen from the model: no secret, no ignored file, nothing hidden; and what
comes back goes where it was and nowhere else.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from security.corpora import filled, lines_of
from support.messages_server import MessagesServer, Reply, Request, edits_reply
from trueup import settings
from trueup.engine import job
from trueup.engine.beds import Beds
from trueup.engine.messages import Start
from trueup.engine.recorded import Books
from trueup.guards.ignoring import KEY_FILES
from trueup.guards.secret_formats import FORMATS
from trueup.propose.proposal import Failure
from trueup.snapshot import Span
from trueup.suggestion import Goal, GoalKind, Recipe, Suggestion

TEMPLATES = [text for _, text in lines_of("secrets.md", "secret")]
PLACEHOLDER = re.compile(r"<<TRUEUP_SECRET_\d+_[a-z-]+>>")
KEY, _ = filled("ghp_{A36}")
CODE = f'TOKEN = "{KEY}"\n\n\ndef f(x):\n    return x\n'
GOAL = Goal(GoalKind.REFACTOR, Recipe.INSTRUCT, "a.py", Span(0, 0), instruction="Double it.")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "a.py").write_text(CODE)
    return folder


async def run(root: Path, goal: Goal, server: MessagesServer) -> Suggestion | Failure:
    async def nobody(_says: str, _choices: tuple[str, ...]) -> str:
        return ""

    model = {"base_url": server.url, "models": ["claude-sonnet-5-5"]}
    start = Start(0, str(root), goal, settings={"model": model})
    return await job.run(start, job.Ports(Beds(), nobody, lambda _: None, Books("a session")))


def sent(server: MessagesServer) -> str:
    """All texts of all requests."""
    return json.dumps([request.body for request in server.requests], ensure_ascii=False)


def kept() -> str:
    """All that was written down on this machine."""
    files = [path for path in settings.state_folder().rglob("*") if path.is_file()]
    return "".join(path.read_text("utf-8", "replace") for path in files)


async def test_no_format_reaches_the_model_or_a_trace(root: Path) -> None:
    made = [filled(template) for template in TEMPLATES]
    body = "".join(f"    # {text.splitlines()[0]}\n    {text!r}\n" for text, _ in made)
    texts = "\n".join(text for text, _ in made)
    (root / "a.py").write_text(f"def f(x):\n{body}    return x\n\n\nNOTES = {texts!r}\n")
    goal = Goal(
        GoalKind.REFACTOR, Recipe.INSTRUCT, "a.py", Span(0, 0), instruction=f"Use {made[1][0]}"
    )
    answer = edits_reply("No", [{"path": "a.py", "symbol": "f", "after": "def f(x:\n"}])
    with MessagesServer(*[answer] * 3) as server:
        await run(root, goal, server)
    assert "Use " in sent(server)
    assert PLACEHOLDER.search(sent(server))
    for _, random_parts in made:
        assert not [part for part in random_parts if part in sent(server)]
        assert not [part for part in random_parts if part in kept()]


def replying(after: str) -> object:
    """An answer with the placeholder that the request shows, where `after` says NAME."""

    def reply(request: Request) -> Reply:
        (name,) = set(PLACEHOLDER.findall(json.dumps(request.body)))
        edit = {"path": "a.py", "before": f'TOKEN = "{name}"', "after": after.replace("NAME", name)}
        return edits_reply("Rename it", [edit])

    return reply


async def test_a_secret_comes_back_where_it_was(root: Path) -> None:
    with MessagesServer(replying('API_TOKEN = "NAME"')) as server:  # type: ignore[arg-type]
        made = await run(root, GOAL, server)
    assert isinstance(made, Suggestion), made
    assert [edit.replacement for edit in made.candidate.edits] == [f'API_TOKEN = "{KEY}"\n']
    assert KEY not in sent(server) + kept()


@pytest.mark.parametrize(
    "after",
    [
        'TOKEN = "NAME"\nCOPY = "NAME"',
        'TOKEN = "NAME"\nprint("NAME")',
        'TOKEN = "<<TRUEUP_SECRET_7_x>>"',
    ],
    ids=["twice", "printed", "unknown"],
)
async def test_a_secret_goes_nowhere_else(after: str, root: Path) -> None:
    with MessagesServer(*[replying(after)] * 2) as server:  # type: ignore[arg-type]
        made = await run(root, GOAL, server)
    assert isinstance(made, Failure), made
    assert KEY not in made.sentence + sent(server) + kept()


@pytest.mark.parametrize(
    ("path", "ignores", "says"),
    [
        ("private.py", {".trueupignore": "private.py\n"}, ".trueupignore ignores it"),
        ("out/made.py", {".gitignore": "out/\n"}, ".gitignore ignores it"),
        ("sub/a.py", {".gitignore": "!a.py\n", "sub/.gitignore": "*.py\n"}, "sub/.gitignore"),
        ("service.env", {}, "files with such names hold keys"),
    ],
)
async def test_ignored_files_are_not_shown(
    path: str, ignores: dict[str, str], says: str, root: Path
) -> None:
    for name, text in {path: "x = 1\n", **ignores}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    goal = Goal(GoalKind.REFACTOR, Recipe.INSTRUCT, path, Span(0, 0), instruction="Double it.")
    with MessagesServer() as server:
        made = await run(root, goal, server)
    assert isinstance(made, Failure)
    assert says in made.sentence
    assert server.requests == []


async def test_what_is_taken_back_by_a_deeper_file_is_shown(root: Path) -> None:
    (root / ".gitignore").write_text("*.py\n")
    (root / "sub").mkdir()
    (root / "sub" / ".gitignore").write_text("!a.py\n")
    (root / "sub" / "a.py").write_text("x = 1\n")
    goal = Goal(GoalKind.REFACTOR, Recipe.INSTRUCT, "sub/a.py", Span(0, 0), instruction="Double.")
    with MessagesServer(edits_reply("No", [])) as server:
        await run(root, goal, server)
    assert "x = 1" in sent(server)


async def test_what_is_hidden_is_not_shown(root: Path) -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    (root / "a.py").write_text(f"# before{tags}\u202e after\ndef f(x):\n    return x\n")
    with MessagesServer(edits_reply("No", [])) as server:
        await run(root, GOAL, server)
    assert "# before after" in sent(server)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("key files", KEY_FILES),
        ("kinds", tuple(sorted({form.kind for form in (*FORMATS.of_makers, FORMATS.assigned)}))),
    ],
)
def test_the_statement_is_what_the_program_does(mark: str, said: tuple[str, ...]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text("utf-8")
    stated = page.partition(f"<!-- {mark} -->")[2].partition("<!-- end -->")[0]
    assert tuple(re.findall("`([^`]+)`", stated)) == said
    assert f"`{settings.VENDOR}`" in page
