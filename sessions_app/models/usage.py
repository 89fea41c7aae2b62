"""What was used, kept as running sums, and what was decided.

Amounts are whole microseconds, so that sums do not depend on their order.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self

from django.db import models
from django.db.models import F, Q

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.choices import choices_of


class ChargeKind(StrEnum):
    """What time is charged for (L17, W7)."""

    JOB = "job"
    SESSION = "session"
    RESERVATION = "reservation"


class LedgerQuerySet(models.QuerySet["LedgerLine"]):
    def visible_to(self, user: User) -> Self:
        """The lines of the instances the user may see."""
        return self.filter(instance__in=Instance.objects.visible_to(user))

    def charged_in(self, since: datetime, until: datetime) -> Self:
        """What was charged from ``since`` until before ``until``."""
        return self.filter(at__gte=since, at__lt=until)


class LedgerLine(models.Model):
    """One charge (L17). Append-only: every second that is charged stands in exactly one line.

    ``subject`` is the id of the job, session or window; ``session_id`` the session a job belongs to. It was
    in use from ``since`` until it was charged, ``at``. The sums of this module are these lines, added up.
    """

    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="+")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="ledger", db_index=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=choices_of(ChargeKind))
    subject = models.CharField(max_length=36)
    session_id = models.CharField(max_length=36, blank=True)
    since = models.DateTimeField()
    at = models.DateTimeField()
    microseconds = models.BigIntegerField()

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("instance", "-at", "-id"), name="ledger_of_instance"),)
        constraints = (
            # A job ends once, an activation ends once: the same time is never charged twice.
            models.UniqueConstraint(fields=("kind", "subject", "since"), name="charged_once"),
            models.CheckConstraint(condition=Q(microseconds__gt=0), name="ledger_line_charges_something"),
            models.CheckConstraint(condition=Q(at__gte=F("since")), name="ledger_line_in_time"),
            models.CheckConstraint(
                condition=Q(kind__in=sorted(kind.value for kind in ChargeKind)), name="ledger_kind_known"
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="ledger_line_names_its_subject"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.microseconds}"

    @property
    def seconds(self) -> float:
        """What was charged, in seconds."""
        return self.microseconds / 1_000_000


class InstanceUsage(models.Model):
    """What an instance used of a backend in the rolling window (F2)."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="+")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="usage")
    microseconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("backend", "instance"), name="one_sum_per_instance"),
            models.CheckConstraint(condition=Q(microseconds__gte=0), name="instance_usage_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.instance_id} on {self.backend_id}: {self.microseconds}"


class UserUsage(models.Model):
    """What a user of an instance used of a backend in the rolling window (F3).

    Found by all three together only: an index of one of them would be taken for the better way at times.
    """

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="+", db_index=False)
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    microseconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("backend", "instance", "user"), name="one_sum_per_user"),
            models.CheckConstraint(condition=Q(microseconds__gte=0), name="user_usage_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} of {self.instance_id} on {self.backend_id}: {self.microseconds}"


class UsageBucket(models.Model):
    """What was charged in one hour, so that it can be taken off the sums when it leaves the window."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="+")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    microseconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("backend", "instance", "user", "hour"), name="one_bucket_per_hour"
            ),
        )
        indexes = (models.Index(fields=("hour",), name="usage_leaving_the_window"),)

    def __str__(self) -> str:
        return f"{self.hour}: {self.microseconds}"


class RunTime(models.Model):
    """How long jobs of a program run on a backend: a moving mean and mean deviation, in seconds.

    Of one user's jobs, because what somebody runs resembles what they ran before; without ``user``, of all.
    ``runs`` are those that were learnt from, as far as they count.
    """

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="run_times")
    program = models.CharField(max_length=40)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    mean = models.FloatField()
    deviation = models.FloatField(default=0.0)
    runs = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("backend", "program", "user"),
                nulls_distinct=False,
                name="one_run_time_per_program_and_user",
            ),
        )

    def __str__(self) -> str:
        return f"{self.program} on {self.backend_id}: {self.mean:.1f} s"


class Decision(models.Model):
    """One choice of a backend (E1): what was started, by which rule, what waited instead. Append-only."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    at = models.DateTimeField()
    rule = models.CharField(max_length=4)
    job_id = models.CharField(max_length=36)
    session_id = models.CharField(max_length=36, blank=True)
    passed_over = models.JSONField(default=list)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("backend", "-id"), name="decisions_of_backend"),)

    def __str__(self) -> str:
        return f"{self.backend_id} {self.at}: {self.rule} {self.job_id}"
