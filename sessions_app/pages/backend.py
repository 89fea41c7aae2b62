"""The page of one backend: what it does, who waits, what it is made of, and how that changed."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.scheduling.forecast import Expectation
from quantumsvc.scheduling.words import sentence
from sessions_app.models import Job
from sessions_app.pages.days import day_of
from sessions_app.pages.device import (
    COLOURS,
    GATE_HEAD,
    QUBIT_HEAD,
    SHOWN_SETS,
    current_readings,
    device_of,
    gate_rows,
    plan_for,
    qubit_rows,
    trends_of,
)
from sessions_app.pages.live import asked_parts, live_page
from sessions_app.pages.reading import named, settled_now
from sessions_app.pages.strips import Strip, strips_of
from sessions_app.pages.tables import csv_file
from sessions_app.pages.words import duration
from sessions_app.services.daybook import daybook
from sessions_app.services.waiting import Lineup, lineup

DAY = timedelta(hours=24)
# So many waiting jobs are listed.
SHOWN_QUEUE = 50
PARTS = {"backend-now": "pages/backend/_now.html"}


@dataclass(frozen=True)
class QueueRow:
    """One waiting job; ``job`` is None for one that the reader may not see and for a system job."""

    job: Job | None
    place: int | None
    reason: str
    rule: str
    expected: Expectation
    is_system: bool = False


@require_safe
@login_required
def backend_page(request: HttpRequest, name: str) -> HttpResponse:
    """Everything that is known of one backend. The live part is made without the rest."""
    user, now = reader_of(request), settled_now()
    backend = named(Backend.objects.visible_to(user).defer("configuration"), name)
    line = lineup(backend, now)
    names = dict(Instance.objects.visible_to(user).values_list("pk", "name"))
    context = {
        "backend": backend,
        "strip": strips_of([backend.pk], user, names, now).get(backend.pk, Strip()),
        "queue": in_order([*system_rows(line), *queue_rows(line, names, now)]),
        "waiting": len(line.jobs),
        "shown": min(len(line.jobs), SHOWN_QUEUE),
        "is_cut": line.is_cut,
        "day": day_of(backend, user, names, now, line, daybook(backend, since=now - DAY, now=now)),
    }
    if not asked_parts(request):
        context |= _made_of(backend, request.GET.get("colour", ""))
    return live_page(request, "pages/backend/page.html", context, PARTS)


def _made_of(backend: Backend, colour: str) -> dict[str, object]:
    """What the backend is made of, by its newest calibration, and how that changed."""
    sets = list(CalibrationSet.objects.filter(backend=backend).defer("properties")[:SHOWN_SETS])
    current = sets[0] if sets else None
    plan = plan_for(backend)
    device = device_of(backend, plan, current_readings(backend, current), colour)
    return {
        "calibration": current,
        "plan": plan,
        "device": device,
        "colours": {word: told[0] for word, told in COLOURS.items()},
        "trends": trends_of(sets[::-1]),
        "sets": sets,
        "gates": list(gate_rows(device.gates)),
        "qubit_head": QUBIT_HEAD,
        "times": _times(backend),
    }


def _times(backend: Backend) -> dict[str, str]:
    """Its sessions' limits, in words."""
    return {
        "longest": duration(backend.session_max_ttl),
        "dedicated": duration(backend.dedicated_interactive_ttl),
        "batch": duration(backend.batch_interactive_ttl),
    }


def queue_rows(line: Lineup, names: Collection[int], now: datetime) -> list[QueueRow]:
    """The first of the queue, in the order in which it will start, without other tenants' names."""
    mine = {str(ident) for ident in names}
    shown = line.jobs[:SHOWN_QUEUE]
    own = _jobs(entry.id for entry, _ in shown if entry.instance in mine)
    zone = timezone.get_current_timezone()
    return [
        QueueRow(
            job=own.get(entry.id),
            place=told.expectation.place,
            reason=sentence(told.waiting, mine, now, zone),
            rule=told.waiting.rule,
            expected=told.expectation,
        )
        for entry, told in shown
    ]


def system_rows(line: Lineup) -> list[QueueRow]:
    """Calibrations and maintenance jobs have places like all others, and go first (S2)."""
    why = "Calibrations and maintenance jobs go before all others."
    return [QueueRow(None, each.place, why, "S2", each, is_system=True) for each in line.system if each.place]


def in_order(rows: list[QueueRow]) -> list[QueueRow]:
    """By their places; what is not foreseen stays behind the others."""
    return sorted(rows, key=lambda row: row.place or math.inf)


def _jobs(idents: Iterable[str]) -> dict[str, Job]:
    rows = Job.objects.filter(pk__in=list(idents)).select_related("instance", "user", "session")
    return {job.pk: job for job in rows}


@require_safe
@login_required
def qubits_file(request: HttpRequest, name: str) -> HttpResponse:
    """The table of qubits, by the newest calibration."""
    backend = named(Backend.objects.visible_to(reader_of(request)).defer("configuration"), name)
    readings = current_readings(backend, _newest(backend))
    return csv_file(f"{backend.name}-qubits.csv", QUBIT_HEAD, qubit_rows(readings))


@require_safe
@login_required
def gates_file(request: HttpRequest, name: str) -> HttpResponse:
    """The table of all gates, by the newest calibration."""
    backend = named(Backend.objects.visible_to(reader_of(request)).defer("configuration"), name)
    readings = current_readings(backend, _newest(backend))
    return csv_file(f"{backend.name}-gates.csv", GATE_HEAD, gate_rows(readings.gates))


def _newest(backend: Backend) -> CalibrationSet | None:
    return CalibrationSet.objects.filter(backend=backend).defer("properties").first()
