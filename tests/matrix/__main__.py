"""Try each release, or those that are named, and write the table."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.matrix import environments, table
from tests.matrix.releases import RELEASES, Release
from tests.matrix.service import Address, known, running

SCRIPTS = Path(__file__).resolve().parent
TAKES_AT_MOST = 400
URLS = {"ibm_quantum": "/auth", "ibm_cloud": "/experimental", "ibm_quantum_platform": "/experimental"}
OLD_INSTANCE = "demo/main/open-lab"


def main(arguments: list[str]) -> int:
    """0 when every release that was tried did every step."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("releases", nargs="*", help="versions to try; all when none is named")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/matrix"), help="environments and outcomes")
    parser.add_argument("--keep", action="store_true", help="leave the environments for the next time")
    parser.add_argument("--data", type=Path, help="the folder of a service with demo data that runs already")
    options = parser.parse_args(arguments)
    chosen = [each for each in RELEASES if not options.releases or each.version in options.releases]
    results = options.folder / "outcomes"
    results.mkdir(parents=True, exist_ok=True)
    with known(options.data) if options.data else running() as address:
        good = [tried(each, options.folder, results, address, keep=options.keep) for each in chosen]
    found = table.written(results, [each.version for each in RELEASES])
    table.put(found)
    print(found)
    return 0 if all(good) else 1


def tried(release: Release, folder: Path, results: Path, address: Address, *, keep: bool) -> bool:
    """Whether the release did every step."""
    print(f"{release.version}: making its environment", flush=True)
    python = environments.make(release, folder)
    outcome = session(release, python, address)
    table.noted(results, release.version, release.channel, outcome)
    if not keep:
        environments.remove(release, folder)
    bad = {name: step["told"] for name, step in outcome["steps"].items() if not step["ok"]}
    print(f"{release.version}: {bad or 'every step'}", flush=True)
    return not bad


def session(release: Release, python: Path, address: Address) -> dict[str, Any]:
    """Run the release's script; its steps, by name."""
    script = SCRIPTS / f"{release.script}.py"
    try:
        done = subprocess.run(
            [str(python), str(script)],
            env=environment(release, address),
            capture_output=True,
            text=True,
            check=False,
            timeout=TAKES_AT_MOST,
        )
    except subprocess.TimeoutExpired:
        return {"steps": {"login": {"ok": False, "told": f"took more than {TAKES_AT_MOST} s"}}}
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        told = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        return {"steps": {"login": {"ok": False, "told": told}}}
    sys.stderr.write("\n".join(done.stderr.splitlines()[-60:]) + "\n")
    found: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    return found


def environment(release: Release, address: Address) -> dict[str, str]:
    """A shell's variables as docs/clients.md tells users to set them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    old = release.channel == "ibm_quantum"
    return {
        **kept,
        "IAM_URL": address.base,
        "GLOBAL_SEARCH_URL": address.base,
        "GLOBAL_CATALOG_URL": f"{address.base}/catalog",
        "MATRIX_CHANNEL": release.channel,
        "MATRIX_TOKEN": address.token,
        "MATRIX_URL": address.base + URLS[release.channel],
        "MATRIX_INSTANCE": OLD_INSTANCE if old else address.crn,
        "MATRIX_BACKEND": address.backend,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
