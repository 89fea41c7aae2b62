"""What an operator wants of a backend's calibrations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BadRequest
from sessions_app.models import CalibrationPolicy

POLICY_SETTINGS = ("lifetime_drop", "error_rise", "pause_on_drift", "deferral_seconds", "overdue_seconds")


@transaction.atomic
def change_calibration_policy(
    *, backend: Backend, settings: Mapping[str, Any], now: datetime, actor: User | None, reason: str = ""
) -> CalibrationPolicy:
    """Change some of ``POLICY_SETTINGS``; a backend without a policy gets one.

    Raises BadRequest for other fields and Django's ``ValidationError`` for values that can't be.
    """
    if unknown := settings.keys() - set(POLICY_SETTINGS):
        raise BadRequest(f"These can't be changed: {', '.join(sorted(unknown))}.")
    CalibrationPolicy.objects.get_or_create(backend=backend)
    policy = CalibrationPolicy.objects.select_for_update().get(backend=backend)
    before, after = audit.changes(audit.values(policy, POLICY_SETTINGS), settings)
    if not after:
        return policy
    for name, value in after.items():
        setattr(policy, name, value)
    policy.clean_fields()
    policy.validate_constraints()
    policy.save(update_fields=list(after))
    audit.note(
        "calibration_policy.changed", backend, actor=actor, now=now, before=before, after=after, reason=reason
    )
    return policy
