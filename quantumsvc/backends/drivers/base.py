"""What programs ask of a device, whatever runs behind it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from quantumsvc.backends.chipdata.readings import Asked, Measured
from quantumsvc.backends.drivers.drift import Truth
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.ports import Reporter

if TYPE_CHECKING:
    from qiskit.providers import BackendV2
    from qiskit.transpiler import Target

JsonDict = dict[str, Any]


class DeviceDocument(msgspec.Struct, frozen=True):
    """The operator's description of one device; its bytes' hash names the device.

    ``options`` belongs to the driver. ``configuration`` and ``properties`` are the documents that
    clients see; ``properties`` is empty for ideal simulators. ``truth`` is what a simulated chip that
    drifts is really like; without it, it is as its properties say.
    """

    name: str
    driver: str
    options: JsonDict = msgspec.field(default_factory=dict)
    configuration: JsonDict = msgspec.field(default_factory=dict)
    properties: JsonDict = msgspec.field(default_factory=dict)
    calibration_id: str | None = None
    truth: Truth | None = None


class OwnCalibration(Protocol):
    """A device's own way of measuring itself."""

    def __call__(self, asked: Asked, reporter: Reporter) -> Measured:
        """Measure what is asked; raises ``ProgramError`` when nothing could be measured."""


@dataclass(frozen=True, eq=False)
class Device:
    """A built device: ``backend`` runs circuits, ``target`` says which.

    ``is_simulator``: circuits may use any gate that can be translated; no basis check is made.
    ``noisy``: gates or measurements have errors. ``method``: the simulation method, or None when
    something else than Aer runs the circuits. ``seedable``: a seed makes results repeatable.
    ``calibrate``: the device's own calibration; without it, the standard experiments run on it.
    ``key``: the document's hash.
    ``scratch``: what programs derive from this device and keep as long as it lives.
    """

    name: str
    backend: BackendV2
    target: Target
    is_simulator: bool
    noisy: bool
    method: str | None
    seedable: bool
    configuration: Mapping[str, Any]
    properties: Mapping[str, Any]
    calibration_id: str | None = None
    calibrate: OwnCalibration | None = None
    key: str = ""
    scratch: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def num_qubits(self) -> int:
        """How many qubits a circuit may address."""
        return int(self.configuration.get("n_qubits") or self.target.num_qubits or 0)

    def memory_needed(self, qubits: int) -> int:
        """Bytes that one simulation of so many entangled qubits takes; 0 when it isn't a matter.

        A state vector holds 16 bytes for each of the 2^n amplitudes. The matrix-product and
        stabilizer methods grow with entanglement or with n^2, which stays small.
        """
        if self.method not in ("automatic", "statevector"):
            return 0
        return 16 * int(math.pow(2, min(qubits, 62)))


class Driver(Protocol):
    """One way of building devices."""

    def build(self, document: DeviceDocument) -> Device:
        """The device of ``document``; raises ``ProgramError`` when it can't be built."""

    def describe(self, name: str, options: JsonDict) -> tuple[JsonDict, JsonDict]:
        """Configuration and properties for a backend row that has only driver options."""


def read_document(raw: bytes) -> DeviceDocument:
    """Parse a device document; raises ``ProgramError`` when it isn't one."""
    try:
        return msgspec.json.decode(raw, type=DeviceDocument)
    except msgspec.MsgspecError as error:
        raise ProgramError(Code.BAD_DEVICE, f"The device document can't be read: {error}") from None


def write_document(document: DeviceDocument) -> tuple[str, bytes]:
    """The document's key (sha256, hex) and bytes, the same for equal documents."""
    raw = msgspec.json.encode(document, order="sorted")
    return hashlib.sha256(raw).hexdigest(), raw


def only_options(options: JsonDict, known: Sequence[str], driver: str) -> None:
    """Refuse driver options that the driver would not look at."""
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ProgramError(Code.BAD_DEVICE, f"The {driver} driver knows no option {', '.join(unknown)}")
