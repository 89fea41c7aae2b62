"""Run the kernel's tests against a mutant, in a folder with nothing but the kernel and its tests."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.catalogue import Mutant

ROOT = Path(__file__).resolve().parents[2]
KERNEL = Path("quantumsvc/scheduling")
# The tables come first, so that the report names the sentence that a mutant contradicts.
TESTS = ("policy", "fairshare", "timers", "windows", "world", "explain", "forecast", "machine")
SECONDS_ALLOWED = 120
WORKERS = 2


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant. ``killer`` is the test that failed first, empty if none did."""

    mutant: Mutant
    killer: str

    @property
    def survived(self) -> bool:
        return not self.killer


def verdicts(mutants: Sequence[Mutant]) -> list[Verdict]:
    """Try all mutants, after making sure that the tests pass without any."""
    if killer := _trial(None):
        raise SystemExit(f"The tests fail without any mutant: {killer}")
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda mutant: Verdict(mutant, _trial(mutant)), mutants))


def _trial(mutant: Mutant | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        _lay_out(copy)
        if mutant is not None:
            _break(copy / KERNEL / mutant.file, mutant)
        return _first_failure(copy)


def _lay_out(copy: Path) -> None:
    for package in (KERNEL, Path("tests/scheduling")):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for parent in ("quantumsvc", "tests"):
        (copy / parent / "__init__.py").touch()
    (copy / "pytest.ini").write_text("[pytest]\n")


def _break(path: Path, mutant: Mutant) -> None:
    text = path.read_text()
    found = text.count(mutant.old)
    if found != 1:
        raise SystemExit(f"{mutant.file} has {found} of {mutant.old!r}; the catalogue must follow the kernel")
    path.write_text(text.replace(mutant.old, mutant.new))


def _first_failure(copy: Path) -> str:
    files = [f"tests/scheduling/test_{name}.py" for name in TESTS]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider",
               "-p", "no:django", "-p", "no:asyncio", *files]  # fmt: skip
    env = {**os.environ, "MACHINE_UNSHRUNK": "1", "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=env, capture_output=True, text=True, timeout=SECONDS_ALLOWED, check=False
        )
    except subprocess.TimeoutExpired:
        return "did not end"
    if done.returncode == 0:
        return ""
    named = re.search(r"^(?:FAILED|ERROR) tests/scheduling/(.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if named is None:
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return named[1]


def report(results: Sequence[Verdict]) -> str:
    """A table in Markdown, and the score."""
    lines = ["| rule | mutant | killed by |", "|---|---|---|"]
    lines += [f"| {r.mutant.rule} | {r.mutant.what} | {_shown(r)} |" for r in results]
    killed = sum(not r.survived for r in results)
    return "\n".join([*lines, "", f"{killed} of {len(results)} mutants killed.", ""])


def _shown(verdict: Verdict) -> str:
    if verdict.survived:
        return "**SURVIVED**"
    named = re.fullmatch(r"test_(\w+)\.py::\w+\[(.+)\]", verdict.killer)
    return f"{named[1]}: {named[2]}" if named else verdict.killer
