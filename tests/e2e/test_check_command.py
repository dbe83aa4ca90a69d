"""`trueup check`, `init` and `graph` as a terminal, a hook and CI run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.commands import Done, trueup

CONTRACTS = """
[[tool.trueup.contracts]]
id = "down"
name = "Imports: down, 100%"
kind = "layers"
within = ["shop"]
layers = ["web", "core", "base"]
because = "Ask for a port."
"""
FILES = {
    "pyproject.toml": CONTRACTS,
    "shop/__init__.py": "",
    "shop/web.py": "from shop import core\n",
    "shop/core.py": "import shop.tools\n",
    "shop/base.py": "x = 1\nfrom shop import core\n",
    "shop/tools.py": "from shop import web\n",
}
DIRECT = "shop.base must not import shop.core: layer base is below core. Ask for a port."
CHAINED = (
    "shop.core must not import shop.web, as it does through shop.tools: layer core is below web."
    " Ask for a port."
)
OF_IMPORT_LINTER = """
[tool.importlinter]
root_package = "app"

[[tool.importlinter.contracts]]
name = "Core is alone"
type = "independence"
modules = ["app.core"]
"""
FINDING_KEYS = [
    "code", "contract", "decision", "severity", "path", "line", "column", "end_column", "message",
    "chain",
]  # fmt: skip


def project(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return project(tmp_path / "shop project", FILES)


def answer(done: Done, code: int) -> str:
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout


def says(done: Done, *words: str) -> None:
    """A usage error that says this in words, and nothing on stdout."""
    assert answer(done, 2) == ""
    told = " ".join(done.stderr.split())
    for word in words:
        assert word in told


def test_text_says_what_breaks_a_contract_and_the_way_there(shop: Path) -> None:
    assert answer(trueup(shop, "check"), 1).splitlines() == [
        "",
        "Imports: down, 100%",
        f"  shop/base.py:2:18 {DIRECT}",
        f"  shop/core.py:1:8 {CHAINED}",
        "      shop.core imports shop.tools  shop/core.py:1",
        "      shop.tools imports shop.web  shop/tools.py:1",
        "0 of 1 contract or rule kept, 2 findings about the rest, 1 more import in their chains.",
    ]


def test_json_has_the_agreed_shape(shop: Path) -> None:
    found = json.loads(answer(trueup(shop, "check", "--format", "json"), 1))
    assert [list(item) for item in found] == [FINDING_KEYS] * 3
    assert found[1] == {
        "code": "layers",
        "contract": "down",
        "decision": "",
        "severity": "error",
        "path": "shop/core.py",
        "line": 1,
        "column": 8,
        "end_column": 18,
        "message": CHAINED,
        "chain": [
            {"importer": "shop.core", "imported": "shop.tools", "path": "shop/core.py", "line": 1},
            {"importer": "shop.tools", "imported": "shop.web", "path": "shop/tools.py", "line": 1},
        ],
    }
    assert [item["severity"] for item in found] == ["error", "error", "information"]


def sarif_holds(document: Any) -> list[dict[str, Any]]:
    """What SARIF 2.1.0 requires of all that is written; the results."""
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert set(run) <= {"tool", "results", "columnKind"}
    assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            physical = location["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert uri.isascii()
            assert not set(uri) & set(' "<>\\^`{|}#?')
            assert all(value >= 1 for value in physical["region"].values())
        for suppression in result.get("suppressions", ()):
            assert suppression["kind"] in {"inSource", "external"}
    return list(run["results"])


def test_sarif_has_what_the_standard_requires(shop: Path) -> None:
    project(shop, {"shop/größe #1.py": "from shop import web\n", "shop/core.py": ""})
    contract = '\n[[tool.trueup.contracts]]\nid = "apart"\nkind = "protected"\n'
    contract += 'protect = ["shop.web"]\nallow = []\n'
    (shop / "pyproject.toml").write_text(CONTRACTS + contract)
    results = sarif_holds(json.loads(answer(trueup(shop, "check", "--format", "sarif"), 1)))
    assert len(results) == 3
    uris = {item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in results}
    assert "shop/gr%C3%B6%C3%9Fe%20%231.py" in uris


def test_sarif_suppresses_what_the_baseline_has_and_keeps_fingerprints(shop: Path) -> None:
    before = sarif_holds(json.loads(answer(trueup(shop, "check", "--format", "sarif"), 1)))
    answer(trueup(shop, "check", "--update-baseline"), 0)
    (shop / "shop/base.py").write_text("\n\nx = 1\nif x:\n    from shop import core\n")
    after = sarif_holds(json.loads(answer(trueup(shop, "check", "--format", "sarif"), 0)))
    marks = [[item["partialFingerprints"] for item in results] for results in (before, after)]
    assert marks[0] == marks[1]
    assert ["suppressions" in item for item in after] == [True, True, False]


def test_github_annotations_are_escaped(shop: Path) -> None:
    first = answer(trueup(shop, "check", "--format", "github"), 1).splitlines()[0]
    assert first == (
        "::error file=shop/base.py,line=2,col=18,endColumn=22,title=Imports%3A down%2C 100%25::"
        "shop.base must not import shop.core: layer base is below core. Ask for a port."
    )


def test_github_is_told_nothing_where_nothing_is_wrong(shop: Path) -> None:
    project(shop, {"shop/base.py": "", "shop/tools.py": ""})
    assert answer(trueup(shop, "check", "--format", "github"), 0) == ""
    assert json.loads(answer(trueup(shop, "check", "--format", "json"), 0)) == []


def test_paths_limit_what_is_shown_and_not_what_is_looked_at(shop: Path) -> None:
    found = json.loads(answer(trueup(shop, "check", "shop/base.py", "--format", "json"), 1))
    assert {item["path"] for item in found} == {"shop/base.py"}
    assert "kept" in answer(trueup(shop, "check", "shop/web.py"), 0)
    assert len(json.loads(answer(trueup(shop, "check", "shop", "--format", "json"), 1))) == 3
    assert len(json.loads(answer(trueup(shop / "shop", "check", "--format", "json"), 1))) == 3
    says(trueup(shop, "check", "nowhere.py"), "nowhere.py")


def test_the_baseline_is_known_and_told_of_when_it_is_stale(shop: Path) -> None:
    answer(trueup(shop, "check", "--update-baseline"), 0)
    assert answer(trueup(shop, "check"), 0) == (
        "1 of 1 contract or rule kept, 1 more import in their chains, 2 known from the baseline.\n"
    )
    (shop / "shop/base.py").write_text("")
    with (shop / "architecture-baseline.txt").open("a") as file:
        file.write("gone: a -> b\nnonsense\n")
    told = answer(trueup(shop, "check", "--format", "json"), 2)
    problems = [(item["line"], item["severity"], item["message"]) for item in json.loads(told)[:3]]
    assert problems == [
        (3, "warning", "shop.base -> shop.core does not break down any more; this line can go"),
        (5, "warning", "there is no contract called gone; this line can go"),
        (6, "error", "this line is not `contract: importer -> imported`"),
    ]
    answer(trueup(shop, "check", "--update-baseline"), 0)
    assert "1 known from the baseline" in answer(trueup(shop, "check"), 0)


def test_the_baseline_is_not_called_stale_by_a_configuration_that_cannot_be_read(
    shop: Path,
) -> None:
    """Its lines would be deleted, and be missed when the configuration is mended."""
    answer(trueup(shop, "check", "--update-baseline"), 0)
    (shop / "pyproject.toml").write_text(CONTRACTS.replace('"down"', '"down'))
    told = answer(trueup(shop, "check"), 2).splitlines()
    assert told[0].startswith("pyproject.toml:3 pyproject.toml cannot be read")
    assert told[1:] == ["No contract is judged, 1 problem in the configuration."]


def test_an_id_of_two_lines_is_one_line_of_the_baseline(shop: Path) -> None:
    (shop / "pyproject.toml").write_text(CONTRACTS.replace('"down"', '" two\\n lines"'))
    answer(trueup(shop, "check", "--update-baseline"), 0)
    assert "2 known from the baseline" in answer(trueup(shop, "check"), 0)


def test_a_baseline_is_not_written_of_what_was_not_judged(shop: Path) -> None:
    answer(trueup(shop, "check", "--update-baseline"), 0)
    before = (shop / "architecture-baseline.txt").read_text()
    (shop / "pyproject.toml").write_text(CONTRACTS.replace("]", ""))
    says(trueup(shop, "check", "--update-baseline"), "pyproject.toml", "as it was")
    assert (shop / "architecture-baseline.txt").read_text() == before
    (shop / "pyproject.toml").write_text("")
    says(trueup(shop, "check", "--update-baseline"), "no contract is configured")
    assert (shop / "architecture-baseline.txt").read_text() == before


@pytest.mark.parametrize(
    ("contracts", "words"),
    [
        (CONTRACTS + 'exhaustiv = true\nlayerz = ["a"]\n', ["exhaustive"]),
        (CONTRACTS.replace("layers", "layer", 1), ["layers"]),
        (CONTRACTS.replace('"base"', '"core"'), ["core", "more than one"]),
        (CONTRACTS.replace('"base"', '"nothing"'), ["shop.nothing"]),
        ("[tool.trueup.contracts\n", ["pyproject.toml cannot be read"]),
        ("[tool.trueup]\ncontracts = 3\n", ["contracts"]),
        ("[tool.trueup]\ncontracts = [3]\n", ["contracts"]),
        ('[tool.trueup.architecture]\nroot_packages = ["shap"]\n' + CONTRACTS, ["shap"]),
    ],
)
def test_a_wrong_configuration_is_an_error_at_its_line(
    contracts: str, words: list[str], shop: Path
) -> None:
    (shop / "pyproject.toml").write_text(contracts)
    told = answer(trueup(shop, "check"), 2)
    assert told.startswith("pyproject.toml:")
    assert all(word in told for word in words)


def test_contradictory_contracts_are_each_judged(shop: Path) -> None:
    """Each alone could be kept; the import that one asks for is what another forbids."""
    other = CONTRACTS.replace('"down"', '"up"').replace('"web", "core", "base"', '"base", "core"')
    (shop / "pyproject.toml").write_text(CONTRACTS + other)
    (shop / "shop/web.py").write_text("from shop import core\nfrom shop import base\n")
    (shop / "shop/core.py").write_text("from shop import base\n")
    found = json.loads(answer(trueup(shop, "check", "--format", "json"), 1))
    pairs = {(item["contract"], item["path"]) for item in found if item["severity"] == "error"}
    assert pairs == {("down", "shop/base.py"), ("up", "shop/core.py")}


def test_a_folder_without_contracts_or_project_is_fine(tmp_path: Path) -> None:
    assert answer(trueup(tmp_path, "check"), 0).startswith("No contract and no rule is configured")
    assert json.loads(answer(trueup(tmp_path, "check", "--format", "json"), 0)) == []
    says(trueup(tmp_path, "check", "--update-baseline"), "no contract")
    assert list(tmp_path.iterdir()) == []


def test_names_of_files_that_are_no_text_are_printed_all_the_same(shop: Path) -> None:
    name = os.fsdecode(os.fsencode(shop / "shop") + b"/caf\xe9.py")
    Path(name).write_text("from shop import web\n")
    contract = '\n[[tool.trueup.contracts]]\nkind = "protected"\nprotect = ["shop.web"]\nallow = []'
    (shop / "pyproject.toml").write_text(contract)
    for form in ("text", "json", "sarif", "github"):
        assert "caf" in answer(trueup(shop, "check", "--format", form), 1)
    answer(trueup(shop, "check", "--update-baseline"), 0)
    assert "known from the baseline" in answer(trueup(shop, "check"), 0)
    answer(trueup(shop, "graph", "-o", "picture.svg"), 0)


def test_a_watch_reports_again_when_a_file_changes(shop: Path) -> None:
    command = [sys.executable, "-m", "trueup", "check", "--watch", "--format", "github"]
    with subprocess.Popen(
        command, cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        lines = watching.stdout
        assert "shop/base.py" in lines.readline() + lines.readline() + lines.readline()
        (shop / "shop/base.py").write_text("from shop import web\n")
        told = lines.readline() + lines.readline() + lines.readline()
        assert "shop.base must not import shop.web" in told
        (shop / "shop/core.py").rename(shop / "shop/kern.py")
        assert "there is no module shop.core" in lines.readline()
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert "Traceback" not in watching.stderr.read()
    assert watching.returncode in {1, 2}


PROJECTS: Mapping[str, Mapping[str, str]] = {
    "layers": {
        "app/__init__.py": "",
        "app/cli.py": "from app import core\n",
        "app/core/__init__.py": "from app.base import x\n",
        "app/base.py": "x = 1\n",
    },
    "a circle": {
        "app/__init__.py": "",
        "app/a.py": "from app import b\n",
        "app/b.py": "from app import c\n",
        "app/c.py": "from app import a\nfrom app import d\n",
        "app/d.py": "",
    },
    "two packages and a source folder": {
        "src/one/__init__.py": "import two.b\n",
        "src/one/a.py": "from one import b\n",
        "src/one/b.py": "",
        "src/two/__init__.py": "",
        "src/two/b.py": "from two import c\nimport one.a\n",
        "src/two/c.py": "",
        "tests/test_one.py": "import one\n",
    },
    "names that no import can say": {
        "app/__init__.py": "",
        "app/a.py": "from app import b\n",
        "app/b.py": "",
        "app/my-script.py": "from app import a\n",
        'app/q"u|o:t\\e.py': "from app import a\n",
        "app/größe.py": "from app import a\n",
    },
    "more levels than layers": {
        "app/__init__.py": "",
        **{f"app/m{n}.py": f"from app import m{n + 1}\n" for n in range(20)},
        "app/m20.py": "",
    },
}


@pytest.mark.parametrize("title", PROJECTS)
def test_what_init_proposes_holds(title: str, tmp_path: Path) -> None:
    root = project(tmp_path, PROJECTS[title] | {"pyproject.toml": '[project]\nname = "app"\n'})
    before = (root / "pyproject.toml").read_text()
    shown = answer(trueup(root, "init", "--dry-run"), 0)
    assert (root / "pyproject.toml").read_text() == before
    answer(trueup(root, "init"), 0)
    assert (root / "pyproject.toml").read_text() == f"{before}\n{shown}"
    assert "problem" not in answer(trueup(root, "check"), 0)
    says(trueup(root, "init"), "contracts already")


def test_init_without_a_project_file_makes_one(tmp_path: Path) -> None:
    project(tmp_path, PROJECTS["layers"])
    answer(trueup(tmp_path, "init"), 0)
    answer(trueup(tmp_path, "check"), 0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[project\n", "cannot be added to"),
        ("[tool.trueup.architecture]\n", "cannot be added to"),
        (CONTRACTS, "1 contract already"),
        (CONTRACTS.replace("layers", "lairs"), "lairs"),
        (OF_IMPORT_LINTER, "1 contract already"),
    ],
    ids=["broken", "half", "has one", "has a wrong one", "has one of import-linter"],
)
def test_init_leaves_what_it_cannot_add_to(text: str, word: str, tmp_path: Path) -> None:
    root = project(tmp_path, PROJECTS["layers"] | {"pyproject.toml": text})
    says(trueup(root, "init"), word)
    assert (root / "pyproject.toml").read_text() == text
    assert not (root / "architecture-baseline.txt").exists()


def test_init_says_where_there_is_nothing_to_propose(tmp_path: Path) -> None:
    says(trueup(tmp_path, "init"), "no package was found")
    project(tmp_path, {"app/__init__.py": ""})
    says(trueup(tmp_path, "init"), "no package here has parts")


@pytest.mark.parametrize("name", ["picture.svg", "page.html", "new folder/[red].svg"])
def test_a_graph_is_drawn(name: str, shop: Path) -> None:
    done = trueup(shop, "graph", "-o", name)
    assert answer(done, 0) == ""
    assert name in " ".join(done.stderr.split())
    text = (shop / name).read_text()
    assert "shop.core" in text
    assert text.lstrip().startswith(("<svg", "<!doctype html>", "<!DOCTYPE html>", "<?xml"))


@pytest.mark.parametrize("name", ["picture.png", "picture", "[/x].png"])
def test_a_graph_of_another_kind_is_refused(name: str, shop: Path) -> None:
    says(trueup(shop, "graph", "-o", name), name, "neither")


def test_a_graph_that_cannot_be_written_is_told(shop: Path, tmp_path: Path) -> None:
    (shop / "folder.svg").mkdir()
    says(trueup(shop, "graph", "-o", "folder.svg"), "folder.svg cannot be written")
    says(trueup(shop, "graph", "-o", "pyproject.toml/x.svg"), "cannot be written")
    (tmp_path / "empty").mkdir()
    says(trueup(tmp_path / "empty", "graph"), "no package was found")
