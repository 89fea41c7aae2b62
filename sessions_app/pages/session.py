"""The page of one session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import FloatField, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.pages import may_manage, may_write, reader_of
from quantumsvc.scheduling.states import SessionState
from quantumsvc.scheduling.timers import max_ttl_deadline, unused_deadline
from sessions_app.bodies import used_seconds
from sessions_app.models import ChargeKind, Job, LedgerLine, Session, SessionEvent
from sessions_app.pages.drawings.lanes import Axis, Lane, Stretch, lanes_drawings
from sessions_app.pages.drawings.life import LYING, STANDING, life_drawing
from sessions_app.pages.drawings.shapes import Drawing
from sessions_app.pages.live import live_page
from sessions_app.pages.reading import one_of, settled_now, visible_jobs, visible_sessions
from sessions_app.pages.rows import job_rows, session_rows, steps
from sessions_app.pages.strips import Strip, strips_of
from sessions_app.pages.words import duration

# Of a session's jobs, its page shows the newest; the Jobs page has them all.
SHOWN_JOBS = 50
# So many of the newest jobs are drawn in the lanes.
DRAWN_JOBS = 200
PARTS = {"session-now": "pages/session/_now.html"}


@dataclass(frozen=True)
class TimerCard:
    """A timer: its limit in words, what it leads to, and since when and until when it runs, if it does.

    ``left`` is what was left of it when it was asked, in words.
    """

    name: str
    limit: str
    effect: str
    since: datetime | None
    until: datetime | None
    left: str


@require_safe
@login_required
def session_page(request: HttpRequest, ident: str) -> HttpResponse:
    """Everything that is known of one session."""
    user, now = reader_of(request), settled_now()
    session = one_of(visible_sessions(user), ident)
    events = list(session.events.all())
    jobs = list(visible_jobs(user).filter(session=session)[:DRAWN_JOBS])
    taken = {(event.source, event.target) for event in events}
    context = {
        "row": session_rows([session])[0],
        "lives": [life_drawing(SessionState(session.state), taken, each) for each in (LYING, STANDING)],
        "timers": timer_cards(session, now),
        "lanes": lanes_of(session, events, jobs, now),
        "steps": steps(events),
        "jobs": job_rows(jobs[:SHOWN_JOBS], now),
        "cache": cache_of(session),
        "used": duration(used_seconds(session, now)),
        "charges": LedgerLine.objects.filter(kind=ChargeKind.SESSION, subject=session.pk).order_by("at"),
        **_rights(user, session, now),
    }
    return live_page(request, "pages/session/page.html", context, PARTS)


def _rights(user: User, session: Session, now: datetime) -> dict[str, Any]:
    """What the reader may do to it, and who has its backend."""
    closed = session.state == SessionState.CLOSED
    mine = set(Instance.objects.visible_to(user).values_list("pk", flat=True))
    strip = (
        Strip()
        if closed
        else strips_of([session.backend_id], user, mine, now).get(session.backend_id, Strip())
    )
    limit = session.backend.session_max_ttl
    return {
        "may_write": not closed and may_write(user, session.instance),
        "may_extend": not closed and session.max_ttl < limit and may_manage(user, session.instance),
        "limit": limit,
        "limit_words": duration(limit),
        "max_words": duration(session.max_ttl),
        "strip": strip,
    }


def timer_cards(session: Session, now: datetime) -> list[TimerCard]:
    """The session's timers (L2, L4, L5); a closed one has none."""
    if session.state == SessionState.CLOSED:
        return []
    facts = session.facts()
    told = [
        ("Interactive time", session.interactive_ttl, session.interactive_deadline, "the session idles"),
        ("Maximum time to live", session.max_ttl, max_ttl_deadline(facts), "the session closes"),
    ]
    if (unused := unused_deadline(facts)) is not None:
        told.append(("Unused", session.unused_ttl, unused, "the session closes"))
    return [_card(name, limit, until, effect, now) for name, limit, until, effect in told]


def _card(name: str, limit: int, until: datetime | None, effect: str, now: datetime) -> TimerCard:
    since = until - timedelta(seconds=limit) if until else None
    left = duration((until - now).total_seconds()) if until else ""
    return TimerCard(name, duration(limit), effect, since, until, left)


def lanes_of(
    session: Session, events: Sequence[SessionEvent], jobs: Sequence[Job], now: datetime
) -> Sequence[Drawing]:
    """The session's states, and when its jobs waited and ran; what lies between is idle."""
    end = session.closed_at or now
    last = max([end, *(job.finished_at or end for job in jobs)])
    start = session.created_at if len(jobs) < DRAWN_JOBS else jobs[-1].created_at
    axis = Axis(start, max(last, start + timedelta(seconds=1)), timezone.get_current_timezone())
    lanes = (
        Lane("State", _states(events, last)),
        Lane("Waiting", [_waited(job, now) for job in reversed(jobs)]),
        Lane("Running", [_ran(job, now) for job in reversed(jobs) if job.started_at]),
    )
    label = f"The session's states and its {len(jobs)} newest jobs over time"
    return lanes_drawings(label, lanes, axis, now if session.state != SessionState.CLOSED else None)


_LOOKS = {"open": "waiting", "active": "session", "inactive": "idle", "closed": "offline"}


def _states(events: Sequence[SessionEvent], end: datetime) -> list[Stretch]:
    """How long each state held; a note that changed none is left out."""
    moves = [event for event in events if event.source != event.target]
    ends = [*(event.at for event in moves[1:]), end]
    return [
        Stretch(event.at, max(until, event.at), _LOOKS[event.target], event.target, event.target)
        for event, until in zip(moves, ends, strict=True)
    ]


def _waited(job: Job, now: datetime) -> Stretch:
    until = job.started_at or job.finished_at or now
    return Stretch(job.created_at, until, "waiting", f"{job.pk} waited")


def _ran(job: Job, now: datetime) -> Stretch:
    begun = job.started_at or now
    return Stretch(begun, job.finished_at or now, f"job {job.state}", f"{job.pk}: {job.state}")


def cache_of(session: Session) -> dict[str, int]:
    """How often its jobs found in the session's cache what they needed, and how often not (L12)."""

    def total(name: str) -> Sum:
        return Sum(Cast(KeyTextTransform(name, "metrics"), FloatField()))

    found = Job.objects.filter(session=session).aggregate(
        hits=total("cache_hits"), misses=total("cache_misses")
    )
    return {name: int(count or 0) for name, count in found.items()}
