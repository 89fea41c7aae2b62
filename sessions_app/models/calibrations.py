"""Calibrations: what was measured when and for whom, what is planned, and what drift leads to (W9)."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from quantumsvc.accounts.models import User, known_time_zone
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.choices import choices_of
from quantumsvc.scheduling.calibrations import AlertKind, Trigger
from quantumsvc.wire.ids import new_id
from reservations_app.models import Window
from sessions_app.models.jobs import Job


class CalibrationScheduleQuerySet(models.QuerySet["CalibrationSchedule"]):
    def visible_to(self, user: User) -> Self:
        """The schedules of the backends that the user may see."""
        return self.filter(backend__in=Backend.objects.visible_to(user))


class CalibrationRunQuerySet(models.QuerySet["CalibrationRun"]):
    def visible_to(self, user: User) -> Self:
        """The calibrations of the backends that the user may see."""
        return self.filter(backend__in=Backend.objects.visible_to(user))


class BackendAlertQuerySet(models.QuerySet["BackendAlert"]):
    def visible_to(self, user: User) -> Self:
        """The alerts of the backends that the user may see."""
        return self.filter(backend__in=Backend.objects.visible_to(user))


class CalibrationPolicy(models.Model):
    """What the operator wants of a backend's calibrations. Thresholds are fractions.

    A calibration that finds T1 or T2 of a qubit shorter by more than ``lifetime_drop``, or a readout error
    or a gate's error larger by more than ``error_rise`` (1 is twice as large) than the set before, raises
    an alert, and pauses the queue if ``pause_on_drift``. One that is overdue by more than
    ``overdue_seconds`` raises an alert too (0 = never).
    """

    backend = models.OneToOneField(
        Backend, on_delete=models.CASCADE, primary_key=True, related_name="calibration_policy"
    )
    lifetime_drop = models.FloatField(
        default=0.5, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)]
    )
    error_rise = models.FloatField(default=2.0, validators=[MinValueValidator(0.01)])
    pause_on_drift = models.BooleanField(default=False)
    deferral_seconds = models.PositiveIntegerField(default=0)
    overdue_seconds = models.PositiveIntegerField(default=3_600)

    class Meta:
        verbose_name_plural = "calibration policies"
        constraints = (
            models.CheckConstraint(
                condition=Q(lifetime_drop__gt=0, lifetime_drop__lte=1, error_rise__gt=0),
                name="calibration_policy_thresholds_sound",
            ),
        )

    def __str__(self) -> str:
        return f"calibrations of {self.backend_id}"


class CalibrationSchedule(models.Model):
    """Calibrations that recur: an iCalendar RRULE in wall-clock time of a zone (W8, W9).

    ``starts_at`` is the first occurrence, as an instant; the rule is expanded in ``time_zone``, so that
    an occurrence keeps its hour across a change of daylight saving. One run at most waits at a time. With
    ``window_minutes`` each occurrence gets a window of kind calibration of that length.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="calibration_schedules")
    name = models.CharField(max_length=100)
    rrule = models.CharField(max_length=500)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    starts_at = models.DateTimeField()
    deferral_seconds = models.PositiveIntegerField(default=0)
    window_minutes = models.PositiveIntegerField(default=0)
    qubits = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    experiments = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = CalibrationScheduleQuerySet.as_manager()

    class Meta:
        ordering = ("backend", "name", "id")
        constraints = (
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(rrule="") & ~Q(time_zone=""), name="calibration_schedule_told"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.backend_id})"


class CalibrationRun(models.Model):
    """One calibration: a job that measures, and what came of it.

    The job's state is the run's: only what a job can't tell is kept here. ``result_set`` is what it
    measured, ``base_set`` the set that was current before. ``is_partial`` says that some values of
    ``base_set`` were kept because they could not be measured; ``report`` tells which and why, and how far
    the values have moved. ``window`` is the time that was reserved for it. Empty ``qubits`` and
    ``experiments`` mean all.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="calibration_runs")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="calibration")
    trigger = models.CharField(max_length=10, choices=choices_of(Trigger))
    schedule = models.ForeignKey(
        CalibrationSchedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    window = models.ForeignKey(
        Window, on_delete=models.PROTECT, null=True, blank=True, related_name="calibrations"
    )
    note = models.CharField(max_length=300, blank=True)
    qubits = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    experiments = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    base_set = models.ForeignKey(
        CalibrationSet, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    result_set = models.OneToOneField(
        CalibrationSet, on_delete=models.PROTECT, null=True, blank=True, related_name="run"
    )
    is_partial = models.BooleanField(default=False)
    report = models.JSONField(default=dict, blank=True)

    objects = CalibrationRunQuerySet.as_manager()

    class Meta:
        ordering = ("-due_at", "-id")
        indexes = (
            models.Index(fields=("backend", "-due_at", "-id"), name="calibrations_of_backend"),
            models.Index(fields=("schedule", "-due_at"), name="calibrations_of_schedule"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(trigger__in=sorted(trigger.value for trigger in Trigger)),
                name="calibration_trigger_known",
            ),
            models.CheckConstraint(
                condition=Q(is_partial=False) | Q(result_set__isnull=False),
                name="partial_calibration_has_a_set",
            ),
            models.CheckConstraint(
                condition=Q(result_set__isnull=True) | ~Q(result_set=F("base_set")),
                name="calibration_makes_a_new_set",
            ),
        )

    def __str__(self) -> str:
        return f"calibration {self.id}"


class BackendAlert(models.Model):
    """Something about a backend that an operator should know. Append-only but for who has seen it."""

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="alerts")
    run = models.ForeignKey(
        CalibrationRun, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts"
    )
    kind = models.CharField(max_length=20, choices=choices_of(AlertKind))
    at = models.DateTimeField()
    text = models.CharField(max_length=500)
    details = models.JSONField(default=dict, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    objects = BackendAlertQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("backend", "-at"), name="alerts_of_backend"),)
        constraints = (
            models.UniqueConstraint(fields=("run", "kind"), name="one_alert_per_run_and_kind"),
            models.CheckConstraint(
                condition=Q(kind__in=sorted(kind.value for kind in AlertKind)), name="alert_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(seen_at__isnull=True, seen_by__isnull=True)
                | Q(seen_at__isnull=False, seen_by__isnull=False),
                name="alert_seen_by_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.backend_id}: {self.text}"
