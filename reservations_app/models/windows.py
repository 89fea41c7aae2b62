"""Windows of device time and the history of their states (section 6 of the rules)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.choices import choices_of
from quantumsvc.scheduling.states import WINDOW_MOVES, WindowState
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from quantumsvc.wire.ids import new_id
from reservations_app.models.series import Series

# A window in one of these may still hold its backend.
STANDING = (WindowState.SCHEDULED.value, WindowState.ACTIVE.value)


class WindowKind(StrEnum):
    """``reservation``: an instance's time. The others are the operator's own and belong to no instance."""

    RESERVATION = "reservation"
    MAINTENANCE = "maintenance"
    CALIBRATION = "calibration"
    OFFLINE = "offline"


class WindowCause(StrEnum):
    """Why a window changed its state; kept with every event."""

    BOOKED = "booked"
    BEGAN = "began"
    ENDED = "ended"
    RELEASED = "released"
    UNUSED = "unused"
    CANCELLED = "cancelled"
    MOVED = "moved"


class _BackendRange(Func):
    """The backend as a range of one number: an exclusion constraint without any extension."""

    function = "int8range"
    template = "%(function)s(%(expressions)s, '[]')"


class _TimeRange(Func):
    function = "tstzrange"
    output_field = DateTimeRangeField()


_KNOWN = {
    "state": sorted(state.value for state in WINDOW_MOVES),
    "kind": sorted(kind.value for kind in WindowKind),
    "mode": sorted(mode.value for mode in WindowMode),
    "end_policy": sorted(policy.value for policy in EndPolicy),
}
_IS_RESERVATION = Q(kind=WindowKind.RESERVATION.value)


class WindowQuerySet(models.QuerySet["Window"]):
    def visible_to(self, user: User) -> Self:
        """The windows of the user's instances, and the operator's own on backends the user may use."""
        if user.is_operator:
            return self
        public = Q(instance__isnull=True, backend__in=Backend.objects.visible_to(user))
        return self.filter(public | Q(instance__in=Instance.objects.visible_to(user)))

    def known_to(self, user: User) -> Self:
        """Also those of strangers that hold time on a backend the user may use.

        That the time is taken is no secret, by whom is: of what ``visible_to`` leaves out, show the times.
        """
        if user.is_operator:
            return self
        taken = Q(backend__in=Backend.objects.visible_to(user)) & ~Q(state=WindowState.CANCELLED.value)
        return self.filter(taken | Q(pk__in=Window.objects.visible_to(user).values("pk")))

    def standing(self) -> Self:
        """Windows that have not ended: scheduled or active."""
        return self.filter(state__in=STANDING)

    def overlapping(self, start: datetime, end: datetime) -> Self:
        """Windows that have some of the time ``[start, end)``, or had it until they were released."""
        return self.alias(until=Coalesce("released_at", "ends_at")).filter(starts_at__lt=end, until__gt=start)


class Window(models.Model):
    """Time ``[starts_at, ends_at)`` on a backend that is held for an instance, or for the operator (W1-W8).

    A window is never deleted, and what was booked never changed: a move cancels it and names its
    ``successor``. ``released_at`` is when it was given back before its end. ``first_job_at`` is when the
    instance's first job inside started. ``users`` narrows it to some members; none means all of them.
    ``counts_as_used`` is W7. ``occurrence`` is when its series meant it to begin, wherever it was moved.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="windows")
    instance = models.ForeignKey(
        Instance, on_delete=models.PROTECT, related_name="windows", null=True, blank=True
    )
    users = models.ManyToManyField(User, related_name="reserved_windows", blank=True)
    mode = models.CharField(max_length=10, choices=choices_of(WindowMode), default=WindowMode.DEDICATED.value)
    kind = models.CharField(
        max_length=12, choices=choices_of(WindowKind), default=WindowKind.RESERVATION.value
    )
    state = models.CharField(
        max_length=10, choices=choices_of(WindowState), default=WindowState.SCHEDULED.value
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    end_policy = models.CharField(
        max_length=10, choices=choices_of(EndPolicy), default=EndPolicy.RELEASE.value
    )
    counts_as_used = models.BooleanField(default=True)
    note = models.CharField(max_length=300, blank=True)
    override_reason = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="booked_windows")
    created_at = models.DateTimeField()
    first_job_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="cancelled_windows", null=True, blank=True
    )
    cancel_reason = models.CharField(max_length=300, blank=True)
    successor = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="predecessor", null=True, blank=True
    )
    series = models.ForeignKey(
        Series, on_delete=models.PROTECT, related_name="windows", null=True, blank=True
    )
    occurrence = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = WindowQuerySet.as_manager()

    class Meta:
        ordering = ("starts_at", "id")
        indexes = (
            models.Index(fields=("instance", "starts_at"), name="windows_of_instance"),
            # Read by the calendar, and before every decision about a backend.
            models.Index(fields=("backend", "ends_at"), name="windows_of_backend"),
            models.Index(fields=("starts_at",), condition=Q(state__in=STANDING), name="windows_that_stand"),
        )
        constraints = (
            ExclusionConstraint(
                name="windows_of_a_backend_never_overlap",
                expressions=[
                    (_BackendRange(F("backend"), F("backend")), "&&"),
                    (_TimeRange(F("starts_at"), Coalesce("released_at", "ends_at")), "&&"),
                ],
                condition=~Q(state=WindowState.CANCELLED.value),
            ),
            *(
                models.CheckConstraint(condition=Q(**{f"{field}__in": known}), name=f"window_{field}_known")
                for field, known in _KNOWN.items()
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="window_starts_before_it_ends"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True)
                | Q(
                    released_at__gte=F("starts_at"),
                    released_at__lt=F("ends_at"),
                    state__in=("completed", "missed", "cancelled"),
                ),
                name="window_released_within_its_time",
            ),
            models.CheckConstraint(
                condition=(_IS_RESERVATION & Q(instance__isnull=False))
                | (~_IS_RESERVATION & Q(instance__isnull=True, mode=WindowMode.DEDICATED.value)),
                name="window_has_instance_iff_reservation",
            ),
            models.CheckConstraint(
                condition=Q(state="cancelled", cancelled_at__isnull=False, cancelled_by__isnull=False)
                | (~Q(state="cancelled") & Q(cancelled_at__isnull=True, cancelled_by__isnull=True)),
                name="window_cancelled_by_somebody_iff_cancelled",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("completed", "missed"))
                | (Q(state="missed") & _IS_RESERVATION & Q(first_job_at__isnull=True))
                | (Q(state="completed") & (~_IS_RESERVATION | Q(first_job_at__isnull=False))),
                name="window_missed_iff_reserved_and_unused",
            ),
            models.CheckConstraint(
                condition=Q(successor__isnull=True) | (Q(state="cancelled") & ~Q(successor=F("id"))),
                name="window_with_successor_is_cancelled",
            ),
            models.CheckConstraint(
                condition=Q(series__isnull=True, occurrence__isnull=True)
                | Q(series__isnull=False, occurrence__isnull=False),
                name="window_occurrence_iff_in_series",
            ),
            models.UniqueConstraint(
                fields=("series", "occurrence"),
                condition=~Q(state=WindowState.CANCELLED.value),
                name="one_window_per_occurrence",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def until(self) -> datetime:
        """When it ended, or is to end: earlier than ``ends_at`` when it was released or cancelled inside."""
        if self.cancelled_at is not None and not self.released_at:
            return max(min(self.cancelled_at, self.ends_at), self.starts_at)
        return self.released_at or self.ends_at

    @property
    def length(self) -> timedelta:
        """The time that was booked."""
        return self.ends_at - self.starts_at

    def state_at(self, now: datetime) -> WindowState:
        """The effective state: what time has made of it, whether or not that has been written down."""
        stored = WindowState(self.state)
        if stored not in STANDING or now < self.starts_at:
            return stored
        return WindowState.ACTIVE if now < self.ends_at else self.ending()

    def ending(self) -> WindowState:
        """What it becomes at its end (W6)."""
        unused = self.kind == WindowKind.RESERVATION and self.first_job_at is None
        return WindowState.MISSED if unused else WindowState.COMPLETED


class WindowEvent(models.Model):
    """One change of a window's state: when, why, and by whom if it was a person. Append-only.

    ``at`` is when it was carried out: a window's lateness (W2) is ``at`` of its beginning less ``starts_at``.
    """

    window = models.ForeignKey(Window, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    source = models.CharField(max_length=10, blank=True)
    target = models.CharField(max_length=10)
    cause = models.CharField(max_length=12, choices=choices_of(WindowCause))
    by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="window_events", null=True, blank=True
    )

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.window_id}: {self.source or 'new'} to {self.target}"
