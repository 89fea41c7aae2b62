"""The params of the ``calibrate`` program: what the client's ``Calibrator`` sends."""

import msgspec

from quantumsvc.backends.chipdata.readings import Asked

SCHEMA_VERSION = "v0.1"


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    experimental: Asked = Asked()


class _Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    options: _Options
    schema_version: str = SCHEMA_VERSION


class NotAsked(ValueError):
    """The params can't be read; the message says why."""


class OtherSchema(NotAsked):
    """The params follow a schema that is not known here."""


def read_params(params: bytes) -> Asked:
    """What to measure. Raises :class:`NotAsked`."""
    try:
        read = msgspec.json.decode(params, type=_Params)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAsked(f"The params of calibrate can't be read: {error}.") from None
    if read.schema_version != SCHEMA_VERSION:
        raise OtherSchema(f"Schema {read.schema_version[:20]} of calibrate is not run here; v0.1 is.")
    return read.options.experimental


def write_params(asked: Asked) -> bytes:
    """The same params as bytes; what is not limited is left out."""
    limits = {"qubits": asked.qubits, "experiments": asked.experiments}
    given = {name: value for name, value in limits.items() if value}
    return msgspec.json.encode({"schema_version": SCHEMA_VERSION, "options": {"experimental": given}})
