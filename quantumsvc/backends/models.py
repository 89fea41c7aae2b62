"""Backends, who may use them, and the dated sets of calibration data that describe them."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.choices import choices_of
from quantumsvc.scheduling.windows import OverrunPolicy
from quantumsvc.wire.ids import new_id


class BackendKind(StrEnum):
    DEVICE = "device"
    SIMULATOR = "simulator"
    MOCK = "mock"


class Driver(StrEnum):
    AER = "aer"
    QISKIT = "qiskit"


class BackendQuerySet(models.QuerySet["Backend"]):
    def visible_to(self, user: User) -> Self:
        """The backends that some instance of the user may use; operators see all."""
        if user.is_operator:
            return self
        usable = BackendAccess.objects.filter(instance__in=Instance.objects.visible_to(user))
        return self.filter(Q(open_to_all=True) | Q(pk__in=usable.values("backend_id")))

    def usable_by(self, instance: Instance) -> Self:
        """The backends that jobs of this instance may be sent to."""
        granted = BackendAccess.objects.filter(instance=instance)
        return self.filter(Q(open_to_all=True) | Q(pk__in=granted.values("backend_id")))


class Backend(models.Model):
    """One device or simulator with its own queue (S1).

    Durations are seconds. ``configuration`` is the document that clients read, as JSON text: it is
    served as it is and never taken apart here.
    """

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=10, choices=choices_of(BackendKind), default=BackendKind.DEVICE.value)
    driver = models.CharField(max_length=10, choices=choices_of(Driver), default=Driver.AER.value)
    driver_options = models.JSONField(default=dict, blank=True)
    configuration = models.TextField()
    # The database keeps it in step: another document is another version, without reading it.
    configuration_version = models.GeneratedField(
        expression=MD5("configuration"), output_field=models.CharField(max_length=32), db_persist=True
    )
    qubits = models.PositiveIntegerField()
    is_online = models.BooleanField(default=True)
    is_paused = models.BooleanField(default=False)
    status_message = models.CharField(max_length=200, default="available", blank=True)
    open_to_all = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    max_shots = models.PositiveIntegerField(default=100_000)
    max_pubs = models.PositiveIntegerField(default=300)
    max_active_qubits = models.PositiveIntegerField(default=12)
    max_gates = models.PositiveIntegerField(default=1_000_000)
    max_work = models.PositiveBigIntegerField(default=10_000_000)
    memory_bytes = models.PositiveBigIntegerField(default=2_000_000_000)
    default_execution_seconds = models.PositiveIntegerField(default=600)
    max_execution_seconds = models.PositiveIntegerField(default=10_800)
    session_max_ttl = models.PositiveIntegerField(default=28_800)
    dedicated_interactive_ttl = models.PositiveIntegerField(default=300)
    batch_interactive_ttl = models.PositiveIntegerField(default=60)
    unused_session_ttl = models.PositiveIntegerField(default=1_800)

    overrun_policy = models.CharField(
        max_length=10,
        choices=choices_of(OverrunPolicy),
        default=OverrunPolicy.STOP.value,
        help_text="What happens to a foreign job that still runs when a window begins (W2).",
    )
    max_start_delay = models.PositiveIntegerField(
        default=0,
        help_text="Jobs of others that are expected to take no longer than this (seconds) may fill a"
        " dedicated window while it idles; 0: none.",
    )
    refuse_reserved = models.BooleanField(
        default=False,
        help_text="Refuse jobs while the backend is reserved for others, instead of queueing (W10).",
    )
    release_after_minutes = models.PositiveIntegerField(
        default=0, help_text="Release a reservation after so many minutes without a job; 0: never."
    )

    objects = BackendQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=sorted(kind.value for kind in BackendKind)), name="backend_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(driver__in=sorted(driver.value for driver in Driver)), name="backend_driver_known"
            ),
            models.CheckConstraint(
                condition=Q(overrun_policy__in=sorted(policy.value for policy in OverrunPolicy)),
                name="backend_overrun_policy_known",
            ),
            models.CheckConstraint(
                condition=Q(default_execution_seconds__lte=models.F("max_execution_seconds")),
                name="backend_default_execution_within_maximum",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def accepts_starts(self) -> bool:
        """Whether jobs may start: switched on, and its queue not paused."""
        return self.is_online and not self.is_paused

    def interactive_ttl(self, mode: str) -> int:
        """L14: the operator's ITTL for sessions of this mode, in seconds."""
        return self.dedicated_interactive_ttl if mode == "dedicated" else self.batch_interactive_ttl


class BackendAccess(models.Model):
    """An instance may use a backend that is not open to all."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="grants")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="backend_grants")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("backend", "instance"), name="one_grant_per_instance"),
        )

    def __str__(self) -> str:
        return f"{self.instance} may use {self.backend}"


class CalibrationSource(StrEnum):
    """Where a calibration set comes from."""

    SHIPPED = "shipped"
    MEASURED = "measured"
    UPLOADED = "uploaded"


class CalibrationSetQuerySet(models.QuerySet["CalibrationSet"]):
    def visible_to(self, user: User) -> Self:
        """The sets of the backends that the user may see."""
        return self.filter(backend__in=Backend.objects.visible_to(user))

    def in_force(self, backend: Backend, at: datetime) -> "CalibrationSet | None":
        """The newest set of ``backend`` that was taken not later than ``at``."""
        return self.filter(backend=backend, taken_at__lte=at).order_by("-taken_at", "-id").first()


class CalibrationSet(models.Model):
    """What was measured of a backend at one time. Rows are never changed: a new measurement is a new set.

    ``properties`` is the document that clients read, as JSON text; ``{}`` for an ideal simulator.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="calibrations")
    taken_at = models.DateTimeField()
    properties = models.TextField(default="{}")
    source = models.CharField(
        max_length=10, choices=choices_of(CalibrationSource), default=CalibrationSource.SHIPPED.value
    )
    note = models.CharField(max_length=300, blank=True)

    objects = CalibrationSetQuerySet.as_manager()

    class Meta:
        ordering = ("-taken_at", "-id")
        indexes = (models.Index(fields=("backend", "-taken_at"), name="calibration_in_force"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(source__in=sorted(source.value for source in CalibrationSource)),
                name="calibration_source_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.backend} {self.taken_at:%Y-%m-%d %H:%M}"
