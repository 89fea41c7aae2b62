"""A backend for a job whose sender names none, as the cloud channel of old clients allows it."""

from collections.abc import Sequence

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend, BackendKind
from quantumsvc.errors import UnknownBackend
from sessions_app.services.load import Load, loads


def least_busy(instance: Instance) -> str:
    """The device with the fewest jobs before a new one; of several, the one with the most qubits.

    A simulator is chosen only where there is no device. Raises :class:`UnknownBackend` if there is nothing.
    """
    usable = Backend.objects.usable_by(instance).filter(is_online=True, is_paused=False)
    for kind in (BackendKind.DEVICE, BackendKind.SIMULATOR):
        found = list(usable.filter(kind=kind.value).defer("configuration"))
        if found:
            return _first(found).name
    raise UnknownBackend("No backend that this instance may use is online.")


def _first(backends: Sequence[Backend]) -> Backend:
    known = loads([each.pk for each in backends])
    return min(backends, key=lambda each: (known.get(each.pk, Load()).jobs, -each.qubits, each.name))
