"""What clients post, read without opening the payload.

The envelope of a job is decoded by strict types; ``params`` stays the bytes that came. Of the
params only the outline is looked at: the version and the plain numbers that limits are about.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from quantumsvc.errors import BadRequest
from quantumsvc.wire.complaints import checked_all, invalid, together, wrong_fields

T = TypeVar("T")

_NUL = re.compile(r"\x00")
MAX_TAGS = 8
MAX_TAG_LENGTH = 86
# More digits than any length of time has; longer texts of digits, or digits of other scripts, are none.
_NUMBER = "([0-9]{1,9})"
_SECONDS = re.compile(_NUMBER)
MAX_LENGTH_TEXT = 50
_LENGTH = re.compile(rf"(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m)?\s*(?:{_NUMBER}\s*s)?", re.IGNORECASE)


_WORDS = ("program_id", "backend", "session_id", "calibration_id", "runtime", "log_level")


class JobEnvelope(msgspec.Struct, kw_only=True):
    """``POST /jobs``. ``cost`` is the client's ``max_execution_time`` in seconds."""

    program_id: str
    backend: str
    params: msgspec.Raw
    session_id: str | None = None
    start_session: bool = False
    session_time: int | str | None = None
    tags: list[str] | None = None
    cost: int | None = None
    private: bool | None = None
    log_level: str | None = None
    calibration_id: str | None = None
    runtime: str | None = None


class SessionEnvelope(msgspec.Struct, kw_only=True):
    """``POST /sessions``. Older clients say ``max_session_ttl``."""

    backend: str
    mode: str = "dedicated"
    instance: str | None = None
    max_ttl: int | str | None = None
    max_session_ttl: int | str | None = None


class SessionPatch(msgspec.Struct, kw_only=True):
    """``PATCH /sessions/{id}``."""

    accepting_jobs: bool


class SessionExtension(msgspec.Struct, kw_only=True):
    """``POST /sessions/{id}/extend``: the new maximum time, in all."""

    max_ttl: int | str


class TagsEnvelope(msgspec.Struct, kw_only=True):
    """``PUT /jobs/{id}/tags``."""

    tags: list[str]


class _Options(msgspec.Struct, kw_only=True, frozen=True):
    default_shots: int | None = None


class _SamplerOutline(msgspec.Struct, kw_only=True):
    pubs: list[msgspec.Raw]
    options: _Options = _Options()
    version: int = 1


class _RunOptions(msgspec.Struct, kw_only=True, frozen=True):
    shots: int | None = None


class _V1Outline(msgspec.Struct, kw_only=True):
    circuits: list[msgspec.Raw]
    circuit_indices: list[msgspec.Raw] | None = None
    run_options: _RunOptions | None = None
    pubs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _QuantumProgramOutline(msgspec.Struct, kw_only=True):
    shots: int
    items: list[msgspec.Raw]


class _ExecutorOutline(msgspec.Struct, kw_only=True):
    quantum_program: _QuantumProgramOutline
    schema_version: str


@dataclass(frozen=True, slots=True)
class Outline:
    """What can be told of the params without opening them: how many pubs, and every number of shots."""

    pubs: int
    shots: tuple[int, ...]


def read(body: bytes, kind: type[T]) -> T:
    """Decode a JSON body into one of the types above. Raises :class:`BadRequest`, or one for each field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise together(wrong_fields(body, kind) or [invalid(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None


def read_job(body: bytes) -> JobEnvelope:
    """The envelope of a submission, with its words and numbers checked."""
    envelope = read(body, JobEnvelope)
    _whole_text(body)
    checked_all(
        *(partial(plain_text, name, getattr(envelope, name), limit=200) for name in _WORDS),
        lambda: checked_tags(envelope.tags or []),
    )
    return envelope


def _whole_text(body: bytes) -> None:
    """Decoding the envelope leaves the params unread; clients must be able to read them back as text."""
    try:
        body.isascii() or body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not text in UTF-8: {error.reason} at byte {error.start}.") from None


def plain_text(name: str, value: str | None, *, limit: int) -> None:
    """Refuse text that is too long, or holds NUL, which the database can't keep."""
    if value is None:
        return
    if _NUL.search(value):
        raise BadRequest(f"{name} holds a NUL character.")
    if len(value) > limit:
        raise BadRequest(f"{name} is longer than {limit} characters.")


def checked_tags(tags: list[str]) -> list[str]:
    """At most eight tags of at most 86 characters each."""
    if len(tags) > MAX_TAGS:
        raise BadRequest(f"A job may have at most {MAX_TAGS} tags.", code=1204)
    for tag in tags:
        if len(tag) > MAX_TAG_LENGTH:
            raise BadRequest(f"A tag may have at most {MAX_TAG_LENGTH} characters.", code=1205)
        plain_text("A tag", tag, limit=MAX_TAG_LENGTH)
    return tags


def outline(program: str, params: bytes, *, old_client: bool = False) -> Outline:
    """The outline of a program's params. Raises :class:`BadRequest` when the version is not run here.

    From an ``old_client``, params of version 1 are taken too.
    """
    if program == "executor":
        return _executor_outline(params)
    if old_client and (first := _v1_outline(params)) is not None:
        return first
    try:
        seen = msgspec.json.decode(params, type=_SamplerOutline)
        if seen.version != 2:
            raise BadRequest(f"Version {seen.version} of {program} is not run here; version 2 is.", code=8010)
        shots = tuple(_pub_shots(pub) for pub in seen.pubs) if program == "sampler" else ()
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The params of {program} can't be read: {error}.", code=8011) from None
    every = (*shots, seen.options.default_shots)
    return Outline(len(seen.pubs), tuple(number for number in every if number is not None))


def _v1_outline(params: bytes) -> Outline | None:
    """Of version 1, which has circuits in the place of pubs; None for other params."""
    try:
        seen = msgspec.json.decode(params, type=_V1Outline)
    except (msgspec.DecodeError, RecursionError):
        return None
    if seen.pubs is not msgspec.UNSET:
        return None
    shots = seen.run_options.shots if seen.run_options else None
    runs = seen.circuits if seen.circuit_indices is None else seen.circuit_indices
    return Outline(len(runs), () if shots is None else (shots,))


def _executor_outline(params: bytes) -> Outline:
    try:
        seen = msgspec.json.decode(params, type=_ExecutorOutline)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The params of executor can't be read: {error}.", code=8011) from None
    if seen.schema_version != "v2.0":
        raise BadRequest(f"Schema {seen.schema_version} of executor is not run here; v2.0 is.", code=8010)
    return Outline(len(seen.quantum_program.items), (seen.quantum_program.shots,))


def _pub_shots(pub: msgspec.Raw) -> int | None:
    parts: list[Any] = msgspec.json.decode(pub, type=list[msgspec.Raw])
    return msgspec.json.decode(parts[2], type=int | None) if len(parts) > 2 else None


def seconds_from(length: int | str | None) -> int | None:
    """L13: whole seconds from a number or from a text such as ``2h 30m 40s``."""
    if length is None or isinstance(length, int):
        return length
    text = length.strip()
    if _SECONDS.fullmatch(text):
        return int(text)
    # Trying to match a long run of spaces would take long.
    match = _LENGTH.fullmatch(text) if len(text) <= MAX_LENGTH_TEXT else None
    if match is None or not any(match.groups()):
        shown = text[:MAX_LENGTH_TEXT]
        raise BadRequest(f"{shown!r} is not a length of time; write seconds, or a text such as 2h 30m 40s.")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
