"""The forms that windows are booked and moved with. Times go by the clock that the form itself names."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.recurrence import instant_of
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from reservations_app.models import Window, WindowKind
from reservations_app.pages.entries import Reader
from reservations_app.services.booking import Wish
from reservations_app.services.changing import Change
from reservations_app.services.rules import Span
from sessions_app.pages.clocks import OWN, REPEATS, WallTime, Zone

MODES = (
    (WindowMode.DEDICATED.value, "Dedicated: nobody else's jobs start"),
    (WindowMode.PRIORITY.value, "Priority: its jobs go first"),
)
ENDS = (
    (EndPolicy.RELEASE.value, "wait on in the usual order"),
    (EndPolicy.FAIL.value, "fail, and say why"),
)
OPERATOR_KINDS = (
    (WindowKind.MAINTENANCE.value, "Maintenance"),
    (WindowKind.CALIBRATION.value, "Calibration"),
    (WindowKind.OFFLINE.value, "Offline"),
)
OVERRIDE = "Why rules are broken that an operator may break; it is kept. Empty: all rules hold."


class Members(forms.CharField):
    """User names with commas between them; becomes the users, each of whom the reader may know."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=2_000,
            label="Only for these members",
            help_text="User names with commas between them. Empty: all members of the instance.",
        )

    def found(self, text: str, reader: User) -> tuple[User, ...]:
        """The users. Raises ValidationError with all names that are not known."""
        names = {each.strip() for each in text.split(",")} - {""}
        found = tuple(User.objects.visible_to(reader).filter(username__in=names).distinct())
        if missing := sorted(names - {user.username for user in found}):
            raise forms.ValidationError(f"You know no users of these names: {', '.join(missing)}.")
        return found


