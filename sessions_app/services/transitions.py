"""The only callers of state changes: the guarded update, its event and its bell, in one statement.

Every function here must run inside a transaction; the order of row locks is always lease, session, job.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection, models

from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.states import (
    Cause,
    JobState,
    SessionMode,
    SessionState,
    job_sources,
    session_sources,
)
from quantumsvc.scheduling.timers import next_deadline
from quantumsvc.statements import Rows, Statement, run
from sessions_app.events import CHANNEL
from sessions_app.models import ChargeKind, Job, Session
from sessions_app.services.ledger import Charge, charge

_MOVE = """
WITH old AS (
    SELECT id, state AS source FROM {table} WHERE id = %s AND state = ANY(%s) {guard} FOR UPDATE
), moved AS (
    UPDATE {table} AS t SET state = %s, version = t.version + 1 {sets}
    FROM old WHERE t.id = old.id
    RETURNING t.*, old.source
), noted AS (
    INSERT INTO {table}event ({kind}_id, at, source, target, cause {attempt})
    SELECT id, %s, source, state, %s {attempt} FROM moved
) {also}
SELECT {columns}, pg_notify('{channel}', json_build_object(
    'type', '{kind}', 'id', id, 'instance', instance_id, 'backend', backend_id, 'state', state,
    'version', version {session})::text)
FROM moved
"""

_KEEP_RESULT = """, kept AS (
    INSERT INTO sessions_app_jobresult (job_id, body) SELECT id, %s FROM moved
)"""

_FIRST = """
WITH stored AS (
    INSERT INTO sessions_app_job ({columns}) VALUES ({values})
    RETURNING id, instance_id, backend_id, session_id, state, version
), kept AS (
    INSERT INTO sessions_app_jobpayload (job_id, params) SELECT id, %s FROM stored
), noted AS (
    INSERT INTO sessions_app_jobevent (job_id, at, source, target, cause, attempt)
    SELECT id, %s, '', state, %s, 0 FROM stored
), unanswered AS (
    INSERT INTO sessions_app_submission (job_id, digest, created_at) SELECT id, %s, %s FROM stored
)
SELECT pg_notify('{channel}', json_build_object(
    'type', 'job', 'id', id, 'instance', instance_id, 'backend', backend_id, 'state', state,
    'version', version, 'session', session_id)::text)
FROM stored
"""


# What a session that is not active knows of windows.
NO_PAUSE: dict[str, Any] = {"pause_at": None, "pause_cause": "", "pause_fails": False}


@dataclass(frozen=True, slots=True)
class Expression:
    """A column's new value that the database computes."""

    sql: str
    parameters: tuple[object, ...] = ()


