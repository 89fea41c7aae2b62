"""The reader's own data: mail address, time zone and password."""

from zoneinfo import available_timezones

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.accounts.pages import reader_of

_methods = require_http_methods(["GET", "HEAD", "POST"])
_FIELDS = ("first_name", "last_name", "email", "time_zone")


@_methods
@login_required
def profile_page(request: HttpRequest) -> HttpResponse:
    """Show the data, or change them."""
    user = reader_of(request)
    faults: dict[str, list[str]] = {}
    if request.method == "POST":
        faults = _change(user, {name: request.POST.get(name, "").strip() for name in _FIELDS})
        if not faults:
            messages.success(request, "Your profile was changed.")
            return redirect("settings")
    zones = sorted(available_timezones())
    context = {"zones": zones, "faults": faults, "here": "profile", "shown": user}
    return render(request, "settings/profile.html", context, status=400 if faults else 200)


@transaction.atomic
def _change(user: User, fields: dict[str, str]) -> dict[str, list[str]]:
    """Store the fields, or say what is wrong with which of them; all or nothing."""
    before = audit.values(user, fields)
    for name, value in fields.items():
        setattr(user, name, value)
    others = [field.name for field in User._meta.fields if field.name not in fields]
    try:
        user.clean_fields(exclude=others)
    except ValidationError as refused:
        return refused.message_dict
    user.save(update_fields=list(fields))
    old, new = audit.changes(before, fields)
    if new:
        audit.note("user.changed", user, actor=user, now=clock.now(), before=old, after=new)
    return {}


@_methods
@login_required
def password_page(request: HttpRequest) -> HttpResponse:
    """Change the password; other browsers of the reader are signed out by it."""
    user = reader_of(request)
    form = PasswordChangeForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            audit.note("user.password_changed", user, actor=user, now=clock.now())
        update_session_auth_hash(request, user)
        messages.success(request, "Your password was changed. Other browsers were signed out.")
        return redirect("settings")
    status = 400 if form.is_bound else 200
    return render(request, "settings/password.html", {"form": form, "here": "password"}, status=status)
