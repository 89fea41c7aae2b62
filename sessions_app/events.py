"""What the rest of the world hears of a change: an id, a state and a version, never contents.

Only the transitions ring these bells, in the transaction of the change, so that nobody hears of what
was rolled back. Listeners read the database to learn what is true.
"""

import msgspec

from quantumsvc.doorbell import EVENTS

CHANNEL = EVENTS


class JobChanged(msgspec.Struct, frozen=True, tag="job", forbid_unknown_fields=True):
    id: str
    instance: int
    state: str
    version: int


class SessionChanged(msgspec.Struct, frozen=True, tag="session", forbid_unknown_fields=True):
    id: str
    instance: int
    state: str
    version: int


Event = JobChanged | SessionChanged

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
