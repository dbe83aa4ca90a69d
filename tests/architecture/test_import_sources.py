"""What is read from files, and remembered of it: the same answers, whatever happened to either."""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from time import process_time

import pytest

from trueup.architecture import sources
from trueup.architecture.checker import Architecture
from trueup.architecture.imports import Universe, imports_of
from trueup.architecture.sources import FILE_BYTES_MAX, read_text, text_of

FILES = {
    "pyproject.toml": """
[[tool.trueup.contracts]]
id = "down"
kind = "layers"
within = ["shop"]
layers = ["web", "core", "base"]
""",
    "shop/__init__.py": "",
    "shop/web.py": "import shop.core\n",
    "shop/core.py": "from shop import base\n",
    "shop/base.py": "from shop import web\n",
}
BROKEN = {("down", "shop.base", "shop.web")}
MODULES_A_SECOND = 500
"""Far fewer than there are on any machine; a search that is not linear is slower."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return written(tmp_path / "project", FILES)


@pytest.fixture
def cache(root: Path, tmp_path: Path) -> Path:
    """The cache of a project that was read once."""
    cache = tmp_path / "cache" / "imports"
    assert Architecture(root, cache).broken() == BROKEN
    assert cache.is_file()
    return cache


def written(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        (root / path).write_bytes(raw)
    return root


def test_a_cache_that_is_cut_anywhere_is_read_as_none(root: Path, cache: Path) -> None:
    whole = cache.read_bytes()
    for length in {0, 1, 8, 16, 17, 40, 48, 49, 50, len(whole) // 2, len(whole) - 1}:
        cache.write_bytes(whole[:length])
        assert Architecture(root, cache).broken() == BROKEN
        assert cache.read_bytes() == whole


GARBAGE: Mapping[str, Callable[[bytes], bytes]] = {
    "nothing but zeros": lambda whole: bytes(len(whole)),
    "something else": lambda whole: b"\x89PNG\r\n" * len(whole),
    "more at its end": lambda whole: whole + b"x",
    "one bit turned": lambda whole: whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
    "another order": lambda whole: whole[::-1],
    "of another version": lambda whole: b"trueup imports 0\n" + whole.partition(b"\n")[2],
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_cache_of_garbage_is_read_as_none(garbage: str, root: Path, cache: Path) -> None:
    whole = cache.read_bytes()
    cache.write_bytes(GARBAGE[garbage](whole))
    assert Architecture(root, cache).broken() == BROKEN
    assert cache.read_bytes() == whole


def test_a_cache_of_another_version_of_trueup_is_read_as_none(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version may read texts in another way, whether or not it writes in another."""
    monkeypatch.setattr(sources, "_MAGIC", sources.magic("0.0.1"))
    Architecture(root, cache)
    monkeypatch.undo()
    payload = marshal.dumps(dict.fromkeys(FILES, (1, 1, ("shop.nothing",), ())))
    digest = hashlib.blake2b(payload, digest_size=32).digest()
    cache.write_bytes(sources.magic("0.0.1") + digest + payload)
    assert Architecture(root, cache).broken() == BROKEN


def test_a_cache_that_is_in_the_way_costs_only_time(root: Path, cache: Path) -> None:
    cache.unlink()
    cache.mkdir()
    assert Architecture(root, cache).broken() == BROKEN
    assert not list(cache.parent.glob("imports.*"))
    cache.rmdir()
    cache.parent.rmdir()
    cache.parent.write_text("a file where the folder should be")
    assert Architecture(root, cache).broken() == BROKEN


def test_a_cache_that_may_not_be_read_or_written_costs_only_time(root: Path, cache: Path) -> None:
    cache.chmod(0)
    cache.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert Architecture(root, cache).broken() == BROKEN
    finally:
        cache.parent.chmod(stat.S_IRWXU)


def test_a_cache_that_is_deleted_in_between_is_made_again(root: Path, cache: Path) -> None:
    architecture = Architecture(root, cache)
    cache.unlink()
    (root / "shop/base.py").write_text("")
    architecture.look("shop/base.py")
    assert not architecture.broken()
    architecture.sources.save()
    assert not Architecture(root, cache).broken()


def test_what_changed_while_nobody_looked_is_read_again(root: Path, cache: Path) -> None:
    (root / "shop/base.py").write_text("# none\n")
    (root / "shop/new.py").write_text("")
    (root / "shop/core.py").unlink()
    assert not Architecture(root, cache).broken()
    (root / "shop/base.py").write_text(FILES["shop/base.py"])
    assert Architecture(root, cache).broken() == BROKEN


