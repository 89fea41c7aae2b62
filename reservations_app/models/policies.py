"""What members may book by themselves, as the operator set it (W6)."""

from datetime import time

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from quantumsvc.accounts.models import Instance, known_time_zone
from quantumsvc.backends.models import Backend

EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]


def every_day() -> list[int]:
    """All days of the week."""
    return list(EVERY_DAY)


class ReservationPolicy(models.Model):
    """The limits for one instance on one backend; an empty one stands for all of them.

    Of those that apply, the most exact holds: backend and instance, then instance, then backend, then all.
    Lengths are minutes, and zero means without limit. ``freeze_minutes`` before its start a window can be
    neither booked, moved nor cancelled. ``opens_at`` to ``closes_at`` are the hours, on the clock of
    ``time_zone``, that a window must lie in; equal: the whole day. ``weekdays`` are 0 (Monday) to 6.
    ``counts_as_used`` is W7. ``self_service`` lets the managers of an instance book at all.
    """

    backend = models.ForeignKey(
        Backend, on_delete=models.CASCADE, related_name="reservation_policies", null=True, blank=True
    )
    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="reservation_policies", null=True, blank=True
    )
    self_service = models.BooleanField(default=True)
    shortest_minutes = models.PositiveIntegerField(default=1)
    longest_minutes = models.PositiveIntegerField(default=480)
    granularity_minutes = models.PositiveIntegerField(default=0)
    ahead_days = models.PositiveIntegerField(default=60)
    freeze_minutes = models.PositiveIntegerField(default=0)
    most_windows_ahead = models.PositiveIntegerField(default=10)
    most_minutes_ahead = models.PositiveIntegerField(default=1_440)
    most_minutes_per_28_days = models.PositiveIntegerField(default=2_400)
    buffer_minutes = models.PositiveIntegerField(default=0)
    opens_at = models.TimeField(default=time(0, 0))
    closes_at = models.TimeField(default=time(0, 0))
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=every_day)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    counts_as_used = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "reservation policies"
        constraints = (
            models.UniqueConstraint(
                fields=("backend", "instance"),
                nulls_distinct=False,
                name="one_policy_per_backend_and_instance",
            ),
            models.CheckConstraint(
                condition=Q(longest_minutes=0) | Q(shortest_minutes__lte=F("longest_minutes")),
                name="policy_shortest_within_longest",
            ),
            models.CheckConstraint(
                condition=Q(weekdays__contained_by=EVERY_DAY), name="policy_weekdays_known"
            ),
        )

    def __str__(self) -> str:
        return f"Policy of {self.instance or 'every instance'} on {self.backend or 'every backend'}"