@cache
def _columns(model: type[models.Model], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{field.column}" for field in model._meta.concrete_fields)


@cache
def _move_sql(
    model: type[models.Model], sets: str, *, guarded: bool, also: str = "", brief: bool = False
) -> str:
    kind = str(model._meta.model_name)
    return _MOVE.format(
        kind=kind,
        table=model._meta.db_table,
        channel=CHANNEL,
        sets=sets,
        guard="AND attempt = %s" if guarded else "",
        attempt=", attempt" if kind == "job" else "",
        session=", 'session', session_id" if kind == "job" else "",
        columns="id" if brief else _columns(model),
        also=also,
    )


def _sets(model: type[models.Model], fields: Mapping[str, Any]) -> tuple[str, list[object]]:
    """The assignments of an update and their parameters; a mistyped name fails here."""
    words, parameters = [], list[object]()
    for name, value in fields.items():
        field = model._meta.get_field(name)
        assert isinstance(field, models.Field)
        if isinstance(value, Expression):
            words.append(f", {field.column} = {value.sql}")
            parameters += value.parameters
        else:
            words.append(f", {field.column} = %s")
            parameters.append(_stored(field, value))
    return "".join(words), parameters


def _stored(field: "models.Field[Any, Any]", value: Any) -> Any:
    raw = value.pk if isinstance(value, models.Model) else value
    return field.get_db_prep_save(raw, connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMove:
    """A guarded change of a job's state (J1), with its event and its bell.

    With ``attempt``, only that attempt may; ``begins_attempt`` counts a new one (J2). ``result`` is kept
    if, and only if, the job moves. A ``brief`` one gives the id alone, for a caller who knows the row.
    """

    ident: str
    target: JobState
    at: datetime
    cause: Cause
    attempt: int | None = None
    begins_attempt: bool = False
    result: bytes | None = None
    brief: bool = False
    fields: Mapping[str, Any]

    def statement(self) -> Statement:
        """The update that does it all; it gives the job's row, or nothing."""
        more = {"attempt": Expression("t.attempt + 1")} if self.begins_attempt else {}
        sets, values = _sets(Job, {**self.fields, **more})
        keeps = self.result is not None
        also = _KEEP_RESULT if keeps else ""
        sql = _move_sql(Job, sets, guarded=self.attempt is not None, also=also, brief=self.brief)
        guard = [] if self.attempt is None else [self.attempt]
        kept = [self.result] if keeps else []
        sources = sorted(job_sources(self.target))
        parameters = [self.ident, sources, *guard, self.target.value, *values, self.at, self.cause.value]
        return Statement(sql, [*parameters, *kept])

    def outcome(self, rows: Rows) -> Job:
        """The job as it is now. Raises :class:`StaleTransition` when nothing moved."""
        self.check(rows)
        return job_from(rows[0])

    def check(self, rows: Rows) -> None:
        """Raise :class:`StaleTransition` when nothing moved."""
        if rows:
            return
        found = Job.objects.filter(pk=self.ident).values_list("state", "attempt").first()
        story = f"{found[0]}, attempt {found[1]}" if found else None
        raise StaleTransition("job", self.ident, self.target, frozenset(job_sources(self.target)), story)


def move_job(
    ident: str,
    target: JobState,
    *,
    at: datetime,
    cause: Cause,
    attempt: int | None = None,
    result: bytes | None = None,
    **fields: Any,
) -> Job:
    """Move a job to ``target`` now and give its fresh row; see :class:`JobMove`.

    Raises :class:`StaleTransition`, having changed nothing, when the job is in no state that ``target``
    may be reached from.
    """
    move = JobMove(
        ident=ident, target=target, at=at, cause=cause, attempt=attempt, result=result, fields=fields
    )
    return move.outcome(run(move.statement())[0])


@cache
def _layout(model: type[models.Model]) -> tuple[list[str], list[tuple[int, type[json.JSONDecoder] | None]]]:
    """The attributes of a row, and the places of documents: a hand-written statement gives them as text."""
    fields = model._meta.concrete_fields
    documents = [(n, each.decoder) for n, each in enumerate(fields) if isinstance(each, models.JSONField)]
    return [field.attname for field in fields], documents


def _instance(model: Any, row: tuple[Any, ...]) -> Any:
    names, documents = _layout(model)
    values = list(row[: len(names)])
    for place, decoder in documents:
        if values[place] is not None:
            values[place] = json.loads(values[place], cls=decoder)
    return model.from_db(connection.alias, names, values)


def storing(job: Job, params: bytes, digest: bytes) -> Statement:
    """Inserts a submitted job with its payload, its first event and its unanswered submission (J5)."""
    fields = job._meta.concrete_fields
    values = [field.get_db_prep_save(field.pre_save(job, add=True), connection) for field in fields]
    statement = _FIRST.format(columns=_columns(Job), values=", ".join(["%s"] * len(fields)), channel=CHANNEL)
    more = [params, job.created_at, Cause.SUBMITTED.value, digest, job.created_at]
    return Statement(statement, [*values, *more])


def move_session(
    session: Session, target: SessionState, *, at: datetime, cause: Cause, **fields: Any
) -> None:
    """Move a locked session to ``target`` and keep the object in step with its row.

    Leaving ``active`` adds the time of this activation to what the session has used, and charges it (L17).
    Raises :class:`StaleTransition` when nothing moved.
    """
    charges: list[Statement] = []
    if session.state == SessionState.ACTIVE and session.activated_at:
        seconds = max((at - session.activated_at).total_seconds(), 0.0)
        fields["active_seconds"] = session.active_seconds + seconds
        charges = _charge_session(session, at, seconds)
        if session.pause_at is not None:
            fields |= NO_PAUSE
    _assign(session, {**session.unwritten, **fields, "state": target.value})
    changed = {**session.unwritten, **fields, "next_deadline": session.next_deadline}
    sets, values = _sets(Session, changed)
    sources = session_sources(target)
    parameters = [session.pk, sorted(sources), target.value, *values, at, cause.value]
    if not run(Statement(_move_sql(Session, sets, guarded=False), parameters), *charges)[0]:
        found = Session.objects.filter(pk=session.pk).values_list("state", flat=True).first()
        raise StaleTransition("session", session.pk, target, frozenset(sources), found)
    session.unwritten.clear()


def _charge_session(session: Session, at: datetime, seconds: float) -> list[Statement]:
    """L17: a dedicated session pays for the time it was active; a batch's jobs pay for themselves."""
    if session.mode != SessionMode.DEDICATED:
        return []
    assert session.activated_at is not None
    activation = Charge(
        kind=ChargeKind.SESSION,
        subject=session.pk,
        session=session.pk,
        backend=session.backend_id,
        instance=session.instance_id,
        user=session.user_id,
        since=min(session.activated_at, at),
        at=at,
        seconds=seconds,
    )
    return charge(activation)


def _assign(session: Session, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(session, name, value)
    session.next_deadline = next_deadline(session.facts())


def change_session(session: Session, **fields: Any) -> None:
    """Change facts of a locked session that are not its state, and its next deadline with them.

    A session that is ``written_later`` is written once, by whoever locked it.
    """
    _assign(session, fields)
    session.unwritten |= {**fields, "next_deadline": session.next_deadline}
    if not session.written_later:
        write_back(session)


def unwritten_facts(session: Session) -> list[Statement]:
    """The statement that writes the changed facts of a locked session, if there are any."""
    if not session.unwritten:
        return []
    sets, values = _sets(Session, session.unwritten)
    session.unwritten.clear()
    sql = f"UPDATE sessions_app_session AS t SET version = t.version + 1 {sets} WHERE id = %s"
    return [Statement(sql, [*values, session.pk])]


def write_back(session: Session) -> None:
    """Write the changed facts of a locked session that were not written yet."""
    if facts := unwritten_facts(session):
        run(*facts)


def job_from(row: tuple[Any, ...]) -> Job:
    """A job from a row that begins with all its columns."""
    job: Job = _instance(Job, row)
    return job


def job_columns() -> str:
    """All columns of a job named ``j``, as ``job_from`` expects them."""
    return _columns(Job, "j.")


def locking_session(ident: str, instance_id: int) -> Statement:
    """Locks one of an instance's sessions; its row is for ``sessions_from``."""
    sql = (
        f"SELECT {_columns(Session)} FROM sessions_app_session WHERE id = %s AND instance_id = %s FOR UPDATE"
    )
    return Statement(sql, [ident, instance_id])


def sessions_from(rows: Rows) -> list[Session]:
    """Sessions from rows of all their columns."""
    return [_instance(Session, row) for row in rows]


def session_columns() -> str:
    """All columns of a session, as ``sessions_from`` expects them."""
    return _columns(Session)


def lock_session(ident: str) -> Session:
    """The session's row, locked until the transaction ends. Raises ``Session.DoesNotExist``."""
    return Session.objects.select_for_update(of=("self",)).get(pk=ident)
