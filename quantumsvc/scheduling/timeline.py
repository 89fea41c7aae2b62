"""Virtual time: what happens to a :class:`World` when every doorbell is heard at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from quantumsvc.scheduling.actors import Work
from quantumsvc.scheduling.policy import Hold, Idle
from quantumsvc.scheduling.states import JobState
from quantumsvc.scheduling.world import World

Action = Callable[[datetime], object]
Witness = Callable[[Work, datetime], object]


def _nobody(work: Work, now: datetime) -> None:
    """Takes no notice."""


class Timeline:
    """Runs a world from event to event.

    ``lasts`` tells how long a job will run; ``started`` and ``ended`` are told of each job that does.
    """

    def __init__(
        self,
        world: World,
        now: datetime,
        lasts: Callable[[Work], timedelta],
        *,
        started: Witness = _nobody,
        ended: Witness = _nobody,
    ) -> None:
        self.world = world
        self.now = now
        self._lasts = lasts
        self._started = started
        self._ended = ended
        self._events: list[tuple[datetime, int, Action]] = []
        self._numbers = count()
        self._wake: datetime | None = now
        self._stopped = False

    def at(self, when: datetime, action: Action) -> None:
        """Do something at an instant; what is planned for the same instant happens in this order."""
        heappush(self._events, (when, next(self._numbers), action))

    def stop(self) -> None:
        """Let :meth:`run` return after the present event."""
        self._stopped = True

    def end_running_at(self, when: datetime) -> None:
        """Plan the end of the job that is running."""
        self.at(when, self._end)

    def run(self, until: datetime | None = None) -> None:
        """Go on until nothing more happens, or to the instant ``until``."""
        while (when := self._next()) is not None and (until is None or when <= until):
            if self._stopped:
                return
            self.now, self._wake = when, None
            self._happen(when)
            if self.world.running is None:
                self._look(when)
        if until is not None:
            self.now = until
            self.world.settle(until)

    def _next(self) -> datetime | None:
        planned = self._events[0][0] if self._events else None
        if planned is None or self._wake is None:
            return planned or self._wake
        return min(planned, self._wake)

    def _happen(self, now: datetime) -> None:
        """Everything of one instant happens before anybody looks."""
        events = self._events
        while events and events[0][0] <= now:
            heappop(events)[2](now)

    def _look(self, now: datetime) -> None:
        decision = self.world.look(now)
        if isinstance(decision, Hold | Idle):
            self._wake = decision.until
            return
        work = self.world.jobs[decision.job.id]
        self.at(now + self._lasts(work), self._end)
        self._started(work, now)

    def _end(self, now: datetime) -> None:
        work = self.world.running
        if work is not None:
            self.world.finish(now, JobState.COMPLETED)
            self._ended(work, now)
