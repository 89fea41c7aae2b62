"""One virtual environment per release, made by uv."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.matrix.releases import BUILD_CONSTRAINTS, Release

PYTHON = "3.11"


def uv() -> str:
    """The program, from the variable UV, the path, or beside this interpreter."""
    found = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if not Path(found).exists():
        raise SystemExit("uv is needed: install it, or name it in the variable UV.")
    return found


def make(release: Release, folder: Path) -> Path:
    """The Python of the release's environment, made unless it is there."""
    home = folder / release.version
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        constraints = folder / "build-constraints.txt"
        folder.mkdir(parents=True, exist_ok=True)
        constraints.write_text(BUILD_CONSTRAINTS)
        run("venv", "--quiet", "--python", PYTHON, str(home))
        client = f"qiskit-ibm-runtime=={release.version}"
        options = ("--quiet", "--python", str(python), "--build-constraints", str(constraints))
        run("pip", "install", *options, client, *release.pins)
        (home / "complete").touch()
    return python


def run(*words: str) -> None:
    """Run uv; fails with what it printed."""
    done = subprocess.run([uv(), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def remove(release: Release, folder: Path) -> None:
    """Give the space back."""
    shutil.rmtree(folder / release.version, ignore_errors=True)
