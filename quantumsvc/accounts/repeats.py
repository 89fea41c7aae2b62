"""Calls that were done under a key of their caller's, and what was answered."""

from datetime import datetime

from django.db import connection

from quantumsvc.accounts.models import KeyedCall, User

# A key that is free, or that has expired, is taken; whoever comes second waits here for the first.
_CLAIM = """
INSERT INTO accounts_keyedcall (user_id, key, fingerprint, status, body, media, created_at)
VALUES (%s, %s, %s, 0, ''::bytea, '', %s)
ON CONFLICT (user_id, key) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, status = 0, body = ''::bytea, created_at = EXCLUDED.created_at
WHERE accounts_keyedcall.created_at <= %s
RETURNING id
"""
_SWEEP = """
DELETE FROM accounts_keyedcall WHERE id IN (
    SELECT id FROM accounts_keyedcall WHERE created_at <= %s ORDER BY created_at LIMIT 20
    FOR UPDATE SKIP LOCKED)
"""


def claim(user: User, key: str, fingerprint: bytes, now: datetime, expired: datetime) -> KeyedCall | None:
    """Take the key for a new call: None; or the call that it was used for. Inside a transaction.

    Keys of calls from before ``expired`` are free again; a few of them are cleared away.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [user.pk, key, fingerprint, now, expired])
        if cursor.fetchone():
            cursor.execute(_SWEEP, [expired])
            return None
    return KeyedCall.objects.get(user=user, key=key)


def remember(user: User, key: str, *, status: int, body: bytes, media: str) -> None:
    """Keep the answer of the call that claimed the key."""
    KeyedCall.objects.filter(user=user, key=key).update(status=status, body=body, media=media[:100])