CONTENTS: Mapping[str, tuple[bytes, bool]] = {
    "a byte order mark": (b"\xef\xbb\xbffrom shop import web\n", True),
    "line ends of Windows": (b"import os\r\nfrom shop import (\r\n  web,\r\n)\r\n", True),
    "line ends of old": (b"import os\rfrom shop import web\r", True),
    "all line ends": (b"import os\r\n\r\n\rfrom shop import web\n\r", True),
    "latin-1, as it says": (b"# coding: latin-1\nx = '\xe9'\nfrom shop import web\n", True),
    "latin-1, and says nothing": (b"x = '\xe9'\nfrom shop import web\n", True),
    "latin-1, and says UTF-8": (b"# coding: utf-8\nx = '\xe9'\nfrom shop import web\n", True),
    "no encoding that there is": (b"# coding: klingon\nx = '\xe9'\nfrom shop import web\n", True),
    "no encoding of text": (b"# coding: hex\nx = '\xe9'\nfrom shop import web\n", True),
    "an encoding that refuses": (b"# coding: undefined\n'\xe9'\nfrom shop import web\n", True),
    "escapes as an encoding": (
        b"# coding: unicode_escape\n'\xe9\\n'\nfrom shop import web\n",
        True,
    ),
    "a null byte": (b"x = 1\0\nfrom shop import web\n", True),
    "null bytes": (b"\0" * 10_000 + b"\nfrom shop import web\n", True),
    "UTF-16": ("from shop import web\n".encode("utf-16"), False),
    "half a character": (b"from shop import web\n'\xf0\x9f", True),
    "a surrogate": (b"'\xed\xa0\x80'\nfrom shop import web\n", True),
    "nothing": (b"", False),
    "any bytes": (bytes(range(256)) * 100, False),
    "a form feed": (b"\x0cfrom shop import web\n", True),
    "the end of a file of DOS": (b"from shop import web\n\x1a", True),
    "a very long line": (b"x = (" + b"'x', " * 200_000 + b")\nfrom shop import web\n", True),
    "very many imports": (b"import os, sys\n" * 50_000 + b"from shop import web\n", True),
    "deep brackets": (b"(" * 100_000 + b"\nfrom shop import web\n", True),
}


@pytest.mark.parametrize("title", CONTENTS)
def test_any_bytes_are_read_and_the_rest_is_judged(title: str, root: Path) -> None:
    raw, imports_web = CONTENTS[title]
    (root / "shop/base.py").write_bytes(raw)
    (root / "shop/core.py").write_text("from shop import base, web\n")
    architecture = Architecture(root)
    expected = {("down", "shop.core", "shop.web")} | (BROKEN if imports_web else set())
    assert architecture.broken() == expected
    assert {finding.key for finding in architecture.everything()} == expected
    assert architecture.problems == ()


def test_a_file_of_fifty_megabytes_imports_nothing_and_is_not_read(root: Path) -> None:
    with (root / "shop/base.py").open("r+b") as file:
        file.truncate(50 * 1024 * 1024)
    start = process_time()
    assert not Architecture(root).broken()
    assert process_time() - start < 1
    assert read_text(root / "shop/base.py") is None
    with (root / "shop/base.py").open("r+b") as file:
        file.truncate(FILE_BYTES_MAX)
    assert Architecture(root).broken() == BROKEN


def test_a_file_that_cannot_be_read_imports_nothing(root: Path) -> None:
    (root / "shop/base.py").unlink()
    (root / "shop/base.py").mkdir()
    (root / "shop/gone.py").symlink_to(root / "nowhere.py")
    architecture = Architecture(root)
    assert not architecture.broken()
    assert "shop.gone" not in architecture.graphs[0].graph


def test_a_file_that_became_something_else_is_let_go(root: Path) -> None:
    architecture = Architecture(root)
    (root / "shop/base.py").unlink()
    os.mkfifo(root / "shop/base.py")
    architecture.look("shop/base.py")
    assert not architecture.broken()
    assert architecture.findings("shop/base.py") == ()


def test_a_file_that_is_deleted_before_it_is_shown_is_not_shown(root: Path) -> None:
    architecture = Architecture(root)
    (root / "shop/base.py").unlink()
    assert architecture.everything() == ()
    architecture.look("shop/base.py")
    assert not architecture.broken()


