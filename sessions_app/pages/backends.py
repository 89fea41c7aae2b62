"""The list of backends."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.models import Backend
from sessions_app.pages.reading import settled_now
from sessions_app.pages.words import duration
from sessions_app.services.load import COUNTED, Load, loads


@require_safe
@login_required
def backends_page(request: HttpRequest) -> HttpResponse:
    """The backends that the reader may use, with how much waits there."""
    settled_now()
    backends = list(Backend.objects.visible_to(reader_of(request)).defer("configuration"))
    known = loads([each.pk for each in backends])
    rows = []
    for backend in backends:
        load = known.get(backend.pk, Load())
        work = duration(load.seconds) if load.jobs else ""
        rows.append({"backend": backend, "load": load, "is_more": load.jobs >= COUNTED, "work": work})
    return render(request, "pages/backends.html", {"rows": rows})
