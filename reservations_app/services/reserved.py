"""Whether a backend is reserved for others at this moment (W10)."""

from datetime import datetime
from math import ceil

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import BackendReserved
from quantumsvc.scheduling.windows import WindowMode
from quantumsvc.wire.times import iso_z
from reservations_app.models import Window
from reservations_app.services.life import standing


def refuse_reserved(backend: Backend, instance: Instance, user: User, now: datetime) -> None:
    """Raise :class:`BackendReserved`, with the time it ends, if the operator wants no jobs meanwhile.

    Costs nothing for backends that are not set to refuse.
    """
    if not backend.refuse_reserved:
        return
    window = standing(backend.pk, now).filter(mode=WindowMode.DEDICATED, starts_at__lte=now).first()
    if window is None or _serves(window, instance, user):
        return
    seconds = ceil((window.ends_at - now).total_seconds())
    raise BackendReserved(
        f"The backend is reserved for others until {iso_z(window.ends_at)}.",
        solution="Send the job again after that time, or to another backend.",
        retry_after=max(seconds, 1),
    )


def _serves(window: Window, instance: Instance, user: User) -> bool:
    if window.instance_id != instance.pk:
        return False
    allowed = set(window.users.values_list("pk", flat=True))
    return not allowed or user.pk in allowed
