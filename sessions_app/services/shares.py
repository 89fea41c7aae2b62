"""Where an instance stands in the fair-share order of its backends (F1, F2), without the names of others."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from quantumsvc.statements import Statement, run

# The siblings with what they and all below them used, by backend; without a backend where nothing was used.
_SIBLINGS = """
WITH RECURSIVE tree AS (
    SELECT i.id, i.id AS top FROM accounts_instance i
    WHERE i.parent_id IS NOT DISTINCT FROM %s AND i.is_active AND NOT i.is_system
    UNION ALL
    SELECT i.id, t.top FROM accounts_instance i JOIN tree t ON i.parent_id = t.id
)
SELECT t.top, i.shares, u.backend_id, coalesce(sum(u.microseconds), 0)::bigint
FROM tree t JOIN accounts_instance i ON i.id = t.top
LEFT JOIN sessions_app_instanceusage u ON u.instance_id = t.id
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class ShareStanding:
    """The instance among its siblings on one backend.

    ``fraction`` is its part of their shares; ``ratio`` is what it used, in seconds, divided by that part:
    the lowest goes next. ``place`` counts from 1 among ``count`` siblings.
    """

    backend: Backend
    used: float
    fraction: float
    ratio: float | None
    place: int
    count: int


def standings(instance: Instance, backends: Sequence[Backend]) -> list[ShareStanding]:
    """Its standing on each of the backends; sessions must have been settled."""
    shares: dict[int, int] = {instance.pk: instance.shares}
    used: dict[int | None, dict[int, int]] = defaultdict(dict)
    for sibling, weight, backend_id, amount in run(Statement(_SIBLINGS, [instance.parent_id]))[0]:
        shares[sibling] = weight
        used[backend_id][sibling] = amount
    return [_standing(instance, backend, shares, used[backend.pk]) for backend in backends]


def _standing(
    instance: Instance, backend: Backend, shares: dict[int, int], used: dict[int, int]
) -> ShareStanding:
    mine = used.get(instance.pk, 0)
    rank = _rank(instance.shares, mine)
    ahead = sum(_rank(weight, used.get(ident, 0)) < rank for ident, weight in shares.items())
    fraction = instance.shares / (sum(shares.values()) or 1)
    ratio = mine / 1_000_000 / fraction if fraction else None
    return ShareStanding(backend, mine / 1_000_000, fraction, ratio, ahead + 1, len(shares))


def _rank(shares: int, used: int) -> tuple[bool, float]:
    """F1, F2: those without shares come last, then the lowest ratio first."""
    return not shares, used / (shares or 1)
