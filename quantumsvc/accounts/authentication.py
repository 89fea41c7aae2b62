"""From the two headers of a request to its caller, with one query."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection, models
from django.db.models import Q

from quantumsvc import errors
from quantumsvc.accounts.callers import Caller
from quantumsvc.accounts.keys import digest_of, looks_like_key
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.rates import rates
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.tokens import read_token

# Longer headers are refused unread; a token is about 300 characters.
MAX_CREDENTIAL_LENGTH = 4096
MAX_CRN_LENGTH = 255
# ``last_used_at`` is for people who wonder whether a key is still in use: minutes are enough.
LAST_USED_PRECISION = timedelta(minutes=1)

M = TypeVar("M", bound=models.Model)
Condition = tuple[str, list[Any]]


def identify(authorization: str | None, service_crn: str | None, now: datetime) -> Caller:
    """The caller behind ``Bearer <token>`` or ``apikey <key>``, in the instance that the CRN names.

    Raises NotAuthenticated for a credential that is missing, malformed, unknown, expired or revoked
    and for an inactive user; NotAllowed for a CRN that is unknown or of an instance the user does
    not belong to, without telling which.
    """
    condition = _key_condition(authorization, now)
    crn = (service_crn or "").strip()
    found = _look_up(condition, crn if _is_storable(crn) else "")
    if found is None or not found[0].is_valid_at(now) or not found[0].user.is_active:
        raise _unknown_credential()
    key, instance, role = found
    if crn and (instance is None or not (role or key.user.is_operator)):
        raise _not_authorized_for(crn)
    rate = rates.spend(key.pk, now)
    _note_use(key, now)
    return Caller(key.user, instance, role, key.pk, key.user.is_operator, rate)


aidentify = sync_to_async(identify)


def _key_condition(authorization: str | None, now: datetime) -> Condition:
    """Which key the credential names, as a condition of the query below."""
    header = authorization or ""
    scheme, _, credential = header.strip().partition(" ")
    credential = credential.strip()
    if not credential:
        raise errors.NotAuthenticated(
            "Authentication is required.", solution="Send the header Authorization."
        )
    if len(header) > MAX_CREDENTIAL_LENGTH:
        raise _unknown_credential()
    if scheme.lower() == "bearer":
        claims = read_token(credential, now)
        return "k.id = %s AND k.user_id = %s", [claims.key_id, claims.user_id]
    if scheme.lower() == "apikey" and looks_like_key(credential):
        return "k.digest = %s", [digest_of(credential)]
    raise _unknown_credential()


def _is_storable(crn: str) -> bool:
    """Texts with control characters, or too long, name no instance; the database needn't see them."""
    return len(crn) <= MAX_CRN_LENGTH and crn.isascii() and crn.isprintable()


def _look_up(condition: Condition, crn: str) -> tuple[ApiKey, Instance | None, Role | None] | None:
    """The key with its user, the instance of that CRN and the user's role there.

    Written by hand because the instance is joined by a value of the request and not by a relation.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{_query()} WHERE {condition[0]}", [crn, *condition[1]])
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    key, user = _row(ApiKey, values), _row(User, values)
    instance, role = _row(Instance, values), next(values)
    if key is None or user is None:
        return None
    key.user = user
    return key, instance, Role(role) if role else None


def _row(model: type[M], values: Iterator[Any]) -> M | None:
    """Take one model's columns off the row; None when the join found nothing."""
    fields = [field.attname for field in model._meta.concrete_fields]
    taken = list(islice(values, len(fields)))
    return None if taken[0] is None else model.from_db(connection.alias, fields, taken)


@cache
def _query() -> str:
    def columns(alias: str, model: type[models.Model]) -> str:
        return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)

    def table(model: type[models.Model]) -> str:
        return f'"{model._meta.db_table}"'

    return (
        f"SELECT {columns('k', ApiKey)}, {columns('u', User)}, {columns('i', Instance)}, m.role"
        f" FROM {table(ApiKey)} k JOIN {table(User)} u ON u.id = k.user_id"
        f" LEFT JOIN {table(Instance)} i ON i.crn = %s"
        f" LEFT JOIN {table(Membership)} m ON m.instance_id = i.id AND m.user_id = u.id"
    )


def _note_use(key: ApiKey, now: datetime) -> None:
    """Write down the use, unless that was done within the last minute."""
    before = now - LAST_USED_PRECISION
    if key.last_used_at is None or key.last_used_at < before:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=before)
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)


def _unknown_credential() -> errors.NotAuthenticated:
    return errors.NotAuthenticated(
        "The credential is unknown, expired or revoked.",
        solution="Check the API key, or have a new one issued.",
    )


def _not_authorized_for(crn: str) -> errors.NotAllowed:
    shown = crn[:MAX_CRN_LENGTH].encode("ascii", "replace").decode()
    return errors.NotAllowed(
        f"You are not authorized to use the instance {shown!r}, or it does not exist.",
        solution="Check the CRN, or ask a manager of the instance to make you a member.",
        code=errors.NotAuthenticated.code,
    )
