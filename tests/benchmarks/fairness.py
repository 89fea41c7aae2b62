"""Whether each instance gets its share when all want more than there is.

    python -m tests.benchmarks.fairness [--days 28]

Goal: with shares 4:2:1 each instance's used time is within 2 % of its share after 28 virtual days.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from random import Random

from quantumsvc.scheduling.actors import Sitting, Work
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.timeline import Timeline
from quantumsvc.scheduling.world import World

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = {"alpha": 4, "beta": 2, "gamma": 1}
# What one instance always has waiting: so many jobs, or so many sessions of five jobs.
WAITING = 3
JOBS_OF_SESSION = 5
# Seconds a typical job runs. The first sends many short jobs, the last few long ones: it must not matter.
TYPICAL = {"alpha": 20.0, "beta": 60.0, "gamma": 300.0}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=28)
    options = parser.parse_args()
    sys.stdout.write("| demand | instance | share | used | off by |\n|---|---|--:|--:|--:|\n")
    worst = 0.0
    for demand, mode in (("jobs", None), ("batches", SessionMode.BATCH), ("sessions", SessionMode.DEDICATED)):
        for name, part in parts_used(options.days, mode).items():
            share = SHARES[name] / sum(SHARES.values())
            off = part / share - 1
            worst = max(worst, abs(off))
            sys.stdout.write(f"| {demand} | {name} | {share:.2%} | {part:.2%} | {off:+.2%} |\n")
    sys.stdout.write(f"\nFurthest off: {worst:.2%} of a share; goal: 2 %.\n")


def parts_used(days: float, mode: SessionMode | None) -> dict[str, float]:
    """What part of the time each instance was charged for, when each always has more to send."""
    crowd = Crowd(mode)
    crowd.timeline.run(BEGIN + timedelta(days=days))
    charged = crowd.world.ledger.charged
    return {name: charged[name] / sum(charged.values()) for name in SHARES}


class Crowd:
    """Instances that replace everything that ends."""

    def __init__(self, mode: SessionMode | None) -> None:
        self.mode = mode
        self.chance = Random(1)
        self.number = 0
        self.world = World(Books(Share(id=name, shares=shares) for name, shares in SHARES.items()))
        self.timeline = Timeline(self.world, BEGIN, lambda work: work.entry.expected, ended=self.ended)
        for name in SHARES:
            for _ in range(WAITING):
                self.send(name, BEGIN)

    def ended(self, work: Work, now: datetime) -> None:
        """Send another one when a job, or the last one of a session, has ended."""
        session = self.world.sessions.get(work.entry.session or "")
        if session is None or session.closed_at is not None:
            self.send(work.entry.instance, now)

    def send(self, name: str, now: datetime) -> None:
        """One more job, or one more session with its jobs, closed for others."""
        if self.mode is None:
            self.submit(name, None, now)
            return
        self.number += 1
        ident = f"s{self.number:07d}"
        self.world.open_session(
            Sitting(
                id=ident, instance=name, user="user", mode=self.mode, max_ttl=28_800, interactive_ttl=60,
                created_at=now,
            )
        )  # fmt: skip
        for _ in range(JOBS_OF_SESSION):
            self.submit(name, ident, now)
        self.world.close_session(ident, now)

    def submit(self, name: str, session: str | None, now: datetime) -> None:
        """A job of random length."""
        self.number += 1
        seconds = TYPICAL[name] * self.chance.lognormvariate(0, 0.8)
        self.world.submit(
            QueuedJob(
                id=f"j{self.number:07d}",
                submitted_at=now,
                session=session,
                instance=name,
                user="user",
                expected=timedelta(seconds=seconds),
            ),
            now,
        )


if __name__ == "__main__":
    main()
