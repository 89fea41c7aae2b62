"""Jobs: the queue itself. A job waits because its row says so."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.choices import choices_of
from quantumsvc.scheduling.states import TERMINAL_JOB_STATES, Cause, JobState, Phase
from quantumsvc.wire.ids import new_id
from sessions_app.models.sessions import Session

_TERMINAL = sorted(state.value for state in TERMINAL_JOB_STATES)


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: User) -> Self:
        """The jobs of the instances the user may see, but for those that were deleted."""
        return self.filter(deleted_at__isnull=True, instance__in=Instance.objects.visible_to(user))

    def pending(self) -> Self:
        """Jobs that have not ended."""
        return self.exclude(state__in=_TERMINAL)


class Job(models.Model):
    """One run of a program on one backend (J1-J6). Durations are seconds.

    ``cost`` is what the client asked for as its time limit, ``max_seconds`` the limit in force.
    A deleted job keeps its row, without its contents, because what it used still counts.
    ``quantum_seconds`` is the time that is charged; ``phase`` says what happens inside ``running``.

    A job with ``is_system`` is the operator's (S2): it is due at ``due_at``, belongs to the system's
    instance, which pays nothing, and to no session. While a session or another's window holds the
    backend it waits ``deferral_seconds`` longer; then it goes before everything.

    ``outlived_session``: its session had closed while it ran, and then it had to give way to a window (W2);
    it waits and runs by itself. ``ran_at_least`` is how long it had run when it last had to give way, so
    that it is not taken for shorter than it is.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    # Every change of a job's state writes every index anew: no column has one of its own where another index
    # begins with it, and nobody asks for the jobs of a calibration set.
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="jobs")
    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="jobs")
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, related_name="jobs", null=True, blank=True, db_index=False
    )
    program = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=choices_of(JobState), default=JobState.QUEUED.value)
    phase = models.CharField(max_length=10, choices=choices_of(Phase), blank=True)
    reason = models.TextField(blank=True)
    reason_code = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    lost_attempts = models.PositiveIntegerField(default=0)
    cost = models.PositiveIntegerField(null=True, blank=True)
    max_seconds = models.PositiveIntegerField()
    estimated_seconds = models.FloatField(null=True, blank=True)
    quantum_seconds = models.FloatField(default=0.0)
    tags = ArrayField(models.CharField(max_length=86), default=list, blank=True)
    private = models.BooleanField(default=False)
    log_level = models.CharField(max_length=10, default="WARNING")
    runtime = models.CharField(max_length=200, blank=True)
    client_application = models.CharField(max_length=500, blank=True)
    calibration_submitted = models.ForeignKey(
        CalibrationSet, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    calibration_run = models.ForeignKey(
        CalibrationSet, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    calibration_pinned = models.BooleanField(default=False)
    is_system = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True, blank=True)
    deferral_seconds = models.PositiveIntegerField(default=0)
    outlived_session = models.BooleanField(default=False)
    ran_at_least = models.FloatField(default=0.0)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # The queue of a backend, read by the dispatcher.
            models.Index(
                fields=("backend", "created_at", "id"), condition=Q(state="queued"), name="job_queue"
            ),
            # The queue of a session, read by the dispatcher.
            models.Index(
                fields=("session", "created_at", "id"),
                condition=Q(state="queued", session__isnull=False),
                name="job_session_queue",
            ),
            # How much waits on a backend.
            models.Index(fields=("backend",), condition=Q(state__in=("queued", "running")), name="job_load"),
            # The oldest waiting job of each user, read when it is anybody's turn (F2, F3).
            models.Index(
                fields=("backend", "instance", "user", "created_at", "id"),
                condition=Q(state="queued"),
                name="job_heads",
            ),
            # The operator's jobs that wait, read by every decision (S2).
            models.Index(
                fields=("backend", "due_at", "id"),
                condition=Q(state="queued", is_system=True),
                name="job_system",
            ),
            models.Index(fields=("instance", "-created_at", "-id"), name="jobs_of_instance"),
            # Counted and paged by state, however many there are.
            models.Index(
                fields=("instance", "state", "-created_at", "-id"),
                condition=Q(deleted_at__isnull=True),
                name="jobs_by_state",
            ),
            models.Index(fields=("session", "-created_at"), name="jobs_of_session"),
            GinIndex(fields=("tags",), name="jobs_by_tag"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("backend",), condition=Q(state="running"), name="one_running_job_per_backend"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(state.value for state in JobState)), name="job_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=_TERMINAL, finished_at__isnull=False)
                | (~Q(state__in=_TERMINAL) & Q(finished_at__isnull=True)),
                name="job_finished_at_iff_terminal",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(state__in=_TERMINAL), name="job_deleted_only_ended"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(started_at__isnull=False, attempt__gt=0),
                name="job_running_has_attempt",
            ),
            models.CheckConstraint(
                condition=Q(state="running") | Q(phase=""), name="job_phase_only_while_running"
            ),
            models.CheckConstraint(
                condition=Q(is_system=True, due_at__isnull=False, session__isnull=True)
                | Q(is_system=False, due_at__isnull=True, deferral_seconds=0),
                name="job_due_iff_system",
            ),
            models.CheckConstraint(
                condition=Q(outlived_session=False) | Q(session__isnull=False),
                name="job_outlives_only_a_session",
            ),
        )

    def __str__(self) -> str:
        return f"{self.program} job {self.id}"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended; such a state never changes (J1)."""
        return self.state in _TERMINAL

    @property
    def calibration_changed(self) -> bool:
        """Whether the backend was calibrated between submission and run: the job ran under another set."""
        both = self.calibration_submitted_id, self.calibration_run_id
        return None not in both and both[0] != both[1]


class JobPayload(models.Model):
    """What was submitted, byte for byte. Opened only by the isolated child that runs it."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="payload")
    params = models.BinaryField()

    def __str__(self) -> str:
        return f"payload of {self.job_id}"


class JobSketch(models.Model):
    """What a child told of the submitted bytes, for people; ``refusal`` says why there is nothing to tell."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="sketch")
    body = models.BinaryField(default=b"")
    refusal = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"sketch of {self.job_id}"


class JobResult(models.Model):
    """What the program returned, as the client reads it."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="result")
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"result of {self.job_id}"


class JobCircuits(models.Model):
    """The circuits that the service transpiled, as they ran, in OpenQASM 3; empty where that can't say it."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="circuits")
    texts = ArrayField(models.TextField(blank=True))

    def __str__(self) -> str:
        return f"circuits of {self.job_id}"


class JobLog(models.Model):
    """What the program logged in one attempt, oldest line first."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="logs")
    attempt = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"log of {self.job_id}, attempt {self.attempt}"


class JobEvent(models.Model):
    """One change of a job's state, and why. Append-only."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    source = models.CharField(max_length=10, blank=True)
    target = models.CharField(max_length=10)
    cause = models.CharField(max_length=24, choices=choices_of(Cause))
    attempt = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.job_id}: {self.source or 'new'} to {self.target}"


class Submission(models.Model):
    """A submission whose answer may not have reached its sender.

    A client repeats a POST when no proper answer came. The row lives from the moment the job is stored
    until the answer was sent; a repetition that finds it gets the same job (J5).
    """

    digest = models.BinaryField(max_length=32)
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="submission")
    created_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("digest", "created_at"), name="submission_repeated"),)

    def __str__(self) -> str:
        return f"submission of {self.job_id}"
