"""Sessions and the history of their states."""

from typing import Any, Self

from django.db import models
from django.db.models import Q

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.choices import choices_of
from quantumsvc.scheduling.states import Cause, SessionMode, SessionState
from quantumsvc.scheduling.timers import Change, SessionFacts
from quantumsvc.wire.ids import new_id


class SessionQuerySet(models.QuerySet["Session"]):
    def visible_to(self, user: User) -> Self:
        """The sessions of the instances the user may see."""
        return self.filter(instance__in=Instance.objects.visible_to(user))


class Session(models.Model):
    """Jobs of one instance on one backend that are prioritised together (L1-L17). Durations are seconds.

    ``interactive_deadline`` is set while the ITTL runs; ``next_deadline`` is when the session next
    changes by itself, so that overdue ones are found by index. ``active_seconds`` adds up the time of
    past activations. While it is active, ``pause_at`` is when a window will make it inactive (W3, W4),
    for ``pause_cause``; with ``pause_fails``, its waiting jobs fail then.
    """

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="sessions", db_index=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="quantum_sessions")
    backend = models.ForeignKey(Backend, on_delete=models.PROTECT, related_name="sessions")
    mode = models.CharField(max_length=10, choices=choices_of(SessionMode))
    state = models.CharField(max_length=10, choices=choices_of(SessionState), default=SessionState.OPEN.value)
    accepting_jobs = models.BooleanField(default=True)
    max_ttl = models.PositiveIntegerField()
    interactive_ttl = models.PositiveIntegerField()
    unused_ttl = models.PositiveIntegerField(default=0)
    active_ttl = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    last_job_started = models.DateTimeField(null=True, blank=True)
    last_job_completed = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    close_cause = models.CharField(max_length=24, blank=True, choices=choices_of(Cause))
    interactive_deadline = models.DateTimeField(null=True, blank=True)
    next_deadline = models.DateTimeField(null=True, blank=True)
    pause_at = models.DateTimeField(null=True, blank=True)
    pause_cause = models.CharField(max_length=24, blank=True, choices=choices_of(Cause))
    pause_fails = models.BooleanField(default=False)
    active_seconds = models.FloatField(default=0.0)
    first_job_id = models.CharField(max_length=36, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("instance", "-created_at", "-id"), name="sessions_of_instance"),
            models.Index(fields=("instance", "state", "-created_at", "-id"), name="sessions_by_state"),
            # Counted where an instance may have only so many (S10).
            models.Index(fields=("instance",), condition=~Q(state="closed"), name="sessions_not_closed"),
            # Read by the settling of overdue sessions before every answer.
            models.Index(
                fields=("next_deadline",),
                condition=Q(next_deadline__isnull=False),
                name="session_overdue",
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("backend",), condition=Q(state="active"), name="one_active_session_per_backend"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(state.value for state in SessionState)),
                name="session_state_known",
            ),
            models.CheckConstraint(
                condition=Q(mode__in=sorted(mode.value for mode in SessionMode)), name="session_mode_known"
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="session_closed_at_iff_closed",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(accepting_jobs=False), name="closed_session_accepts_no_jobs"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("closed", "open")) | Q(started_at__isnull=False),
                name="session_active_only_once_started",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(next_deadline__isnull=True),
                name="closed_session_has_no_deadline",
            ),
            models.CheckConstraint(
                condition=Q(pause_at__isnull=True, pause_cause="", pause_fails=False)
                | (Q(pause_at__isnull=False, state="active") & ~Q(pause_cause="")),
                name="session_pauses_only_while_active",
            ),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Facts changed in a transaction that writes the row once, at its end.
        self.unwritten: dict[str, Any] = {}
        self.written_later = False

    def __str__(self) -> str:
        return f"{self.mode} session {self.id}"

    def facts(self) -> SessionFacts:
        """What the kernel needs to know of this session's life."""
        return SessionFacts(
            state=SessionState(self.state),
            accepting_jobs=self.accepting_jobs,
            created_at=self.created_at,
            max_ttl=self.max_ttl,
            interactive_ttl=self.interactive_ttl,
            started_at=self.started_at,
            interactive_deadline=self.interactive_deadline,
            unused_ttl=self.unused_ttl,
            has_jobs=bool(self.first_job_id),
            window_pause=self._window_pause(),
        )

    def _window_pause(self) -> Change | None:
        if self.pause_at is None:
            return None
        return Change(SessionState.INACTIVE, self.pause_at, Cause(self.pause_cause), self.pause_fails)


class SessionEvent(models.Model):
    """One change of a session's state, and why. Append-only."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    source = models.CharField(max_length=10, blank=True)
    target = models.CharField(max_length=10)
    cause = models.CharField(max_length=24, choices=choices_of(Cause))

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.session_id}: {self.source or 'new'} to {self.target}"
