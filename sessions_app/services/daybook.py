"""What a backend did lately: which jobs ran when, and when which session had it.

Every start is in the decision log, so a day is found by its index, however many jobs there are in all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionState
from quantumsvc.statements import Statement, run
from sessions_app.models import Session, SessionEvent

# A busier day is told from its end; so many starts of it are looked at.
MOST_STARTS = 2_000

_STARTS = """
SELECT d.at, d.job_id, d.session_id, d.rule, j.instance_id, j.state, j.finished_at
FROM (SELECT * FROM sessions_app_decision WHERE backend_id = %s ORDER BY id DESC LIMIT %s) d
JOIN sessions_app_job j ON j.id = d.job_id
WHERE d.at >= %s OR j.finished_at IS NULL OR j.finished_at >= %s
ORDER BY d.at DESC
"""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: what it was, whose (``instance``) and how it stands; ``end`` may lie ahead."""

    start: datetime
    end: datetime
    ident: str
    instance: int
    word: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class Daybook:
    """What ran and which sessions were active, oldest first. ``is_cut``: the day began with more."""

    jobs: tuple[Span, ...]
    sessions: tuple[Span, ...]
    is_cut: bool


def daybook(backend: Backend, *, since: datetime, now: datetime) -> Daybook:
    """What the backend did from ``since`` until ``now``; its overdue sessions must have been settled."""
    rows = run(Statement(_STARTS, [backend.pk, MOST_STARTS, since, since]))[0]
    jobs = tuple(_runs(rows, now))[::-1]
    told = {span.session for span in jobs if span.session}
    active = Session.objects.filter(backend=backend, state=SessionState.ACTIVE).values_list("pk", flat=True)
    return Daybook(jobs, tuple(_activations({*told, *active}, since, now)), len(rows) == MOST_STARTS)


def _runs(rows: Iterable[tuple[Any, ...]], now: datetime) -> Iterator[Span]:
    """Newest first. A job that was given back ran until the next one started, as far as is known."""
    later = now
    for at, job, session, _, instance, state, finished in rows:
        end = min(finished or now, later)
        if end >= at:
            yield Span(at, end, job, instance, state, session)
        later = at


def _activations(idents: Iterable[str], since: datetime, now: datetime) -> Iterator[Span]:
    """From each activation of these sessions to what ended it."""
    rows = SessionEvent.objects.filter(session__in=list(idents)).order_by("session_id", "id")
    began: dict[str, datetime] = {}
    found = list(rows.values_list("session_id", "session__instance_id", "at", "target"))
    instances = {ident: instance for ident, instance, _, _ in found}
    spans = []
    for ident, instance, at, target in found:
        if target == SessionState.ACTIVE:
            began.setdefault(ident, at)
        elif ident in began:
            spans.append(Span(began.pop(ident), at, ident, instance, "ended"))
    spans += [Span(at, now, ident, instances[ident], "active") for ident, at in began.items()]
    return iter(sorted((each for each in spans if each.end >= since), key=lambda each: each.start))