class Particulars(forms.Form):
    """What a booking and a move have in common."""

    start = WallTime(label="Start")
    end = WallTime(label="End")
    zone = Zone(label="Clock", help_text="Start and end go by this clock.")
    mode = forms.ChoiceField(choices=MODES, label="Mode")
    end_policy = forms.ChoiceField(
        choices=ENDS, label="Jobs of its sessions that wait at the end", initial=EndPolicy.RELEASE.value
    )
    members = Members()
    note = forms.CharField(required=False, max_length=300, label="Note", help_text="Its members read it.")
    override_reason = forms.CharField(
        required=False, max_length=300, label="Override, because", help_text=OVERRIDE
    )

    def __init__(self, *args: Any, reader: Reader, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reader = reader
        _field(self, "zone", Zone).offer(reader.user)
        if not reader.user.is_operator:
            del self.fields["override_reason"]

    def clean_members(self) -> tuple[User, ...]:
        return Members().found(self.cleaned_data["members"], self.reader.user)

    @property
    def span(self) -> Span:
        """From when to when, once the form is valid."""
        data = self.cleaned_data
        zone = ZoneInfo(data["zone"])
        return Span(instant_of(data["start"], zone), instant_of(data["end"], zone))

    @property
    def override(self) -> str:
        """Why an operator breaks rules."""
        return str(self.cleaned_data.get("override_reason", "")).strip()


@dataclass(frozen=True)
class Repetition:
    """How a booking repeats: an RRULE, and whether taken times are left out."""

    rule: str
    skip_taken: bool


class BookingForm(Particulars):
    """``POST /reservations/new``"""

    backend = forms.ModelChoiceField(
        Backend.objects.none(), to_field_name="name", label="Backend", empty_label=None
    )
    what = forms.ChoiceField(label="For")
    repeat = forms.ChoiceField(choices=(("", "Does not repeat"), *REPEATS), required=False, label="Repeats")
    rule = forms.CharField(
        required=False,
        max_length=500,
        label="Own rule",
        help_text="An RRULE of iCalendar, such as FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10.",
    )
    until = forms.DateField(
        required=False, label="Repeats until", widget=forms.DateInput(attrs={"type": "date"})
    )
    skip_taken = forms.BooleanField(required=False, label="Leave out dates whose time is taken")

    field_order = ("backend", "what", "start", "end", "zone", "mode", "end_policy", "members", "note")

    def __init__(self, *args: Any, reader: Reader, **kwargs: Any) -> None:
        super().__init__(*args, reader=reader, **kwargs)
        rows = Backend.objects.visible_to(reader.user).defer("configuration").order_by("name")
        _field(self, "backend", forms.ModelChoiceField).queryset = rows
        _field(self, "what", forms.ChoiceField).choices = self._whats()
        self.order_fields([*(name for name in self.fields if name != "override_reason"), "override_reason"])

    def _whats(self) -> list[Any]:
        managed = Instance.objects.visible_to(self.reader.user).active().order_by("name", "pk")
        own = [(str(each.pk), each.name) for each in managed if self.reader.manages(each.pk)]
        return [("Instances", own), ("The operator's own", OPERATOR_KINDS)] if self._operates else own

    @property
    def _operates(self) -> bool:
        return self.reader.user.is_operator

    def _instance(self) -> Instance:
        return Instance.objects.visible_to(self.reader.user).get(pk=self.cleaned_data["what"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("repeat") == OWN and not data.get("rule"):
            self.add_error("rule", "Give the rule, or choose another repetition.")
        return data

    @property
    def repetition(self) -> Repetition | None:
        """How it repeats; ``None`` for a single window."""
        data = self.cleaned_data
        chosen = data["repeat"]
        if not chosen:
            return None
        rule = data["rule"] if chosen == OWN else chosen
        until = f";UNTIL={data['until']:%Y%m%d}" if data["until"] else ""
        return Repetition(rule + until, data["skip_taken"])

    @property
    def wish(self) -> Wish:
        """What is asked for, once the form is valid."""
        data = self.cleaned_data
        kind = WindowKind.RESERVATION if data["what"].isdigit() else WindowKind(data["what"])
        is_reservation = kind is WindowKind.RESERVATION
        return Wish(
            backend=data["backend"],
            instance=self._instance() if is_reservation else None,
            span=self.span,
            mode=WindowMode(data["mode"]) if is_reservation else WindowMode.DEDICATED,
            kind=kind,
            end_policy=EndPolicy(data["end_policy"]),
            users=data["members"] if is_reservation else (),
            note=data["note"],
            override_reason=self.override,
        )


class Scope:
    """Which occurrences of a series change."""

    THIS, FOLLOWING, ALL = "this", "following", "all"


SCOPES = (
    (Scope.THIS, "Only this date"),
    (Scope.FOLLOWING, "This date and all that follow"),
    (Scope.ALL, "All dates that have not begun"),
)


class MoveForm(Particulars):
    """``POST /reservations/{id}/move``"""

    scope = forms.ChoiceField(choices=SCOPES, label="What changes")
    rule = forms.CharField(
        required=False,
        max_length=500,
        label="New rule",
        help_text="For more than one date: an RRULE. Empty: the rule stays.",
    )
    skip_taken = forms.BooleanField(required=False, label="Leave out dates whose time is taken")

    def __init__(self, *args: Any, reader: Reader, window: Window, **kwargs: Any) -> None:
        super().__init__(*args, reader=reader, **kwargs)
        dropped: tuple[str, ...] = () if window.series_id else ("scope", "rule", "skip_taken")
        if window.instance_id is None:
            dropped += ("mode", "members", "end_policy")
        for name in dropped:
            del self.fields[name]
        if window.series_id:
            self.order_fields(["scope"])

    @property
    def changes(self) -> str:
        """Which occurrences change."""
        return str(self.cleaned_data.get("scope", Scope.THIS))

    @property
    def shared(self) -> dict[str, Any]:
        """What a change of a window and of a series have in common."""
        data = self.cleaned_data
        mode, end = data.get("mode"), data.get("end_policy")
        return {
            "mode": WindowMode(mode) if mode else None,
            "end_policy": EndPolicy(end) if end else None,
            "users": data.get("members"),
            "note": data["note"],
            "override_reason": self.override,
        }

    @property
    def change(self) -> Change:
        """What becomes of the one window."""
        return Change(starts_at=self.span.start, ends_at=self.span.end, **self.shared)


def _field(form: forms.Form, name: str, kind: type[Any]) -> Any:
    """One of the form's own fields."""
    found = form.fields[name]
    assert isinstance(found, kind)
    return found
