"""Virtual time: what happens to a :class:`World` when every doorbell is heard at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count

from quantumsvc.scheduling.actors import Work
from quantumsvc.scheduling.policy import Start, Stop
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
        work = self.world.running
        if work is not None:
            self.at(when, partial(self._end, work, work.attempts))

    def run(self, until: datetime | None = None) -> None:
        """Go on until nothing more happens, or to the instant ``until``."""
        while (when := self._next()) is not None and (until is None or when <= until):
            if self._stopped:
                return
            self.now, self._wake = when, None
            self._happen(when)
            if self.world.running is None or self.world.windows:
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
        """Look until nothing changes at this instant; while a job runs, only a window can change it."""
        while isinstance(decision := self.world.look(now), Start | Stop):
            if isinstance(decision, Start):
                work = self.world.jobs[decision.job.id]
                self.at(now + self._lasts(work), partial(self._end, work, work.attempts))
                self._started(work, now)
                if not self.world.windows:
                    return
        self._wake = self.world.next_look(decision)

    def _end(self, work: Work, attempt: int, now: datetime) -> None:
        """An attempt ends, unless it was stopped before."""
        if work is self.world.running and work.attempts == attempt:
            self.world.finish(now, JobState.COMPLETED)
            self._ended(work, now)