def test_names_that_are_no_text_are_modules_like_others(root: Path) -> None:
    for name in (b"caf\xe9.py", "größe.py".encode(), b"a b.py", b"-.py", b"x%20y.py"):
        Path(os.fsdecode(os.fsencode(root / "shop") + b"/" + name)).write_text(
            "from shop import web\n"
        )
    cache = root / ".cache"
    first = Architecture(root, cache)
    assert first.broken() == Architecture(root, cache).broken()
    assert len(first.graphs[0].by_path) == 9


def test_text_is_what_its_cookie_says_where_it_is_not_utf_8() -> None:
    assert text_of("# coding: cp1252\n€".encode("cp1252")) == "# coding: cp1252\n€"
    assert text_of("#!python\n# -*- coding: koi8-r -*-\nж".encode("koi8-r")).endswith("ж")
    assert text_of("# coding: latin-1\né".encode()) == "# coding: latin-1\né"


@pytest.mark.parametrize(
    "modules", [pytest.param(5_000, id="few"), pytest.param(100_000, id="many")]
)
def test_any_number_of_modules_is_read_in_time(
    modules: int, tmp_path: Path, chance: Random
) -> None:
    """Each imports some of the others; the time is that of a search which is linear."""
    names = [f"p{number % 100}.m{number}" for number in range(modules)]
    top = tmp_path / "big"
    for package in range(100):
        (top / f"p{package}").mkdir(parents=True)
        (top / f"p{package}" / "__init__.py").touch()
    (top / "__init__.py").touch()
    for number, name in enumerate(names):
        imported = (names[chance.randrange(modules)] for _ in range(3))
        lines = "".join(f"from big import {one}\nimport big.{one}\n" for one in imported)
        (top / f"{name.replace('.', '/')}.py").write_text(lines if number % 2 else "")
    (tmp_path / "pyproject.toml").write_text(
        '[[tool.trueup.contracts]]\nkind = "independence"\nmodules = ["big.p1", "big.p2", "big.p3"]'
        '\n[[tool.trueup.contracts]]\nkind = "layers"\nwithin = ["big"]\nlayers = ["p1", "p2"]\n'
        '\n[[tool.trueup.contracts]]\nkind = "acyclic_siblings"\nwithin = ["big"]\ndepth = 2\n'
    )
    start = process_time()
    architecture = Architecture(tmp_path, tmp_path / "cache")
    assert architecture.broken()
    assert process_time() - start < 2 + modules / MODULES_A_SECOND
    assert len(architecture.graphs[0].by_path) == modules + 101
    warm = Architecture(tmp_path, tmp_path / "cache")
    assert warm.broken() == architecture.broken()


@pytest.mark.parametrize("step", [1, 7, 499], ids=["next", "seventh", "back"])
def test_a_ring_of_500_modules_is_one_circle_and_breaks_what_it_breaks(
    step: int, tmp_path: Path
) -> None:
    files = {
        f"ring/m{number}.py": f"from ring import m{(number + step) % 500}\n"
        for number in range(500)
    }
    contracts = """
[[tool.trueup.contracts]]
id = "circle"
kind = "acyclic_siblings"
within = ["ring"]

[[tool.trueup.contracts]]
id = "apart"
kind = "forbidden"
from = ["ring.m0"]
forbid = ["ring.m250"]
"""
    root = written(tmp_path, {"ring/__init__.py": "", "pyproject.toml": contracts, **files})
    architecture = Architecture(root)
    circle = {key for key in architecture.broken() if key[0] == "circle"}
    assert len(circle) == 500
    apart = {key for key in architecture.broken() if key[0] == "apart"}
    assert apart == {("apart", "ring.m0", f"ring.m{step}")}
    assert len(architecture.findings("ring/m0.py")) == 2
    (root / "ring/m100.py").write_text("")
    architecture.look("ring/m100.py")
    assert architecture.broken() == Architecture(root).broken()
    assert not any(key[0] == "circle" for key in architecture.broken())


def test_a_module_that_shadows_a_package_has_its_place(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        FILES
        | {
            "shop/base/__init__.py": "",
            "shop/base/deep.py": "from shop import core\n",
            "shop/os.py": "",
            "os/__init__.py": "",
            "shop/core.py": "import os\nfrom shop import os\n",
        },
    )
    architecture = Architecture(root)
    assert architecture.broken() == {*BROKEN, ("down", "shop.base.deep", "shop.core")}
    assert architecture.graphs[0].path_of("shop.base") == "shop/base.py"
    assert not imports_of(root, Universe(("shop", "os"))).missing
