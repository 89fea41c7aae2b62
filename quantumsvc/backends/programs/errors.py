"""What a program may tell the user when it can't do the job, with a stable code each.

| code | meaning |
|------|---------|
| 5203 | the job failed while it ran |
| 5204 | the simulator failed |
| 6000 | a number of shots outside what the backend accepts |
| 6001 | more shots than the backend's maximum |
| 7000 | an instruction outside the backend's basis or connections |
| 8000 | the payload isn't readable JSON, or is nested too deeply |
| 8001 | a typed value is malformed (base64, zlib, .npy, date, ...) |
| 8002 | a type that this program doesn't accept |
| 8003 | the payload inflates beyond the limits |
| 8004 | a circuit can't be read (QPY) |
| 8005 | a samplex can't be read |
| 8010 | a program, version or schema that isn't run here |
| 8011 | a pub or item is malformed |
| 8012 | an option is unknown or has a bad value |
| 8013 | an option is known but not offered here |
| 8014 | options that exclude each other |
| 8020 | too many pubs or items |
| 8021 | too many active qubits |
| 8022 | too many gates |
| 8023 | too much work (shots x parameter sets x randomizations) |
| 8024 | not enough memory for the simulation |
| 8025 | the result is over the size limit |
| 8026 | a result shape with too many elements |
| 8030 | the device's document can't be used |
"""

from enum import IntEnum


class Code(IntEnum):
    """The stable numbers of the table above."""

    JOB_FAILED = 5203
    SIMULATOR_FAILED = 5204
    SHOTS_RANGE = 6000
    SHOTS_MAXIMUM = 6001
    NOT_IN_BASIS = 7000
    BAD_JSON = 8000
    BAD_VALUE = 8001
    BAD_TYPE = 8002
    INFLATES = 8003
    BAD_QPY = 8004
    BAD_SAMPLEX = 8005
    BAD_PROGRAM = 8010
    BAD_PUB = 8011
    BAD_OPTION = 8012
    OPTION_NOT_OFFERED = 8013
    OPTIONS_CONFLICT = 8014
    TOO_MANY_PUBS = 8020
    TOO_MANY_QUBITS = 8021
    TOO_MANY_GATES = 8022
    TOO_MUCH_WORK = 8023
    MEMORY = 8024
    RESULT_SIZE = 8025
    RESULT_SHAPE = 8026
    BAD_DEVICE = 8030


class ProgramError(Exception):
    """A failure that the job's owner is told: ``code`` is stable, ``message`` is a sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} (code {self.code})"
