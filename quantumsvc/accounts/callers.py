"""Who makes a request, for which instance, and what they may do there."""

from dataclasses import dataclass
from typing import Any, Protocol

from quantumsvc import errors
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.rates import Rate
from quantumsvc.accounts.roles import Role


@dataclass(frozen=True)
class Caller:
    """An authenticated request.

    ``instance`` is what the request's CRN names, ``role`` the user's role in it. A platform
    operator may have no role in an instance and still do everything there. ``rate`` is None without a limit.
    """

    user: User
    instance: Instance | None
    role: Role | None
    key_id: int
    is_operator: bool
    rate: Rate | None = None

    def can_read(self) -> bool:
        """Archived instances stay readable."""
        return self._holds(Role.READER)

    def can_write(self) -> bool:
        """Submit, cancel and delete jobs, open and close sessions."""
        return self._holds(Role.WRITER) and self._instance_is_active()

    def can_manage(self) -> bool:
        """Change members, shares and limits of the instance, and reserve time."""
        return self._holds(Role.MANAGER) and self._instance_is_active()

    def require_instance(self) -> Instance:
        """The instance that the request is for. Raises BadRequest when no CRN was sent."""
        if self.instance is None:
            raise errors.BadRequest("The request names no instance.", solution="Send the header Service-CRN.")
        return self.instance

    def require_writer(self) -> Instance:
        """The instance, which the caller may write to. Raises NotAllowed."""
        return self._require(self.can_write(), Role.WRITER)

    def require_manager(self) -> Instance:
        """The instance, which the caller may manage. Raises NotAllowed."""
        return self._require(self.can_manage(), Role.MANAGER)

    def require_operator(self) -> User:
        """The user, who operates the platform. Raises NotAllowed."""
        if not self.is_operator:
            raise errors.NotAllowed("This needs a platform operator.")
        return self.user

    def _require(self, allowed: bool, role: Role) -> Instance:
        instance = self.require_instance()
        if not instance.is_active:
            raise errors.NotAllowed(f"The instance {instance.name} is archived: it can be read, not changed.")
        if not allowed:
            raise errors.NotAllowed(
                f"This needs the role {role} in the instance {instance.name}.",
                solution="Ask a manager of the instance.",
            )
        return instance

    def _holds(self, role: Role) -> bool:
        return self.instance is not None and (
            self.is_operator or (self.role is not None and self.role.covers(role))
        )

    def _instance_is_active(self) -> bool:
        return self.instance is not None and self.instance.is_active


class AuthenticatedRequest(Protocol):
    """What a REST framework request has after authentication."""

    @property
    def auth(self) -> Any: ...


def caller_of(request: AuthenticatedRequest) -> Caller:
    """The caller that authentication found. Raises NotAuthenticated when there is none."""
    if not isinstance(request.auth, Caller):
        raise errors.NotAuthenticated("Authentication is required.")
    return request.auth
