"""The reader's API keys: made, shown once, and revoked."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts.models import ApiKey
from quantumsvc.accounts.pages import reader_of
from quantumsvc.accounts.selectors import keys_of
from quantumsvc.accounts.services import issue_key, revoke_key
from quantumsvc.errors import ServiceError

_methods = require_http_methods(["GET", "HEAD", "POST"])
# What is offered, in days; the empty word is a key without an end.
LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "": "no end"}
DEFAULT_LIFETIME = "90"


@_methods
@login_required
def keys_page(request: HttpRequest) -> HttpResponse:
    """The reader's keys; after a POST, with the new one's text, this once."""
    user, now = reader_of(request), clock.now()
    context: dict[str, object] = {"here": "keys", "lifetimes": LIFETIMES, "lifetime": DEFAULT_LIFETIME}
    status = 200
    if request.method == "POST":
        name = request.POST.get("name", "").strip()
        try:
            made = issue_key(user=user, name=name, now=now, expires_at=_ends_at(request, now), actor=user)
            context |= {"fresh": made}
        except ServiceError as refused:
            context |= {"fault": refused.message, "name": name}
            status = refused.status
    rows = [(key, key.is_valid_at(now)) for key in keys_of(user)]
    return render(request, "settings/keys.html", context | {"rows": rows}, status=status)


def _ends_at(request: HttpRequest, now: datetime) -> datetime | None:
    days = request.POST.get("lifetime", DEFAULT_LIFETIME)
    chosen = days if days in LIFETIMES else DEFAULT_LIFETIME
    return now + timedelta(days=int(chosen)) if chosen else None


@_methods
@login_required
def revoke_page(request: HttpRequest, ident: int) -> HttpResponse:
    """Ask, then revoke one of the reader's keys."""
    key = _key_of(request, ident)
    if request.method == "POST":
        revoke_key(key=key, now=clock.now(), actor=reader_of(request))
        messages.success(request, f"The key {key.name} was revoked.")
        return redirect("settings-keys")
    return render(request, "settings/revoke.html", {"key": key, "here": "keys"})


def _key_of(request: HttpRequest, ident: int) -> ApiKey:
    found = keys_of(reader_of(request)).filter(pk=ident).first()
    if found is None:
        raise Http404("There is no such key.")
    return found
