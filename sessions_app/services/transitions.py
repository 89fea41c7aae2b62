"""The only callers of state changes: the guarded update, its event and its bell, in one statement.

Every function here must run inside a transaction; the order of row locks is always lease, session, job.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from quantumsvc.errors import StaleTransition
from quantumsvc.scheduling.states import Cause, JobState, SessionState, job_sources, session_sources
from quantumsvc.scheduling.timers import next_deadline
from sessions_app.events import CHANNEL
from sessions_app.models import Job, Session

_MOVE = """
WITH old AS (
    SELECT id, state AS source FROM {table} WHERE id = %s AND state = ANY(%s) {guard} FOR UPDATE
), moved AS (
    UPDATE {table} AS t SET state = %s, version = t.version + 1 {sets}
    FROM old WHERE t.id = old.id
    RETURNING t.id, old.source, t.state, t.version, t.instance_id {attempt}
), noted AS (
    INSERT INTO {table}event ({kind}_id, at, source, target, cause {attempt_column})
    SELECT id, %s, source, state, %s {attempt_value} FROM moved
)
SELECT moved.source, moved.version, pg_notify('{channel}', json_build_object(
    'type', '{kind}', 'id', id, 'instance', instance_id, 'state', state, 'version', version)::text)
FROM moved
"""


def _move_statement(kind: str, names: tuple[str, ...], *, guarded: bool) -> str:
    job = kind == "job"
    return _MOVE.format(
        kind=kind,
        table=f"sessions_app_{kind}",
        channel=CHANNEL,
        sets="".join(f", {name} = %s" for name in names),
        guard="AND attempt = %s" if guarded else "",
        attempt=", t.attempt" if job else "",
        attempt_column=", attempt" if job else "",
        attempt_value=", attempt" if job else "",
    )


def _columns(model: type[Job] | type[Session], fields: dict[str, Any]) -> dict[str, Any]:
    """Database columns and values of some fields, so that a mistyped name fails here."""
    columns = {}
    for name, value in fields.items():
        field = model._meta.get_field(name)
        columns[str(field.attname)] = field.get_db_prep_save(value, connection)  # type: ignore[union-attr]
    return columns


def move_job(
    ident: str,
    target: JobState,
    *,
    at: datetime,
    cause: Cause,
    attempt: int | None = None,
    next_attempt: int | None = None,
    **fields: Any,
) -> JobState:
    """Move a job to ``target`` (J1) and say from which state it came.

    With ``attempt``, only that attempt may (J2); ``next_attempt`` begins a new one.
    Raises :class:`StaleTransition` when nothing moved.
    """
    if next_attempt is not None:
        fields["attempt"] = next_attempt
    columns = _columns(Job, fields)
    sources = job_sources(target)
    statement = _move_statement("job", tuple(columns), guarded=attempt is not None)
    guard = [] if attempt is None else [attempt]
    parameters = [ident, sorted(sources), *guard, target.value, *columns.values(), at, cause.value]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    if row is None:
        found = Job.objects.filter(pk=ident).values_list("state", "attempt").first()
        story = f"{found[0]}, attempt {found[1]}" if found else None
        raise StaleTransition("job", ident, target, frozenset(sources), story)
    return JobState(row[0])


def move_session(
    session: Session, target: SessionState, *, at: datetime, cause: Cause, **fields: Any
) -> None:
    """Move a locked session to ``target`` and keep the object in step with its row.

    Leaving ``active`` adds the time of this activation to what the session has used (L17).
    Raises :class:`StaleTransition` when nothing moved.
    """
    if session.state == SessionState.ACTIVE and session.activated_at:
        fields["active_seconds"] = session.active_seconds + (at - session.activated_at).total_seconds()
    for name, value in fields.items():
        setattr(session, name, value)
    session.state = target.value
    session.next_deadline = next_deadline(session.facts())
    columns = _columns(Session, fields | {"next_deadline": session.next_deadline})
    sources = session_sources(target)
    parameters = [session.pk, sorted(sources), target.value, *columns.values(), at, cause.value]
    with connection.cursor() as cursor:
        cursor.execute(_move_statement("session", tuple(columns), guarded=False), parameters)
        row = cursor.fetchone()
    if row is None:
        found = Session.objects.filter(pk=session.pk).values_list("state", flat=True).first()
        raise StaleTransition("session", session.pk, target, frozenset(sources), found)
    session.version = row[1]


def change_session(session: Session, **fields: Any) -> None:
    """Change facts of a locked session that are not its state, and its next deadline with them."""
    for name, value in fields.items():
        setattr(session, name, value)
    session.next_deadline = next_deadline(session.facts())
    session.version += 1
    session.save(update_fields=[*fields, "next_deadline", "version"])


def lock_session(ident: str) -> Session:
    """The session's row, locked until the transaction ends. Raises ``Session.DoesNotExist``."""
    return Session.objects.select_for_update(of=("self",)).get(pk=ident)
