"""Which instance a call of an old client is about.

These clients name their instance when they make something, and in some lists. Everywhere else it is that
of the job or session in the address. The caller may do there what their role allows, as with any client.
"""

from typing import Any, ClassVar

import msgspec
from rest_framework.request import Request

from quantumsvc.accounts.api.channel import AccessTokenAuthentication
from quantumsvc.accounts.callers import Caller
from quantumsvc.accounts.hubs import instance_at
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.selectors import instances_by_preference, role_in
from quantumsvc.api import WireAuthentication
from quantumsvc.backends.models import Backend
from quantumsvc.errors import NotFound
from quantumsvc.wire.envelope import read
from sessions_app.models import Job, Session


class Maker(msgspec.Struct):
    """What a submission says of its instance, in one of two ways."""

    backend: str | None = None
    session_id: str | None = None
    hub: str | None = None
    group: str | None = None
    project: str | None = None
    instance: str | None = None

    @property
    def path(self) -> str | None:
        """The instance's name as ``hub/group/project``."""
        if self.hub and self.group and self.project:
            return f"{self.hub}/{self.group}/{self.project}"
        return self.instance


class InInstance(AccessTokenAuthentication):
    """Finds the caller first and their instance then; a user without any has no instance to name.

    On the cloud channel of the same clients, both are in the headers, as with today's.
    """

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        if request.META.get("HTTP_AUTHORIZATION"):
            return WireAuthentication().authenticate(request)
        found = super().authenticate(request)
        if found is None:
            return None
        user, caller = found
        instance = self.instance_of(request, user)
        role = role_in(user, instance) if instance else None
        return user, Caller(user, instance, role, caller.key_id, caller.is_operator, caller.rate)

    def instance_of(self, request: Request, user: User) -> Instance | None:
        """The one that the query names, or the user's preferred one."""
        if path := request.query_params.get("provider"):
            return instance_at(user, path)
        return preferred(user)

    def named(self, request: Request, word: str) -> str:
        """A part of the request's address."""
        context: dict[str, Any] = request.parser_context or {}
        return str(context["kwargs"][word])


class ByObject(InInstance):
    """The instance that the job or session belongs to."""

    model: ClassVar[type[Job] | type[Session]]
    word: ClassVar[str]

    def instance_of(self, request: Request, user: User) -> Instance | None:
        return self.owner(user, self.named(request, "ident"))

    def owner(self, user: User, ident: str) -> Instance:
        """Raises :class:`NotFound` for what the user may not see."""
        rows = self.model.objects.visible_to(user).select_related("instance")
        found = rows.filter(pk=ident).first() if "\0" not in ident else None
        if found is None:
            raise NotFound(f"There is no {self.word} of that id in this instance.")
        return found.instance


class ByJob(ByObject):
    model, word = Job, "job"


class BySession(ByObject):
    model, word = Session, "session"


class ByBackend(InInstance):
    """An instance of the user that may use the backend."""

    def instance_of(self, request: Request, user: User) -> Instance | None:
        return able(user, self.named(request, "name"))


class ByBody(InInstance):
    """The one that the body names, else the session's, else one that may use the backend."""

    def instance_of(self, request: Request, user: User) -> Instance | None:
        if request.method != "POST":
            return super().instance_of(request, user)
        said = read(request._request.body, Maker)
        if said.path:
            return instance_at(user, said.path)
        if said.session_id:
            return BySession().owner(user, said.session_id)
        return able(user, said.backend or "")


def preferred(user: User) -> Instance | None:
    """The one that is taken when nobody names any."""
    return instances_by_preference(user).first()


def able(user: User, name: str) -> Instance | None:
    """The preferred one of those that may use the backend; of none, the preferred one of all."""
    backend = Backend.objects.visible_to(user).filter(name=name).first() if "\0" not in name else None
    if backend is None or backend.open_to_all:
        return preferred(user)
    granted = instances_by_preference(user).filter(backend_grants__backend=backend)
    return granted.first() or preferred(user)
