"""What the rest of the world hears of a change: an id, a state and a version, never contents.

The bells are rung in the transaction of the change, so that nobody hears of what was rolled back. Listeners
read the database to learn what is true.
"""

import msgspec

from quantumsvc.doorbell import EVENTS

CHANNEL = EVENTS


class JobChanged(msgspec.Struct, frozen=True, tag="job", forbid_unknown_fields=True):
    id: str
    instance: int
    backend: int
    state: str
    version: int
    session: str | None = None


class SessionChanged(msgspec.Struct, frozen=True, tag="session", forbid_unknown_fields=True):
    id: str
    instance: int
    backend: int
    state: str
    version: int


class WindowChanged(msgspec.Struct, frozen=True, tag="window", forbid_unknown_fields=True):
    """A reservation or another window; ``instance`` is None for an operator's. Rung by the reservations."""

    id: str
    instance: int | None
    backend: int
    state: str
    version: int


class BackendChanged(msgspec.Struct, frozen=True, tag="backend", forbid_unknown_fields=True):
    """Something about a backend that is of no tenant: its windows, whether it runs jobs, its calibration."""

    id: int


class AccessChanged(msgspec.Struct, frozen=True, tag="access", forbid_unknown_fields=True):
    """What a user may see has changed (0: anybody), or a browser was signed out.

    Rung by triggers in the database. ``browser`` is a digest of the key of the browser's session.
    """

    user: int = 0
    browser: str = ""


class BackendAlerted(msgspec.Struct, frozen=True, tag="alert", forbid_unknown_fields=True):
    """An operator should look at a backend; ``id`` is the alert's."""

    id: str
    backend: int
    kind: str


Event = JobChanged | SessionChanged | WindowChanged | BackendChanged | BackendAlerted | AccessChanged

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def read_event(payload: str) -> Event | None:
    """The event in a bell's payload; ``None`` for anything that is not one of ours."""
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError:
        return None


def encode_event(event: Event) -> str:
    """The payload of an event's bell."""
    return msgspec.json.encode(event).decode()
