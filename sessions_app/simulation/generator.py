"""Made-up demand: the same seed gives the same workload."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quantumsvc.scheduling.states import SessionMode
from sessions_app.simulation.workload import InstancePlan, JobPlan, SessionPlan, Workload

DAY = 86_400
# Long-tailed, as run times are: half of the jobs are shorter than the median, few are very long.
SPREAD = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What to make up.

    ``load``: the work sent in all, as a multiple of what the backend can do; every instance sends the
    same. ``interactive`` and ``batches``: which parts of the work come in sessions of each mode.
    """

    shares: Mapping[str, int]
    days: float = 28
    load: float = 1.2
    interactive: float = 0.15
    batches: float = 0.15
    median_seconds: float = 30
    users: int = 3
    seed: int = 1


def generate(demand: Demand) -> Workload:
    """Make up a workload."""
    instances = tuple(InstancePlan(name, shares) for name, shares in demand.shares.items())
    jobs: list[JobPlan] = []
    sessions: list[SessionPlan] = []
    for name in demand.shares:
        # A stream of its own for each instance, so that one more instance changes none of the others.
        for plan in _of_instance(name, demand, random.Random(f"{demand.seed}:{name}")):
            if isinstance(plan, JobPlan):
                jobs.append(plan)
            else:
                sessions.append(plan)
    return Workload(instances, tuple(jobs), tuple(sessions))


def _of_instance(name: str, demand: Demand, chance: random.Random) -> Iterator[JobPlan | SessionPlan]:
    total = demand.load * demand.days * DAY / len(demand.shares)
    sent = 0.0
    while sent < total:
        at = chance.uniform(0, demand.days * DAY)
        user = f"user{chance.randrange(demand.users)}"
        kind = chance.random()
        plan: JobPlan | SessionPlan
        if kind < _part(demand.interactive):
            plan = _interactive(name, user, at, demand, chance)
        elif kind < _part(demand.interactive) + _part(demand.batches):
            plan = _batch(name, user, at, demand, chance)
        else:
            plan = JobPlan(at=at, instance=name, user=user, seconds=_length(demand, chance))
        sent += sum(plan.jobs) if isinstance(plan, SessionPlan) else plan.seconds
        yield plan


def _part(of_work: float) -> float:
    """A session is some twenty jobs: so rarely must one be drawn to make up this part of the work."""
    return of_work / (of_work + 20 * (1 - of_work)) if of_work < 1 else 1.0


def _length(demand: Demand, chance: random.Random) -> float:
    return round(demand.median_seconds * chance.lognormvariate(0, SPREAD), 3)


def _interactive(name: str, user: str, at: float, demand: Demand, chance: random.Random) -> SessionPlan:
    """Many short jobs, a little thought after each, and now and then a pause longer than any ITTL."""
    count = chance.randint(10, 30)
    jobs = tuple(round(_length(demand, chance) / 4, 3) for _ in range(count))
    think = tuple(_thought(chance) for _ in range(count))
    return SessionPlan(at=at, instance=name, user=user, jobs=jobs, think=think)


def _thought(chance: random.Random) -> float:
    return round(chance.expovariate(1 / 900) if chance.random() < 0.05 else chance.expovariate(1 / 5), 3)


def _batch(name: str, user: str, at: float, demand: Demand, chance: random.Random) -> SessionPlan:
    jobs = tuple(_length(demand, chance) for _ in range(chance.randint(10, 30)))
    return SessionPlan(at=at, instance=name, user=user, mode=SessionMode.BATCH, jobs=jobs)
