"""How every page begins: with who reads, and with what time has made due carried out."""

from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

from quantumsvc import clock
from quantumsvc.accounts.models import User
from quantumsvc.backends.models import Backend
from sessions_app.models import Job, Session
from sessions_app.services.lives import settle_overdue

M = TypeVar("M", bound=Model)


def settled_now() -> datetime:
    """The present, with all overdue sessions settled, so that what is read next is the effective state."""
    now = clock.now()
    settle_overdue(now)
    return now


def visible_jobs(user: User) -> QuerySet[Job]:
    """The jobs that the user may see, with what a row shows of their surroundings."""
    rows = Job.objects.visible_to(user)
    return rows.select_related("backend", "instance", "user", "session").defer("backend__configuration")


def visible_sessions(user: User) -> QuerySet[Session]:
    """The sessions that the user may see, with what a row shows of their surroundings."""
    rows = Session.objects.visible_to(user)
    return rows.select_related("backend", "instance", "user").defer("backend__configuration")


def one_of(rows: QuerySet[M], ident: str) -> M:
    """The row with this id. Any other, whoever it belongs to, does not exist for the reader (404)."""
    found = rows.filter(pk=ident).first() if "\0" not in ident else None
    if found is None:
        raise Http404("There is nothing of that id, or nothing that you may see.")
    return found


def named(rows: QuerySet[Backend], name: str) -> Backend:
    """The backend of this name among those that the reader may see; any other does not exist (404)."""
    found = rows.filter(name=name).first() if "\0" not in name else None
    if found is None:
        raise Http404("There is no backend of that name, or none that you may see.")
    return found
