"""What an instance used, line by line, and what it may still use."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.pages import may_manage, reader_of
from quantumsvc.accounts.selectors import instances_by_preference
from quantumsvc.backends.models import Backend
from quantumsvc.wire.times import iso_z
from reservations_app.models import Window
from sessions_app.models import ChargeKind, LedgerLine
from sessions_app.pages.reading import named, settled_now
from sessions_app.pages.tables import plain
from sessions_app.services.analytics import Grouping, Question, Summary, summaries
from sessions_app.services.ledger import window_start
from sessions_app.services.limits import standing_of
from sessions_app.services.shares import standings
from sessions_app.services.usage import OpenCharge, reserved_now, unused_seconds, use_of
from sessions_app.services.waiting import would_wait

SIZE = 50


@dataclass(frozen=True)
class Row:
    """One line with the sum of all lines up to it, in seconds; ``link`` is where its subject is shown."""

    line: LedgerLine
    balance: float
    link: str


@dataclass(frozen=True)
class Running:
    """What is being charged at this moment."""

    charge: OpenCharge
    backend: str
    user: str
    seconds: float
    link: str


@dataclass(frozen=True)
class Reserved:
    """A reservation that runs: how much of it nothing was charged for so far, and of how much."""

    window: Window
    unused: float
    whole: float


@dataclass(frozen=True)
class Share:
    """A part of the whole: whose, how many seconds, and percent."""

    name: str
    seconds: float
    percent: float


@dataclass(frozen=True)
class Bar:
    """A day in the chart; lengths are parts of its height, which is 100."""

    day: datetime
    seconds: float
    x: int
    y: float
    height: float


@require_safe
@login_required
def usage_page(request: HttpRequest) -> HttpResponse:
    """The window of 28 days: limits, the ledger, sums by backend, user and day, and fair share."""
    user, now = reader_of(request), settled_now()
    instances = listed_for(user)
    instance = chosen_of(request, instances)
    if instance is None:
        return render(request, "usage/page.html", {"instances": instances})
    context = _context(request, user, instance, now)
    return render(request, "usage/page.html", context | {"instances": instances})


def listed_for(user: User) -> list[Instance]:
    """The instances among which the reader chooses, the preferred one first."""
    return list(instances_by_preference(user).filter(is_system=False))


def chosen_of(request: HttpRequest, instances: list[Instance]) -> Instance | None:
    """The instance that the query names, else the first. Another's does not exist for the reader (404)."""
    wanted = request.GET.get("instance", "")
    if not wanted:
        return next(iter(instances), None)
    found = next((each for each in instances if str(each.pk) == wanted), None)
    if found is None:
        raise Http404("There is no such instance, or none that you may see.")
    return found


def _chosen_or_404(request: HttpRequest, user: User) -> Instance:
    instance = chosen_of(request, listed_for(user))
    if instance is None:
        raise Http404("You are a member of no instance.")
    return instance


def _context(request: HttpRequest, user: User, instance: Instance, now: datetime) -> dict[str, Any]:
    since = window_start(now)
    asked = Question(instance=instance, since=since, until=now + timedelta(microseconds=1))
    use = use_of(instance, now)
    lines = LedgerLine.objects.visible_to(user).filter(instance=instance, at__gte=since, at__lte=now)
    usable = list(Backend.objects.usable_by(instance).order_by("name").defer("configuration"))
    by_user = summaries(asked, Grouping.USER)
    return {
        "chosen": instance,
        "may_set_limits": may_manage(user, instance),
        "since": since,
        "use": use,
        "total": use.total(now),
        "standing": standing_of(instance, now, use),
        "running": _running(use.running, now),
        "reserved": _reserved(instance, now),
        "booked": use.booked,
        "open": use.total(now) - use.booked,
        "by_backend": _shares(summaries(asked, Grouping.BACKEND), {}),
        "by_user": _shares(by_user, _names(by_user)),
        "bars": _bars(summaries(asked, Grouping.INSTANCE, by_day=True), now),
        "shares": standings(instance, usable),
        **_asked(request, user, instance, usable, now),
        **_page(request, lines),
    }


def _asked(
    request: HttpRequest, user: User, instance: Instance, usable: list[Backend], now: datetime
) -> dict[str, Any]:
    """What a job sent now would wait for, on the backend that the reader asks about."""
    wanted = request.GET.get("ask", "")
    backend = next((each for each in usable if each.name == wanted), next(iter(usable), None))
    return {"asked": backend, "outlook": would_wait(backend, instance, user, now) if backend else None}


@require_safe
@login_required
def wait_part(request: HttpRequest) -> HttpResponse:
    """The same for one backend alone, which the page asks for row by row."""
    user, now = reader_of(request), settled_now()
    instance = _chosen_or_404(request, user)
    backend = named(Backend.objects.usable_by(instance).defer("configuration"), request.GET.get("ask", ""))
    context = {"outlook": would_wait(backend, instance, user, now)}
    return render(request, "usage/_wait.html", context)


