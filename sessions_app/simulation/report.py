"""What a simulation showed, as text."""

from collections.abc import Iterator, Sequence
from math import ceil
from statistics import median

from sessions_app.simulation.playing import Record
from sessions_app.simulation.workload import Workload


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not exceeded by so many percent of them."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def report(workload: Workload, record: Record) -> str:
    """Waits, fairness over time, utilisation and session gaps."""
    parts = (_waits(record), _fairness(workload, record), _backend(record))
    return "\n".join(line for part in parts for line in (*part, ""))


def _waits(record: Record) -> Iterator[str]:
    yield "Waits, from submission to start (of a session: of its first job), in seconds"
    yield f"  {'instance':<16}{'kind':<12}{'started':>9}{'median':>12}{'p95':>12}{'longest':>12}"
    for (instance, kind), waits in sorted(record.waits.items()):
        numbers = f"{median(waits):>12.1f}{percentile(waits, 95):>12.1f}{max(waits):>12.1f}"
        yield f"  {instance:<16}{kind:<12}{len(waits):>9}{numbers}"
    yield ""
    yield "Gaps inside sessions: how long a later job waited once the one before it had ended, in seconds"
    yield f"  {'mode':<16}{'':<12}{'jobs':>9}{'median':>12}{'p95':>12}{'longest':>12}"
    for mode, gaps in sorted(record.gaps.items()):
        numbers = f"{median(gaps):>12.1f}{percentile(gaps, 95):>12.1f}{max(gaps):>12.1f}"
        yield f"  {mode:<16}{'':<12}{len(gaps):>9}{numbers}"


def _fairness(workload: Workload, record: Record) -> Iterator[str]:
    """Of the instances at the root; what is below one counts for it in its own line only."""
    quarters = [len(record.times) * quarter // 4 for quarter in (1, 2, 3)] + [len(record.times) - 1]
    yield "Part of the time used, by each quarter of the simulation's end"
    yield f"  {'instance':<16}{'shares':>8}{'part':>8}{'1/4':>9}{'2/4':>9}{'3/4':>9}{'4/4':>9}"
    siblings: dict[str | None, int] = {}
    for each in workload.instances:
        siblings[each.parent] = siblings.get(each.parent, 0) + each.shares
    for each in workload.instances:
        part = each.shares / siblings[each.parent] if siblings[each.parent] else 0.0
        used = "".join(f"{_part_used(workload, record, each.id, moment):>9.1%}" for moment in quarters)
        yield f"  {each.id:<16}{each.shares:>8}{part:>8.1%}{used}"


def _part_used(workload: Workload, record: Record, instance: str, moment: int) -> float:
    """Of what the instance and its siblings used, each with all below it."""
    parents = {each.id: each.parent for each in workload.instances}
    level = [name for name, parent in parents.items() if parent == parents[instance]]
    used = {name: _with_all_below(name, parents, record, moment) for name in level}
    total = sum(used.values())
    return used[instance] / total if total else 0.0


def _with_all_below(top: str, parents: dict[str, str | None], record: Record, moment: int) -> float:
    children = (name for name, parent in parents.items() if parent == top)
    below = sum(_with_all_below(child, parents, record, moment) for child in children)
    return record.used[top][moment] + below


def _backend(record: Record) -> Iterator[str]:
    idle = max(record.seconds - record.busy - record.held - record.lost, 0.0)
    yield "The backend"
    for word, seconds in (("running jobs", record.busy), ("held for sessions", record.held), ("idle", idle)):
        yield f"  {word:<28}{seconds / record.seconds:>9.1%}"
    if record.stopped:
        yield f"  {'thrown away for windows':<28}{record.lost / record.seconds:>9.1%}"
        yield f"  {'jobs stopped for windows':<28}{record.stopped:>9}"
    yield f"  {'reactivations of sessions':<28}{record.reactivations:>9}"
    yield f"  {'jobs refused by closed ones':<28}{record.refused:>9}"
    yield f"  {'jobs still waiting at the end':<29}{record.left_waiting:>8}"
