"""One story in a real Emacs, configured with nothing but what its page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from support.sessions import SOURCE, TOTAL
from support.shops import ILLEGAL, LEGAL
from support.tiny_projects import Project

PAGE = Path(__file__).parents[3] / "docs" / "editors" / "emacs.md"
STORY = Path(__file__).parent / "story.el"
STORY_SECONDS = 200


def test_a_verified_fix_is_picked_from_the_actions(
    shop: Project, programs: Path, environment: dict[str, str], interpreter: Path, tmp_path: Path
) -> None:
    shop.put(SOURCE, ILLEGAL + TOTAL.lstrip("\n"))
    (shop.root / ".venv").symlink_to(interpreter.parent.parent)
    subprocess.run(("git", "init", "-q"), cwd=shop.root, check=True, timeout=30)
    before = (shop.root / SOURCE).read_text("utf-8")
    (block,) = re.findall(
        r"^```elisp\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    configuration, seen = tmp_path / "configuration.el", tmp_path / "seen.json"
    configuration.write_text(block)
    own = Path(sys.executable).parent
    done = subprocess.run(
        [
            str(programs / "emacs"), "-Q", "--batch", "-l", str(STORY),
            str(configuration), str(shop.root / SOURCE), str(seen),
        ],
        env=environment | {"PATH": f"{own}:{environment['PATH']}", "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=STORY_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(seen.read_text("utf-8"))
    (diagnostic,) = found["diagnostics"]
    assert "shop.total must not import shop.web" in diagnostic
    assert found["fixed"] == before.replace(ILLEGAL, LEGAL)
    assert [asked["choices"][0][:10] for asked in found["asked"]] == ["Break this", "Run once"]
