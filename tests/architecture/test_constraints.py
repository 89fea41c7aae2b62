"""The database refuses what must never be, whoever writes it; and states move as the table says only."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import F

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import ApiKey, AuditEntry, Instance, KeyedCall, Membership, User
from quantumsvc.accounts.services import issue_key
from quantumsvc.accounts.system import system_instance
from quantumsvc.backends.models import Backend, BackendAccess, CalibrationSet
from quantumsvc.errors import StaleTransition
from quantumsvc.notices.models import Delivery, Notice, Subscription
from quantumsvc.scheduling.states import JOB_MOVES, SESSION_MOVES, Cause, JobState, SessionState
from sessions_app.models import (
    BackendAlert,
    CalibrationPolicy,
    CalibrationRun,
    CalibrationSchedule,
    InstanceUsage,
    Job,
    JobEvent,
    LedgerLine,
    RunTime,
    Session,
    SessionEvent,
    UsageBucket,
    UserUsage,
)
from sessions_app.services.calibrations.requesting import Wish, request_calibration
from sessions_app.services.transitions import lock_session, move_job, move_session
from tests.factories import START, at, make_author, make_backend, make_instance, make_user, open_, submit

pytestmark = pytest.mark.django_db

APPS = ("accounts", "backends", "notices", "sessions_app")


def a_user() -> User:
    return make_user()


def a_job() -> Job:
    return submit(make_author(), make_backend())


def a_session() -> Session:
    return open_(make_author(), make_backend())


def a_keyed_call() -> KeyedCall:
    return KeyedCall.objects.create(
        user=make_user(), key="key", fingerprint=b"f", status=200, body=b"{}", created_at=START
    )


def a_key() -> ApiKey:
    return issue_key(user=make_user(), name="key", now=START).key


def a_membership() -> Membership:
    author = make_author()
    return Membership.objects.get(user=author.user)


def a_grant() -> BackendAccess:
    return BackendAccess.objects.create(backend=make_backend(), instance=make_instance())


def an_instance() -> Instance:
    return make_instance()


def a_backend() -> Backend:
    return make_backend()


def an_instance_usage() -> models.Model:
    return InstanceUsage.objects.create(backend=make_backend(), instance=make_instance())


def a_user_usage() -> models.Model:
    return UserUsage.objects.create(backend=make_backend(), instance=make_instance(), user=make_user())


def a_bucket() -> models.Model:
    return UsageBucket.objects.create(
        backend=make_backend(), instance=make_instance(), user=make_user(), hour=START
    )


def a_line() -> models.Model:
    return LedgerLine.objects.create(
        backend=make_backend(), instance=make_instance(), user=make_user(), kind="job", subject="a-job",
        since=at(0), at=at(1), microseconds=1,
    )  # fmt: skip


def a_subscription() -> Subscription:
    user = make_user()
    return Subscription.objects.create(
        user=user, channel="webhook", address="https://example.org/", kinds=["job.ended"], salt="s",
        created_at=START, created_by=user,
    )  # fmt: skip


def a_notice() -> Notice:
    return Notice.objects.create(kind="job.ended", subject="a-job", at=START)


def a_delivery() -> Delivery:
    return Delivery.objects.create(notice=a_notice(), subscription=a_subscription(), next_at=START)


def a_run_time() -> models.Model:
    return RunTime.objects.create(backend=make_backend(), program="sampler", mean=1.0)


def a_system_instance() -> Instance:
    return system_instance(START)


def a_system_job() -> Job:
    return a_calibration().job


def a_calibration() -> CalibrationRun:
    return request_calibration(backend=make_backend(), wish=Wish(due_at=START), now=START, by=None)


def a_calibration_set() -> CalibrationSet:
    return CalibrationSet.objects.create(backend=make_backend(), taken_at=START)


def a_calibration_schedule() -> models.Model:
    return CalibrationSchedule.objects.create(
        backend=make_backend(),
        name="daily",
        rrule="FREQ=DAILY",
        starts_at=START,
        created_at=START,
        updated_at=START,
    )


def a_calibration_policy() -> models.Model:
    return CalibrationPolicy.objects.create(backend=make_backend())


def an_alert() -> BackendAlert:
    run = a_calibration()
    return BackendAlert.objects.create(backend=run.backend, run=run, kind="drift", at=START, text="T1 of 0")


def an_attempt_to_keep_a_set_as_new() -> CalibrationRun:
    run = a_calibration()
    CalibrationRun.objects.filter(pk=run.pk).update(base_set=run.job.calibration_submitted)
    return run


def an_entry() -> AuditEntry:
    return audit.note("instance.praised", make_instance(), actor=make_user(), now=START)


RUNNING = {"state": "running", "started_at": at(1), "attempt": 1}
ENDED = {"state": "completed", "finished_at": at(1)}
CLOSED = {"state": "closed", "closed_at": at(1), "accepting_jobs": False, "next_deadline": None}
ACTIVE = {"state": "active", "started_at": at(1)}

# Constraint: a valid row, and each change of it that must be refused.
REFUSED: dict[str, tuple[Callable[[], models.Model], list[dict[str, Any]]]] = {
    "user_time_zone_named": (a_user, [{"time_zone": ""}]),
    "instance_named": (an_instance, [{"name": ""}, {"account": ""}, {"region": ""}]),
    "instance_crn_is_crn": (an_instance, [{"crn": "v1:crn:"}, {"crn": ""}]),
    "instance_plan_known": (an_instance, [{"plan": "gold"}, {"plan": ""}]),
    "instance_over_limit_known": (an_instance, [{"over_limit": "beg"}, {"over_limit": ""}]),
    "instance_not_its_own_parent": (an_instance, [{"parent": F("pk")}]),
    "instance_archived_at_iff_archived": (an_instance, [{"is_active": False}, {"archived_at": START}]),
    "membership_role_known": (a_membership, [{"role": "owner"}]),
    "api_key_named": (a_key, [{"name": ""}]),
    "keyed_call_has_a_key": (a_keyed_call, [{"key": ""}]),
    "api_key_holds_no_plain_text": (a_key, [{"digest": "qs_plain"}, {"digest": "A" * 64}]),
    "api_key_expires_after_creation": (
        a_key,
        [{"expires_at": START}, {"expires_at": START - timedelta(days=1)}],
    ),
    "calibration_source_known": (a_calibration_set, [{"source": "guessed"}, {"source": ""}]),
    "calibration_trigger_known": (a_calibration, [{"trigger": "whim"}]),
    "partial_calibration_has_a_set": (a_calibration, [{"is_partial": True}]),
    "calibration_makes_a_new_set": (an_attempt_to_keep_a_set_as_new, [{"result_set": F("base_set")}]),
    "calibration_schedule_told": (
        a_calibration_schedule,
        [{"name": ""}, {"rrule": ""}, {"time_zone": ""}],
    ),
    "calibration_policy_thresholds_sound": (
        a_calibration_policy,
        [{"lifetime_drop": 0}, {"lifetime_drop": 1.5}, {"error_rise": 0}],
    ),
    "alert_kind_known": (an_alert, [{"kind": "odd"}]),
    "alert_seen_by_somebody": (an_alert, [{"seen_at": START}]),
    "job_due_iff_system": (
        a_system_job,
        [{"due_at": None}, {"is_system": False}, {"session": lambda: a_session().pk}],
    ),
    "job_outlives_only_a_session": (a_job, [{"outlived_session": True}]),
    "backend_kind_known": (a_backend, [{"kind": "abacus"}]),
    "backend_overrun_policy_known": (a_backend, [{"overrun_policy": "ask"}]),
    "backend_driver_known": (a_backend, [{"driver": "own"}]),
    "backend_default_execution_within_maximum": (a_backend, [{"default_execution_seconds": 10_801}]),
    "session_state_known": (a_session, [{"state": "pending", "started_at": at(1)}]),
    "session_mode_known": (a_session, [{"mode": "quick"}]),
    "session_closed_at_iff_closed": (a_session, [CLOSED | {"closed_at": None}, {"closed_at": at(1)}]),
    "closed_session_accepts_no_jobs": (a_session, [CLOSED | {"accepting_jobs": True}]),
    "session_active_only_once_started": (a_session, [{"state": "active"}, {"state": "inactive"}]),
    "session_pauses_only_while_active": (
        a_session,
        [
            {"pause_at": at(2), "pause_cause": "displaced"},
            {"pause_fails": True},
            ACTIVE | {"pause_at": at(2)},
        ],
    ),
    "closed_session_has_no_deadline": (a_session, [CLOSED | {"next_deadline": at(2)}]),
    "job_state_known": (a_job, [{"state": "validating"}, {"state": "Queued"}]),
    "job_finished_at_iff_terminal": (
        a_job,
        [
            {"finished_at": at(1)},
            {"state": "completed"},
            {"state": "failed"},
            {"state": "cancelled"},
            RUNNING | {"finished_at": at(1)},
        ],
    ),
    "job_deleted_only_ended": (a_job, [{"deleted_at": at(1)}, RUNNING | {"deleted_at": at(1)}]),
    "job_running_has_attempt": (a_job, [RUNNING | {"attempt": 0}, RUNNING | {"started_at": None}]),
    "instance_usage_not_negative": (an_instance_usage, [{"microseconds": -1}]),
    "user_usage_not_negative": (a_user_usage, [{"microseconds": -1}]),
    "subscription_has_one_owner": (a_subscription, [{"user": None}]),
    "subscription_channel_known": (a_subscription, [{"channel": "pigeon"}]),
    "subscription_reaches_somebody": (a_subscription, [{"address": ""}]),
    "notice_kind_known": (a_notice, [{"kind": "job.began"}]),
    "delivery_due_iff_pending": (a_delivery, [{"next_at": None}, {"state": "sent"}, {"state": "lost"}]),
    "job_phase_only_while_running": (a_job, [{"phase": "executing"}, ENDED | {"phase": "finishing"}]),
}

# The same, of rows that nobody may change: a second row with the change must be refused.
NEVER_INSERTED: dict[str, tuple[Callable[[], models.Model], list[dict[str, Any]]]] = {
    "audit_action_named": (an_entry, [{"action": ""}, {"action": "x", "object_kind": ""}]),
    "audit_via_known": (an_entry, [{"via": "telepathy"}]),
    "ledger_line_charges_something": (a_line, [{"microseconds": 0}, {"microseconds": -1}]),
    "ledger_line_in_time": (a_line, [{"at": at(-1)}]),
    "ledger_kind_known": (a_line, [{"kind": "coffee"}]),
    "ledger_line_names_its_subject": (a_line, [{"subject": ""}]),
}

# Constraint: two rows that can't be together; the second one is made, then changed to what is refused.
UNIQUE: dict[str, Callable[[], Any]] = {
    "instance_name_unique_in_account": lambda: make_instance(name=make_instance().name),
    "one_system_instance": lambda: make_instance(is_system=bool(a_system_instance().pk)),
    "one_alert_per_run_and_kind": lambda: _again(an_alert(), id="another"),
    "membership_once": lambda: _again(a_membership()),
    "api_key_name_unique_while_valid": lambda: _again(a_key(), digest="0" * 64),
    "one_call_per_key": lambda: _again(a_keyed_call()),
    "one_grant_per_instance": lambda: _again(a_grant()),
    "one_sum_per_instance": lambda: _again(an_instance_usage()),
    "one_sum_per_user": lambda: _again(a_user_usage()),
    "one_bucket_per_hour": lambda: _again(a_bucket()),
    "said_once": lambda: _again(a_notice()),
    "delivered_once": lambda: _again(a_delivery(), id="another"),
    "charged_once": lambda: _again(a_line()),
    "one_run_time_per_program_and_user": lambda: _again(a_run_time()),
    "one_running_job_per_backend": lambda: _both(Job, [a_job(), a_job()], RUNNING),
    "one_active_session_per_backend": lambda: _both(Session, [a_session(), a_session()], ACTIVE),
}


def _again(row: models.Model, **over: Any) -> None:
    """Insert a second row like this one."""
    for name, value in over.items():
        setattr(row, name, value)
    if "id" not in over:
        row.pk = None
    row.save(force_insert=True)


def _both(model: type[models.Model], rows: list[Any], state: dict[str, Any]) -> None:
    """Bring two rows into one state on one backend."""
    idents = [row.pk for row in rows]
    model._default_manager.filter(pk__in=idents).update(backend=rows[0].backend)
    for ident in idents:
        model._default_manager.filter(pk=ident).update(**state)


def test_it_has_a_case_for_every_constraint() -> None:
    found = {
        constraint.name
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
    }
    assert found == {*REFUSED, *NEVER_INSERTED, *UNIQUE}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_a_row_that_breaks(name: str) -> None:
    make, changes = REFUSED[name]
    row = make()
    for change in changes:
        change = {name: value() if callable(value) else value for name, value in change.items()}
        with pytest.raises(IntegrityError, match=rf'"{name}"'), transaction.atomic():
            type(row)._default_manager.filter(pk=row.pk).update(**change)


@pytest.mark.parametrize("name", NEVER_INSERTED)
def test_it_refuses_to_insert_a_row_that_breaks(name: str) -> None:
    make, changes = NEVER_INSERTED[name]
    row = make()
    for change in changes:
        with pytest.raises(IntegrityError, match=rf'"{name}"'), transaction.atomic():
            _again(row, **change)


@pytest.mark.parametrize("name", UNIQUE)
def test_it_refuses_a_second_row_that_breaks(name: str) -> None:
    with pytest.raises(IntegrityError, match=rf'"{name}"'), transaction.atomic():
        UNIQUE[name]()


def test_it_allows_what_only_looks_similar() -> None:
    name = make_instance().name
    make_instance(name=name, account="another")
    key = a_key()
    ApiKey.objects.update(revoked_at=at(1))
    _again(ApiKey.objects.get(pk=key.pk), digest="1" * 64, revoked_at=None)
    jobs = [a_job(), a_job()]
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(**RUNNING)
    assert Job.objects.filter(state="running").count() == 2, "each on a backend of its own"


@pytest.mark.parametrize("unique", [("crn", an_instance), ("name", a_backend), ("digest", a_key)])
def test_it_has_names_that_exist_once(unique: tuple[str, Callable[[], models.Model]]) -> None:
    field, make = unique
    first, second = make(), make()
    taken = {field: getattr(first, field)}
    with pytest.raises(IntegrityError, match="unique"), transaction.atomic():
        type(second)._default_manager.filter(pk=second.pk).update(**taken)


@pytest.mark.parametrize("field", ["cost", "max_seconds", "attempt", "progress_done"])
def test_it_stores_no_negative_numbers(field: str) -> None:
    job = a_job()
    with pytest.raises(IntegrityError, match=field), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**{field: -1})


# --- Moves ---

JOB_ROWS: dict[JobState, dict[str, Any]] = {
    JobState.QUEUED: {"state": "queued"},
    JobState.RUNNING: RUNNING | {"phase": "preparing"},
    JobState.COMPLETED: ENDED,
    JobState.FAILED: ENDED | {"state": "failed"},
    JobState.CANCELLED: ENDED | {"state": "cancelled"},
}
SESSION_ROWS: dict[SessionState, dict[str, Any]] = {
    SessionState.OPEN: {"state": "open"},
    SessionState.ACTIVE: ACTIVE | {"activated_at": at(1)},
    SessionState.INACTIVE: ACTIVE | {"state": "inactive", "activated_at": at(1)},
    SessionState.CLOSED: CLOSED,
}


def fields_of(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


@pytest.mark.parametrize(("source", "target"), list(product(JobState, JobState)))
def test_it_moves_jobs_as_the_table_says(source: JobState, target: JobState) -> None:
    job = a_job()
    Job.objects.filter(pk=job.pk).update(**JOB_ROWS[source])
    before = Job.objects.values().get(pk=job.pk)
    row = JOB_ROWS[target]
    fields = {**fields_of(row, ("started_at", "finished_at")), "phase": row.get("phase", "")}

    def move() -> None:
        move_job(job.pk, target, at=at(2), cause=Cause.CHOSEN, **fields)

    if target in JOB_MOVES[source]:
        Job.objects.filter(pk=job.pk, state="queued").update(attempt=1)
        move()
        moved = Job.objects.values().get(pk=job.pk)
        assert (moved["state"], moved["version"]) == (target.value, before["version"] + 1)
        last = JobEvent.objects.filter(job=job).last()
        assert last is not None
        assert (last.source, last.target, last.at) == (source.value, target.value, at(2))
        return
    with pytest.raises(StaleTransition):
        move()
    assert Job.objects.values().get(pk=job.pk) == before
    assert JobEvent.objects.filter(job=job).count() == 1


@pytest.mark.parametrize(("source", "target"), list(product(SessionState, SessionState)))
def test_it_moves_sessions_as_the_table_says(source: SessionState, target: SessionState) -> None:
    session = a_session()
    Session.objects.filter(pk=session.pk).update(**SESSION_ROWS[source])
    before = Session.objects.values().get(pk=session.pk)
    row = SESSION_ROWS[target]
    fields = fields_of(row, ("started_at", "activated_at", "closed_at"))
    fields["accepting_jobs"] = row.get("accepting_jobs", True)
    locked = lock_session(session.pk)

    if target in SESSION_MOVES[source]:
        move_session(locked, target, at=at(2), cause=Cause.CHOSEN, **fields)
        moved = Session.objects.values().get(pk=session.pk)
        assert (moved["state"], moved["version"]) == (target.value, before["version"] + 1)
        last = SessionEvent.objects.filter(session=session).last()
        assert last is not None
        assert (last.source, last.target, last.at) == (source.value, target.value, at(2))
        return
    with pytest.raises(StaleTransition):
        move_session(locked, target, at=at(2), cause=Cause.CHOSEN, **fields)
    assert Session.objects.values().get(pk=session.pk) == before
    assert SessionEvent.objects.filter(session=session).count() == 1


def test_it_moves_nothing_that_does_not_exist() -> None:
    with pytest.raises(StaleTransition, match="gone"):
        move_job("nothing", JobState.CANCELLED, at=at(1), cause=Cause.USER_CANCELLED, finished_at=at(1))


def test_it_ends_in_no_state_that_can_be_left() -> None:
    ends = {state for state, targets in JOB_MOVES.items() if not targets}
    assert ends == {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
    assert [state for state, targets in SESSION_MOVES.items() if not targets] == [SessionState.CLOSED]
