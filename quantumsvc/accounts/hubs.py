"""Instances as old clients name them: ``hub/group/project``.

The hub is the account and the project the instance; there is one group, so that the name of an instance
never changes with its plan. Slashes and blanks in a name are percent-encoded.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

from quantumsvc.accounts.models import Instance, User
from quantumsvc.errors import NotFound

GROUP = "main"
MAX_LENGTH = 600


def hub_path(instance: Instance) -> str:
    """What the instance is called."""
    return f"{quote(instance.account, safe='')}/{GROUP}/{quote(instance.name, safe='')}"


def instance_at(user: User, path: str) -> Instance:
    """The user's instance of that name. Raises :class:`NotFound`, whoever else has one."""
    parts = [unquote(part) for part in path.split("/")] if len(path) <= MAX_LENGTH else []
    if len(parts) == 3 and parts[1] == GROUP and not any("\0" in part for part in parts):
        found = Instance.objects.visible_to(user).filter(account=parts[0], name=parts[2]).first()
        if found is not None:
            return found
    raise NotFound("There is no such instance.", solution="Name it as hub/group/project.")


def network(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    """The instances as a tree of hubs. The first is marked: clients take it when there is no other."""
    hubs: dict[str, dict[str, Any]] = {}
    for number, instance in enumerate(instances):
        hub, _, project = hub_path(instance).split("/")
        projects: dict[str, Any] = {}
        known = hubs.setdefault(hub, {"name": hub, "groups": {GROUP: {"name": GROUP, "projects": projects}}})
        known["groups"][GROUP]["projects"][project] = {
            "name": project,
            "isDefault": number == 0,
            "devices": {},
        }
    return list(hubs.values())
