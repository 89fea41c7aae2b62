"""Who hears what: the groups that sockets join, and the groups that a change is told to.

A change of a tenant's work is told to the members of that instance and to operators, with its ids. Everybody
who may see a backend is told that something about it changed, and nothing of what.
"""

from hashlib import sha256
from typing import Any

from sessions_app.events import AccessChanged, BackendAlerted, BackendChanged, Event

EVERYBODY = "everybody"
OPERATORS = "operators"


def user_group(user_id: int) -> str:
    """All sockets of one user."""
    return f"user.{user_id}"


def browser_group(session_key: str) -> str:
    """All sockets of one browser's session."""
    return f"browser.{sha256(session_key.encode()).hexdigest()}"


def instance_group(instance_id: int) -> str:
    """The sockets of an instance's members."""
    return f"instance.{instance_id}"


def backend_group(backend_id: int) -> str:
    """The sockets of those who may see a backend."""
    return f"backend.{backend_id}"


def told_to(event: Event) -> dict[str, dict[str, Any]]:
    """By group, what is told of an event that changed work or a backend."""
    if isinstance(event, AccessChanged):
        return {}
    if isinstance(event, BackendChanged):
        return _of_backend(event.id)
    kind = event.__struct_config__.tag
    change = {"kind": kind, **{name: getattr(event, name) for name in event.__struct_fields__}}
    if isinstance(event, BackendAlerted):
        return {OPERATORS: change, **_of_backend(event.backend)}
    members = {} if event.instance is None else {instance_group(event.instance): change}
    return {**members, OPERATORS: change, **_of_backend(event.backend)}


def _of_backend(backend_id: int) -> dict[str, dict[str, Any]]:
    return {backend_group(backend_id): {"kind": "backend", "id": str(backend_id), "backend": backend_id}}


def asked_to_return(event: AccessChanged) -> str:
    """Whose sockets must connect anew, so that they hear what they may see now."""
    if event.browser:
        return f"browser.{event.browser}"
    return user_group(event.user) if event.user else EVERYBODY
