"""Windows that recur (W8)."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from quantumsvc.accounts.models import Instance, User, known_time_zone
from quantumsvc.backends.models import Backend
from quantumsvc.choices import choices_of
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from quantumsvc.wire.ids import new_id


class SeriesQuerySet(models.QuerySet["Series"]):
    def visible_to(self, user: User) -> Self:
        """The series of the user's instances, and the operator's own on backends the user may use."""
        if user.is_operator:
            return self
        public = Q(instance__isnull=True, backend__in=Backend.objects.visible_to(user))
        return self.filter(public | Q(instance__in=Instance.objects.visible_to(user)))


class Series(models.Model):
    """What is common to recurring windows: each occurrence is a window of its own.

    ``rule`` is an RRULE of iCalendar. ``starts_local`` is the first start as the clock on the wall of
    ``time_zone`` shows it, ``2026-10-05T08:00``: the rule goes by that clock, so that daylight saving changes
    the instant and not the hour. ``skipped`` holds the local starts that are left out. Nothing else of it
    changes but its end: an edit ends the series at ``ends_before`` and names its ``successor``. Windows
    exist up to ``made_until``.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="series")
    instance = models.ForeignKey(
        Instance, on_delete=models.PROTECT, related_name="series", null=True, blank=True
    )
    users = models.ManyToManyField(User, related_name="reserved_series", blank=True)
    mode = models.CharField(max_length=10, choices=choices_of(WindowMode))
    kind = models.CharField(max_length=12)
    end_policy = models.CharField(max_length=10, choices=choices_of(EndPolicy))
    note = models.CharField(max_length=300, blank=True)
    override_reason = models.CharField(max_length=300, blank=True)
    rule = models.CharField(max_length=500)
    time_zone = models.CharField(max_length=64, validators=[known_time_zone])
    starts_local = models.CharField(max_length=19)
    length_seconds = models.PositiveIntegerField()
    skipped = ArrayField(models.CharField(max_length=19), default=list, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="booked_series")
    created_at = models.DateTimeField()
    made_until = models.DateTimeField()
    ends_before = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="ended_series", null=True, blank=True
    )
    successor = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="predecessor", null=True, blank=True
    )

    objects = SeriesQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "series"
        constraints = (
            models.CheckConstraint(condition=Q(length_seconds__gt=0), name="series_has_length"),
            models.CheckConstraint(condition=~Q(rule=""), name="series_has_rule"),
            models.CheckConstraint(
                condition=Q(ends_before__isnull=True, ended_by__isnull=True)
                | Q(ends_before__isnull=False, ended_by__isnull=False),
                name="series_ended_by_somebody_iff_ended",
            ),
            models.CheckConstraint(
                condition=Q(successor__isnull=True) | (Q(ends_before__isnull=False) & ~Q(successor=F("id"))),
                name="series_with_successor_is_ended",
            ),
            models.CheckConstraint(
                condition=Q(kind="reservation", instance__isnull=False)
                | (
                    Q(kind__in=("calibration", "maintenance", "offline"))
                    & Q(instance__isnull=True, mode=WindowMode.DEDICATED.value)
                ),
                name="series_has_instance_iff_reservation",
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} from {self.starts_local} {self.time_zone}"

    def first_start(self) -> datetime:
        """The first start on the wall clock: a time without a zone."""
        return datetime.fromisoformat(self.starts_local)
