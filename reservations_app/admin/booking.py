"""The forms that windows and series are booked and changed with."""

from datetime import timedelta
from typing import Any

from django import forms

from quantumsvc.accounts.admin.acts import ActForm, Deed
from quantumsvc.accounts.admin.fields import LocalTimeField, choices, row_field, rows_field
from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from reservations_app.models import WindowKind
from reservations_app.services.booking import Wish
from reservations_app.services.rules import Span

MAX_MINUTES = 366 * 24 * 60
OVERRIDE = "Why rules are broken that an operator may break; it is kept. Empty: all rules hold."


def note_field() -> forms.CharField:
    """What members read of a window."""
    return forms.CharField(required=False, max_length=300, widget=forms.TextInput(attrs={"size": 60}))


def override_field() -> forms.CharField:
    """Why an operator breaks the rules."""
    widget = forms.Textarea(attrs={"rows": 2, "cols": 60})
    return forms.CharField(
        required=False, max_length=300, label="Override, because", widget=widget, help_text=OVERRIDE
    )


class Particulars(ActForm):
    """What a window and a series have in common."""

    mode = forms.ChoiceField(
        choices=choices(WindowMode),
        help_text="Dedicated: nobody else's jobs start (S3). Priority: its jobs go first (S9).",
    )
    end_policy = forms.ChoiceField(
        choices=choices(EndPolicy),
        help_text="What becomes of its sessions' waiting jobs at the end: they wait on, or fail (W4).",
    )
    users = rows_field(
        User.objects.all(), Membership.user, required=False, help_text="Only for these members; empty: all."
    )
    note = note_field()
    override_reason = override_field()


class Placed(Particulars):
    """What is to be booked, for whom and where."""

    backend = forms.ModelChoiceField(Backend.objects.defer("configuration"))
    kind = forms.ChoiceField(
        choices=choices(WindowKind),
        help_text="A reservation is for an instance; the others are the operator's own, and dedicated.",
    )
    instance = row_field(
        Instance.objects.filter(is_system=False, is_active=True), Membership.instance, required=False
    )


class Booking(Placed):
    field_order = ("backend", "kind", "instance", "starts_at", "ends_at", "mode", "end_policy")
    starts_at = LocalTimeField(label="Start")
    ends_at = LocalTimeField(label="End")


class Moving(Particulars):
    field_order = ("starts_at", "ends_at")
    starts_at = LocalTimeField(label="Start")
    ends_at = LocalTimeField(label="End")


def minutes_field() -> forms.IntegerField:
    """A length in minutes."""
    return forms.IntegerField(min_value=1, max_value=MAX_MINUTES, label="Length (minutes)")


def wish_of(deed: Deed, span: Span) -> Wish:
    """What the form asks for."""
    data = deed.data
    return Wish(
        backend=data["backend"],
        instance=data["instance"],
        span=span,
        mode=WindowMode(data["mode"]),
        kind=WindowKind(data["kind"]),
        end_policy=EndPolicy(data["end_policy"]),
        users=tuple(data["users"]),
        note=data["note"],
        override_reason=data["override_reason"].strip(),
    )


def span_of(deed: Deed) -> Span:
    """From when to when."""
    return Span(deed.data["starts_at"], deed.data["ends_at"])


def particulars(deed: Deed) -> dict[str, Any]:
    """What of a booking can be changed, as the services take it."""
    return {
        "mode": WindowMode(deed.data["mode"]),
        "end_policy": EndPolicy(deed.data["end_policy"]),
        "users": tuple(deed.data["users"]),
        "note": deed.data["note"],
        "override_reason": deed.data["override_reason"].strip(),
    }


def length_of(minutes: int) -> timedelta:
    """A number of minutes as a length."""
    return timedelta(minutes=minutes)