def _page(request: HttpRequest, lines: QuerySet[LedgerLine]) -> dict[str, Any]:
    """One page of the ledger, newest first, each line with what all lines up to it come to."""
    before = request.GET.get("before", "")
    rows = lines.select_related("backend", "user").defer("backend__configuration")
    if before.isascii() and before.isdecimal() and len(before) < 16:
        last = lines.filter(pk=int(before)).values_list("at", flat=True).first()
        if last is not None:
            rows = rows.filter(Q(at__lt=last) | Q(at=last, pk__lt=int(before)))
    balance = rows.order_by().aggregate(total=Sum("microseconds"))["total"] or 0
    found = list(rows[: SIZE + 1])
    shown, older = found[:SIZE], found[SIZE - 1].pk if len(found) > SIZE else None
    return {"rows": list(_balanced(shown, balance)), "older": older, "is_first": not before}


def _balanced(lines: Iterable[LedgerLine], balance: int) -> Iterator[Row]:
    for line in lines:
        yield Row(line, balance / 1_000_000, _link(ChargeKind(line.kind), line.subject))
        balance -= line.microseconds


def _link(kind: ChargeKind, subject: str) -> str:
    # Jobs, sessions and reservations have pages of their names.
    return reverse(kind.value, args=[subject])


def _reserved(instance: Instance, now: datetime) -> list[Reserved]:
    windows = reserved_now(instance, now)
    return [Reserved(each, unused_seconds(each, now), each.length.total_seconds()) for each in windows]


def _running(charges: Iterable[OpenCharge], now: datetime) -> list[Running]:
    found = list(charges)
    of_backends = Backend.objects.filter(pk__in={each.backend_id for each in found})
    backends = dict(of_backends.values_list("pk", "name"))
    of_users = User.objects.filter(pk__in={each.user_id for each in found})
    users = dict(of_users.values_list("pk", "username"))
    return [
        Running(
            each,
            backends[each.backend_id],
            users[each.user_id],
            each.seconds(now),
            _link(each.kind, each.subject),
        )
        for each in found
    ]


def _names(found: Iterable[Summary]) -> dict[str, str]:
    idents = [int(each.key) for each in found]
    return {str(pk): name for pk, name in User.objects.filter(pk__in=idents).values_list("pk", "username")}


def _shares(found: list[Summary], names: dict[str, str]) -> list[Share]:
    """The largest first."""
    whole = sum(each.seconds for each in found) or 1.0
    parts = [Share(names.get(each.key, each.key), each.seconds, each.seconds / whole * 100) for each in found]
    return sorted(parts, key=lambda part: (-part.seconds, part.name))


def _bars(found: list[Summary], now: datetime) -> list[Bar]:
    """The days of the window, in UTC; none when nothing was charged."""
    known = {each.day: each.seconds for each in found if each.day is not None}
    most = max(known.values(), default=0.0)
    if not most:
        return []
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=back) for back in range(28, -1, -1)]
    return [_bar(day, known.get(day, 0.0), number, most) for number, day in enumerate(days)]


def _bar(day: datetime, seconds: float, number: int, most: float) -> Bar:
    height = round(seconds / most * 100, 2)
    return Bar(day, seconds, number * 20, round(100 - height, 2), height)


@require_safe
@login_required
def usage_file(request: HttpRequest) -> StreamingHttpResponse:
    """The instance's lines of the window as CSV, oldest first, with the same sum as the page."""
    user, now = reader_of(request), settled_now()
    instance = _chosen_or_404(request, user)
    lines = LedgerLine.objects.visible_to(user).filter(
        instance=instance, at__gte=window_start(now), at__lte=now
    )
    found = lines.order_by("at", "pk").values_list(
        "at", "kind", "subject", "session_id", "backend__name", "user__username", "since", "microseconds"
    )
    answer = StreamingHttpResponse(_csv(found.iterator(1000)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="usage-{instance.pk}-{now:%Y-%m-%d}.csv"'
    return answer


class _Echo:
    """Gives back what is written, for the writer of CSV."""

    def write(self, value: str) -> str:
        return value


def _csv(lines: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    head = ("charged_at", "kind", "subject", "session", "backend", "user", "since", "seconds", "sum_seconds")
    yield writer.writerow(head)
    total = 0
    for at, kind, subject, session, backend, user, since, amount in lines:
        total += amount
        sums = (f"{amount / 1_000_000:.6f}", f"{total / 1_000_000:.6f}")
        yield writer.writerow((iso_z(at), kind, subject, session, backend, plain(user), iso_z(since), *sums))
