"""Which execution pool a backend's jobs run in.

Most run in children that reach no network. A backend whose driver talks to its device over one says so
in its driver options, and gets its children from a second pool, if the operator switched that on.
"""

import logging

from django.conf import settings

from quantumsvc.backends.execution.client import ExecutionPool, PoolUnavailable
from quantumsvc.backends.models import Backend

logger = logging.getLogger(__name__)

OUT_OF_REACH = (
    "Held: its driver needs a network, and network drivers are switched off (QUANTUMSVC_NETWORK_DRIVERS)."
)


def needs_network(backend: Backend) -> bool:
    """Whether the operator's driver options ask for children that may open connections."""
    return bool(backend.driver_options.get("network"))


def out_of_reach(backend: Backend) -> bool:
    """Whether there is no pool for it: then nothing can run, not even what the operator asked for."""
    return needs_network(backend) and not settings.NETWORK_DRIVERS


def pool_for(backend: Backend) -> ExecutionPool:
    """Where the backend's jobs run. Raises :class:`PoolUnavailable` when that is switched off."""
    if not needs_network(backend):
        return ExecutionPool(settings.EXECUTION_SOCKET)
    if out_of_reach(backend):
        raise PoolUnavailable(OUT_OF_REACH)
    return ExecutionPool(settings.EXECUTION_NETWORK_SOCKET)


def hold_if_out_of_reach(backend: Backend) -> None:
    """Pause a backend whose pool is switched off, saying so in its status; go on once it is switched on.

    Its jobs wait meanwhile. A backend that somebody else paused stays paused.
    """
    held = backend.is_paused and backend.status_message == OUT_OF_REACH
    if (unreachable := out_of_reach(backend)) and not backend.is_paused:
        logger.error("backend %s: %s", backend.name, OUT_OF_REACH)
        Backend.objects.filter(pk=backend.pk).update(is_paused=True, status_message=OUT_OF_REACH)
    elif held and not unreachable:
        Backend.objects.filter(pk=backend.pk).update(is_paused=False, status_message="available")
