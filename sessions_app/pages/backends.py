"""The cards of all backends."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.pages import reader_of
from quantumsvc.backends.models import Backend
from sessions_app.pages.live import live_page
from sessions_app.pages.reading import settled_now
from sessions_app.pages.strips import Strip, strips_of
from sessions_app.pages.words import duration
from sessions_app.services.load import COUNTED, Load, loads


@require_safe
@login_required
def backends_page(request: HttpRequest) -> HttpResponse:
    """The backends that the reader may use, with how much waits there, what is now and what comes next."""
    user, now = reader_of(request), settled_now()
    backends = list(Backend.objects.visible_to(user).defer("configuration"))
    idents = [each.pk for each in backends]
    mine = set(Instance.objects.visible_to(user).values_list("pk", flat=True))
    known, strips = loads(idents), strips_of(idents, user, mine, now)
    cards = []
    for backend in backends:
        load = known.get(backend.pk, Load())
        work = duration(load.seconds) if load.jobs else "none"
        is_more = load.jobs >= COUNTED
        strip = strips.get(backend.pk, Strip())
        cards.append({"backend": backend, "load": load, "is_more": is_more, "work": work, "strip": strip})
    parts = {"backend-cards": "pages/backend/_cards.html"}
    return live_page(request, "pages/backend/list.html", {"cards": cards}, parts)
