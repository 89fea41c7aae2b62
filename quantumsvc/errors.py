"""Errors that a caller can understand: each has a stable code, a sentence and an HTTP status.

Codes below 10000 are those the field's public documentation uses, so that existing clients and
people recognise them; the rest are ours. ``quantumsvc.api`` turns any of these into the wire's
``errors`` container; pages show the sentence.
"""

from collections.abc import Sequence
from typing import ClassVar


class ServiceError(Exception):
    """Base of all errors that reach a caller.

    ``message`` is shown to people, so it never holds a secret or another tenant's name.
    ``retry_after`` is in seconds, for answers that say when to come back.
    """

    code: ClassVar[int] = 10000
    status: ClassVar[int] = 400

    def __init__(
        self, message: str, *, solution: str = "", code: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.solution = solution
        self.number = code if code is not None else self.code
        self.retry_after = retry_after


class BadRequest(ServiceError):
    """The request can't be read or breaks a rule of form."""

    code = 1210


class NotAuthenticated(ServiceError):
    """No credential, or one that is unknown, expired or revoked."""

    code = 1201
    status = 401


class NotAllowed(ServiceError):
    """The caller is known but may not do this."""

    code = 1200
    status = 403


class NotFound(ServiceError):
    """There is no such thing, or none that this caller may see."""

    code = 1291
    status = 404


class Conflict(ServiceError):
    """The thing exists but its state forbids the request."""

    code = 1409
    status = 409


class TooLarge(ServiceError):
    """The payload is over the service's size limit."""

    code = 1213
    status = 413


class TooManyRequests(ServiceError):
    """The caller asks too often."""

    code = 1202
    status = 429


class RateExceeded(TooManyRequests):
    """The key has made as many calls as it may make in a minute."""

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(f"A key may make {limit} calls in a minute.", retry_after=retry_after)
        self.limit = limit


class KeyReused(ServiceError):
    """The idempotency key was used for another request."""

    code = 1411
    status = 422


class AnswerNotKept(Conflict):
    """The call was done under this idempotency key, and its answer is not shown again."""

    code = 1412


class UnknownBackend(NotFound):
    """No backend of that name that the instance may use."""

    code = 1007


class SessionClosed(Conflict):
    """The session accepts no more jobs (L8, L9, L10)."""

    code = 4001


class LimitReached(Conflict):
    """The instance has used all the time it may use, and asked not to let jobs wait for more (S10)."""

    code = 10011


class TooManyPending(TooManyRequests):
    """The instance has as many jobs or sessions as it may have."""

    code = 10012


class BackendReserved(ServiceError):
    """The backend is reserved for others, and set to refuse jobs meanwhile (W10)."""

    code = 1233
    status = 423


class Several(ServiceError):
    """More than one thing is wrong: all of ``found`` are told, with the status of the first."""

    def __init__(self, found: Sequence[ServiceError]) -> None:
        super().__init__(" ".join(error.message for error in found), solution=found[0].solution)
        self.found = tuple(found)


class StaleTransition(Exception):
    """A guarded update moved no row: the thing was no longer in a state it may leave.

    Carries what is needed to tell the story: kind, id, the state asked for, the states it may
    come from and the state that was found.
    """

    def __init__(
        self, kind: str, ident: object, target: str, sources: frozenset[str], found: str | None
    ) -> None:
        self.kind, self.ident, self.target, self.sources, self.found = kind, ident, target, sources, found
        allowed = ", ".join(sorted(sources)) or "nothing"
        super().__init__(
            f"{kind} {ident} cannot become {target}: it is {found or 'gone'}, allowed from {allowed}"
        )
