"""A picture of a simulation. Needs matplotlib, which nothing else here does."""

from pathlib import Path
from typing import Any

from sessions_app.simulation.playing import Record
from sessions_app.simulation.workload import Workload

# Beside the picture, where it hides no line.
_BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "fontsize": "small"}
_TIMES = {
    0.1: "0.1 s",
    1: "1 s",
    10: "10 s",
    60: "1 min",
    600: "10 min",
    3_600: "1 h",
    86_400: "1 day",
    864_000: "10 days",
}


def plot(workload: Workload, record: Record, path: Path) -> None:
    """Draw use over time and the waits. Raises ``ImportError`` when matplotlib is not installed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    above, below = figure.subplots(2, 1)
    days = [moment / 86_400 for moment in record.times]
    names = [instance.id for instance in workload.instances]
    for name in names:
        total = [sum(record.used[each][at] for each in names) or 1.0 for at in range(len(days))]
        parts = [100 * used / whole for used, whole in zip(record.used[name], total, strict=True)]
        above.plot(days[1:], parts[1:], label=name)
    above.set(xlabel="days", ylabel="% of the time used so far", ylim=(0, None))
    above.set_title("Fair share: parts of the time used")
    for window in workload.windows:
        above.axvspan(window.at / 86_400, window.end / 86_400, color="0.9", zorder=0)
    above.legend(**_BESIDE)
    for (name, kind), waits in sorted(record.waits.items()):
        ordered = sorted(waits)
        steps = [100 * (number + 1) / len(ordered) for number in range(len(ordered))]
        below.plot([max(wait, 0.1) for wait in ordered], steps, label=f"{name}, {kind}")
    below.set(xlabel="wait", ylabel="% of starts within", xscale="log", ylim=(0, 102))
    below.set_title("Waits from submission to start")
    below.set_xticks(list(_TIMES), labels=list(_TIMES.values()))
    below.legend(**_BESIDE)
    figure.savefig(path, dpi=110)
