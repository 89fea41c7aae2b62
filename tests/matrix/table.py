"""The outcomes as a table in docs/clients.md, between two marks."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.matrix.service import ROOT

PAGE = ROOT / "docs" / "clients.md"
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
STEPS = ("login", "backends", "sampler", "estimator", "device", "close", "cancel", "jobs", "refusal")
HEAD = ("release", "Qiskit", "channel", *STEPS, "tried on")
Outcome = dict[str, Any]


def noted(folder: Path, version: str, channel: str, outcome: Outcome) -> None:
    """Keep one release's outcome, so that releases can be tried one at a time."""
    outcome |= {"channel": channel, "date": datetime.now(UTC).date().isoformat()}
    (folder / f"{version}.json").write_text(json.dumps(outcome, indent=1))


def written(folder: Path, versions: list[str]) -> str:
    """The table of all outcomes that are kept."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for version in versions:
        path = folder / f"{version}.json"
        if path.exists():
            rows.append(_row(version, json.loads(path.read_text())))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(version: str, outcome: Outcome) -> tuple[str, ...]:
    steps = outcome.get("steps", {})
    marks = ("yes" if steps.get(name, {}).get("ok") else "no" for name in STEPS)
    qiskit = outcome.get("versions", {}).get("qiskit", "")
    return (version, qiskit, f"`{outcome['channel']}`", *marks, outcome["date"])


def put(table: str) -> None:
    """Replace the table of the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
