"""The backend's limits, told before anything is simulated."""

from __future__ import annotations

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.execution.messages import Limits
from quantumsvc.backends.programs.circuit_facts import CircuitFacts
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.wire.decode_budget import OLD_CLIENTS_QPY, OLDEST_QPY, Budget

MAX_ELEMENTS = 10_000_000
"""Elements of one result array; a pub's broadcast shape can grow beyond its inputs."""

SPLIT_WIDTH = 10
"""Circuits with more active qubits than this are simulated in independent parts where possible."""


def budget_of(limits: Limits, *, old_clients: bool = False) -> Budget:
    """What a payload may inflate to. Idle qubits are free, so a wide device's circuits pass."""
    return Budget(
        limit=limits.max_inflated_bytes,
        max_items=limits.max_pubs,
        max_gates=4 * limits.max_gates,
        oldest_qpy=OLD_CLIENTS_QPY if old_clients else OLDEST_QPY,
    )


def check_shots(shots: int, limits: Limits) -> None:
    """Refuse a number of shots that the backend doesn't run."""
    if shots < 1:
        raise ProgramError(Code.SHOTS_RANGE, f"The number of shots must be from 1 to {limits.max_shots}")
    if shots > limits.max_shots:
        told = f"{shots} shots are more than the backend's maximum of {limits.max_shots}"
        raise ProgramError(Code.SHOTS_MAXIMUM, told)


def check_facts(facts: CircuitFacts, device: Device, limits: Limits) -> None:
    """Refuse a circuit that has too many gates or needs too many qubits or too much memory at once."""
    if facts.gates > limits.max_gates:
        told = f"A circuit has {facts.gates} gates; at most {limits.max_gates} are accepted"
        raise ProgramError(Code.TOO_MANY_GATES, told)
    width = needed_width(facts)
    if width > limits.max_qubits:
        told = f"A circuit uses {width} qubits at once; {device.name} simulates at most {limits.max_qubits}"
        raise ProgramError(Code.TOO_MANY_QUBITS, told)
    _check_memory(facts, width, device, limits)


def needed_width(facts: CircuitFacts) -> int:
    """Qubits that are simulated together."""
    return len(facts.active) if len(facts.active) <= SPLIT_WIDTH else facts.width


def _check_memory(facts: CircuitFacts, width: int, device: Device, limits: Limits) -> None:
    if facts.clifford and not device.noisy:
        return
    needed = device.memory_needed(width)
    if needed > limits.memory_bytes:
        told = (
            f"Simulating {width} qubits takes {needed >> 20} MB; {limits.memory_bytes >> 20} MB are allowed"
        )
        raise ProgramError(Code.MEMORY, told)


def check_work(shots: int, sets: int, limits: Limits) -> int:
    """The product of shots and executions (parameter sets x bases x randomizations), if allowed."""
    work = shots * sets
    if work > limits.max_work:
        told = (
            f"{shots} shots of {sets} circuits are {work} executions; at most {limits.max_work} are accepted"
        )
        raise ProgramError(Code.TOO_MUCH_WORK, told)
    return work


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse a broadcast shape that would make an enormous result."""
    size = 1
    for length in shape:
        size *= length
    if size > MAX_ELEMENTS or len(shape) > 16:
        raise ProgramError(Code.RESULT_SHAPE, f"A result of shape {shape} has too many elements")


def check_result(body: bytes, limits: Limits) -> bytes:
    """The body, unless it is over the size limit."""
    if len(body) > limits.max_result_bytes:
        told = f"The result has {len(body)} bytes; at most {limits.max_result_bytes} are accepted"
        raise ProgramError(Code.RESULT_SIZE, told)
    return body
