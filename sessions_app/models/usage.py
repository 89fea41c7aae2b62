"""What was used, kept as running sums, and what was decided.

Amounts are whole microseconds, so that sums do not depend on their order.
"""

from django.db import models
from django.db.models import Q

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend


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
    """What a user of an instance used of a backend in the rolling window (F3)."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="+")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
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
    """How long jobs of a program run on a backend: a moving mean and mean deviation, in seconds."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="run_times")
    program = models.CharField(max_length=40)
    mean = models.FloatField()
    deviation = models.FloatField(default=0.0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("backend", "program"), name="one_run_time_per_program"),
        )

    def __str__(self) -> str:
        return f"{self.program} on {self.backend_id}: {self.mean:.1f} s"


class Decision(models.Model):
    """One choice of a backend (E1): what was started, by which rule, what waited instead. Append-only."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="decisions")
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
