"""What a calibration measures, as plain values: SI units, with standard deviations.

What a child sends is untrusted: it is decoded with these types only, so each has its bounds here.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Parameter = Literal["T1", "T2", "readout_error", "prob_meas0_prep1", "prob_meas1_prep0", "gate_error"]
"""Times are in seconds; the others are probabilities. A gate error is one minus the average fidelity."""

Experiment = Literal["T1", "T2", "readout", "single_qubit", "two_qubit"]
EXPERIMENTS: tuple[Experiment, ...] = ("readout", "T1", "T2", "single_qubit", "two_qubit")
"""In the order in which they are run: the later ones use what the earlier ones find."""

Qubit = Annotated[int, Meta(ge=0, le=99_999)]
Place = Annotated[tuple[Qubit, ...], Meta(min_length=1, max_length=2)]
Key = tuple[str, tuple[int, ...]]
"""A parameter and the qubits it belongs to, pairs in ascending order."""


class Reading(Struct, frozen=True):
    """One measured value. ``gate_error`` of one qubit is that of its pulses, of a pair that of its gate."""

    parameter: Parameter
    qubits: Place
    value: Annotated[float, Meta(ge=0.0, le=1.0)]
    deviation: Annotated[float, Meta(ge=0.0, le=1.0)]

    @property
    def key(self) -> Key:
        """Which value of the chip this is."""
        return (self.parameter, tuple(sorted(self.qubits)))


class Failure(Struct, frozen=True):
    """What could not be measured, and why."""

    experiment: Experiment
    qubits: Place
    reason: Annotated[str, Meta(max_length=300)]


class Measured(Struct, frozen=True):
    """All that one calibration found."""

    readings: Annotated[list[Reading], Meta(max_length=100_000)]
    failures: Annotated[list[Failure], Meta(max_length=100_000)]


class CalibrationBody(Struct, frozen=True, kw_only=True):
    """What the program gives: what clients read as its result, and what was ``measured``."""

    schema_version: Annotated[str, Meta(max_length=20)]
    start: Annotated[str, Meta(max_length=40)]
    stop: Annotated[str, Meta(max_length=40)]
    measured: Measured


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """What to measure. Empty means all."""

    qubits: tuple[Qubit, ...] = ()
    experiments: tuple[Experiment, ...] = ()
