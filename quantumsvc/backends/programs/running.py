"""Runs one circuit over many parameter sets, in independent parts when it is wide."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2
from qiskit.primitives.containers import BitArray, DataBin
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer.primitives import SamplerV2 as AerSampler

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.circuit_facts import CircuitFacts
from quantumsvc.backends.programs.job_context import elements, stepped

Values = npt.NDArray[np.float64]
QUARTER = np.pi / 2
ROUNDING = 1e-6
PART_WIDTH = 5
"""Small groups are put together up to this many qubits: noise on so few is simulated exactly at once,
and each part costs one run."""


def run_bits(
    device: Device, circuit: QuantumCircuit, facts: CircuitFacts, values: Values, shots: int, seed: int | None
) -> DataBin:
    """Every shot's bits by register, for each parameter set (the last axis is over parameters)."""
    if device.method == "stabilizer":
        values = snapped(values)
    parts = parts_of(facts)
    if len(parts) == 1:
        return _run(device, circuit, facts.dynamic, values, shots, seed)
    found: dict[str, npt.NDArray[np.uint8]] = {}
    sets = max(1, elements(values.shape[:-1]))
    for number, part in enumerate(parts):
        piece = restricted(circuit, set(part))
        data = _run(
            device, piece, False, _columns(circuit, piece, values), shots, stepped(seed, number * sets)
        )
        for name, bits in data.items():
            # A part leaves the bits of the others at 0.
            found[name] = bits.array if name not in found else found[name] | bits.array
    registers = {creg.name: creg.size for creg in circuit.cregs}
    fields = {name: BitArray(array, registers[name]) for name, array in found.items()}
    return DataBin(**fields, shape=values.shape[:-1])


def snapped(values: Values) -> Values:
    """Angles within rounding of a quarter turn, made exact: Clifford methods take no others."""
    near = np.round(values / QUARTER) * QUARTER
    return np.where(np.abs(values - near) < ROUNDING, near, values)


def parts_of(facts: CircuitFacts) -> list[tuple[int, ...]]:
    """Which qubits to simulate together: those that interact, or all when bits steer gates.

    Noise is local, so the parts' bits are independent; a part less wide by one qubit takes a
    quarter of the time.
    """
    if facts.dynamic or len(facts.groups) < 2:
        return [facts.active]
    parts: list[tuple[int, ...]] = []
    rest: tuple[int, ...] = ()
    for group in sorted(facts.groups, key=len):
        if rest and len(rest) + len(group) > PART_WIDTH:
            parts.append(rest)
            rest = ()
        rest = (*rest, *group)
    return [*parts, rest]


def restricted(circuit: QuantumCircuit, part: set[int]) -> QuantumCircuit:
    """The circuit with only what happens to these qubits, at their places in the device."""
    index = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    piece = circuit.copy_empty_like()
    for item in circuit.data:
        if item.operation.name != "barrier" and index[item.qubits[0]] in part:
            piece.append(item)
    return piece


def _columns(circuit: QuantumCircuit, piece: QuantumCircuit, values: Values) -> Values:
    place = {parameter: number for number, parameter in enumerate(circuit.parameters)}
    return np.asarray(values[..., [place[parameter] for parameter in piece.parameters]])


def _run(
    device: Device, circuit: QuantumCircuit, dynamic: bool, values: Values, shots: int, seed: int | None
) -> DataBin:
    shape = values.shape[:-1]
    if not circuit.num_parameters:
        return _run_unbound(device, circuit, shape, shots, seed)
    pub = SamplerPub(circuit, BindingsArray({tuple(circuit.parameters): values}), shots)
    if dynamic or device.method is None:
        return _generic(device, pub, seed)
    return AerSampler.from_backend(device.backend, seed=seed).run([pub]).result()[0].data


def _run_unbound(
    device: Device, circuit: QuantumCircuit, shape: tuple[int, ...], shots: int, seed: int | None
) -> DataBin:
    """Without parameters all sets are alike: one run with all their shots, dealt out."""
    sets = elements(shape)
    if not sets:
        fields = {
            creg.name: np.zeros((*shape, shots, -(-creg.size // 8)), np.uint8) for creg in circuit.cregs
        }
    else:
        data = _generic(device, SamplerPub(circuit, BindingsArray(), shots * sets), seed)
        fields = {name: bits.array.reshape(*shape, shots, -1) for name, bits in data.items()}
    sizes = {creg.name: creg.size for creg in circuit.cregs}
    bits = {name: BitArray(array, sizes[name]) for name, array in fields.items()}
    return DataBin(**bits, shape=shape)


def _generic(device: Device, pub: SamplerPub, seed: int | None) -> Any:
    sampler = BackendSamplerV2(backend=device.backend, options={"seed_simulator": seed})
    return sampler.run([pub]).result()[0].data
