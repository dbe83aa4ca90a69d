"""Builds the wheel and the source archive of the last commit twice: are they alike?

The moment that is written into them is that of the commit. The first pair stays in `dist/`. Needs
`build`, and a registry for the build's own requirements.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


def main() -> int:
    moment = _git("log", "-1", "--format=%ct").decode().strip()
    archive = _git("archive", "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        found = [_built(archive, Path(folder, name), moment) for name in ("one", "another place")]
        first, second = ({file.name: _digest(file) for file in files} for files in found)
        shutil.rmtree(ROOT / "dist", ignore_errors=True)
        shutil.copytree(found[0][0].parent, ROOT / "dist")
    for name, digest in first.items():
        same = second.get(name) == digest
        sys.stdout.write(f"{'same' if same else 'DIFFERENT'} {digest} {name}\n")
    return 0 if first == second and len(first) == 2 else 1


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def _built(archive: bytes, folder: Path, moment: str) -> list[Path]:
    """A wheel and a source archive, made in `folder`."""
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    made = folder / "made"
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(made), str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": moment},
    )
    return sorted(made.iterdir())


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
