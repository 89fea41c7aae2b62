"""Errors of gates, by mirror randomized benchmarking (Proctor et al., PRL 129, 150502).

Random layers, a random Pauli, and the layers undone in reverse: without errors one bit string comes
out, whatever the layers were. How fast it fades with the number of layers is the error of a layer.
A layer is a random Clifford on each qubit, of two pulses, and for pairs the two-qubit gate after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit

from quantumsvc.backends.characterization.bench import SHOTS, Bench, Counts, Place
from quantumsvc.backends.characterization.fits import Fitted, NoFit, layer_survival
from quantumsvc.backends.chipdata.readings import Failure, Reading

SEQUENCES = 6
"""Random sequences of each length."""
PULSES = 2
"""Pulses in one random Clifford, as rz-sx-rz-sx-rz makes it."""
LEFT_AT_LONGEST = 0.35
"""What the longest sequence is expected to leave of the polarization: there the rate is known best."""
SHORTEST, LONGEST, LONGEST_PAIRED = 2, 400, 120

Matrix = npt.NDArray[np.complex128]
Turns = tuple[int, int, int]
"""Quarter turns about Z before, between and after the two pulses."""

_SX: Matrix = np.array([[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]])
_PAULIS: tuple[Matrix, ...] = (
    np.array([[1, 0], [0, 1]], dtype=complex),
    np.array([[0, 1], [1, 0]], dtype=complex),
    np.array([[0, -1j], [1j, 0]]),
    np.array([[1, 0], [0, -1]], dtype=complex),
)


@dataclass(frozen=True)
class Pair:
    """A two-qubit gate where it is: name, and qubits in its own order."""

    gate: str
    place: Place
    matrix: Matrix


def random_clifford(random: np.random.Generator) -> Turns:
    """One of the 24, all equally likely: a third of them leave Z on its axis."""
    middle = int(random.choice([0, 2, 1, 3], p=[1 / 6, 1 / 6, 1 / 3, 1 / 3]))
    return int(random.integers(4)), middle, int(random.integers(4))


def inverse(turns: Turns) -> Turns:
    """Undoes it, with as many pulses: sx backwards is sx between two half turns."""
    before, middle, after = turns
    return (2 - after) % 4, (-middle) % 4, (2 - before) % 4


def _rz(turns: int) -> Matrix:
    return np.diag([np.exp(-0.25j * np.pi * turns), np.exp(0.25j * np.pi * turns)])


def matrix_of(turns: Turns) -> Matrix:
    """What it does, as a matrix."""
    before, middle, after = turns
    return _rz(after) @ _SX @ _rz(middle) @ _SX @ _rz(before)


def add_clifford(circuit: QuantumCircuit, qubit: int, turns: Turns) -> None:
    """Append it in native gates."""
    before, middle, after = turns
    for number, quarter in enumerate((before, middle, after)):
        if quarter:
            circuit.rz(quarter * math.pi / 2, qubit)
        if number < PULSES:
            circuit.sx(qubit)


def add_pauli(circuit: QuantumCircuit, qubit: int, pauli: int) -> None:
    """Append I, X, Y or Z (0 to 3) in native gates."""
    if pauli in (2, 3):
        circuit.rz(math.pi, qubit)
    if pauli in (1, 2):
        circuit.x(qubit)


def add_mirror(
    circuit: QuantumCircuit, place: Place, pair: Pair | None, half: int, random: np.random.Generator
) -> str:
    """Append one mirror circuit of ``2 * half`` layers on ``place``; the bit string it ends in.

    The string's last character is the place's first qubit.
    """
    layers = [[random_clifford(random) for _ in place] for _ in range(half)]
    forward: Matrix = np.eye(2 ** len(place), dtype=complex)
    for layer in layers:
        _add_layer(circuit, place, layer)
        forward = _matrix(layer) @ forward
        if pair is not None:
            forward = pair.matrix @ forward
            _add_gate(circuit, pair)
    paulis = [int(random.integers(4)) for _ in place]
    for qubit, pauli in zip(place, paulis, strict=True):
        add_pauli(circuit, qubit, pauli)
    for layer in reversed(layers):
        if pair is not None:
            _add_gate(circuit, pair)
        _add_layer(circuit, place, [inverse(turns) for turns in layer])
    middle = _kron([_PAULIS[pauli] for pauli in paulis])
    ends = forward.conj().T @ middle @ forward
    return format(int(np.argmax(np.abs(ends[:, 0]))), f"0{len(place)}b")


def _add_layer(circuit: QuantumCircuit, place: Place, layer: Sequence[Turns]) -> None:
    for qubit, turns in zip(place, layer, strict=True):
        add_clifford(circuit, qubit, turns)


def _add_gate(circuit: QuantumCircuit, pair: Pair) -> None:
    circuit.barrier(*pair.place)
    getattr(circuit, pair.gate)(*pair.place)
    circuit.barrier(*pair.place)


def _kron(parts: Sequence[Matrix]) -> Matrix:
    """Qiskit's order: the first qubit is the last factor."""
    whole = np.eye(1, dtype=complex)
    for part in parts:
        whole = np.kron(part, whole)
    return whole


def _matrix(layer: Sequence[Turns]) -> Matrix:
    return _kron([matrix_of(turns) for turns in layer])


def polarization(counts: Counts, bits: Sequence[int], target: str) -> float:
    """How much is left of the target string: 1 is all of it, 0 is what a coin would give.

    Strings count by how many of their bits are wrong, each wrong bit with a factor of -1/2.
    """
    wanted = {bit: target[-1 - number] for number, bit in enumerate(bits)}
    total = sum(counts.values())
    score = 0.0
    for string, number in counts.items():
        wrong = sum(string[-1 - bit] != word for bit, word in wanted.items())
        score += number * (-0.5) ** wrong
    scale = 4.0 ** len(bits)
    return (scale * score / total - 1) / (scale - 1)


def measure_single(bench: Bench, batch: Sequence[Place]) -> tuple[list[Reading], list[Failure]]:
    """The error of a qubit's pulses."""
    error = sorted(bench.expected("gate_error", place) for place in batch)[len(batch) // 2]
    found = _decays(bench, batch, {}, _lengths(1 - 2 * PULSES * error, LONGEST))
    readings, failures = [], []
    for place, layer in found.items():
        if isinstance(layer, NoFit):
            failures.append(Failure("single_qubit", place, str(layer)))
            continue
        pulse = layer.value ** (1 / PULSES)
        readings.append(Reading("gate_error", place, (1 - pulse) / 2, layer.deviation / PULSES / 2))
    return readings, failures


def measure_pairs(
    bench: Bench, batch: Sequence[Place], pairs: dict[Place, Pair]
) -> tuple[list[Reading], list[Failure]]:
    """The error of the gates of these pairs, with the known errors of their qubits' pulses taken off."""
    error = sorted(bench.expected("gate_error", place) for place in batch)[len(batch) // 2]
    pulses = sum(_pulse_loss(bench, qubit) for qubit in batch[0])
    lengths = _lengths(1 - 1.34 * error - 1.07 * pulses, LONGEST_PAIRED)
    found = _decays(bench, batch, pairs, lengths)
    readings, failures = [], []
    for place, layer in found.items():
        try:
            readings.append(_gate_error(bench, place, layer))
        except NoFit as why:
            failures.append(Failure("two_qubit", place, str(why)))
    return readings, failures


def _pulse_loss(bench: Bench, qubit: int) -> float:
    """The entanglement infidelity of one qubit's Clifford: 3/2 of the average infidelity of its pulses."""
    return 1.5 * PULSES * bench.expected("gate_error", (qubit,))


def _gate_error(bench: Bench, place: Place, layer: Fitted | NoFit) -> Reading:
    if isinstance(layer, NoFit):
        raise layer
    whole = 1 - (1 - layer.value) * 15 / 16
    of_pulses = math.prod(1 - _pulse_loss(bench, qubit) for qubit in place)
    error = (1 - whole / of_pulses) * 4 / 5
    deviation = layer.deviation * 15 / 16 * 4 / 5
    if error <= 0 or deviation > error:
        raise NoFit("the gate's error can't be told from that of the pulses around it")
    return Reading("gate_error", place, error, deviation)


def _lengths(survival: float, longest: int) -> list[int]:
    """Three numbers of layers, even ones, up to where little is left."""
    far = math.log(LEFT_AT_LONGEST) / math.log(min(max(survival, 0.3), 1 - 1e-5))
    most = int(min(max(far, 12), longest))
    return [SHORTEST, 2 * max(most // 6, 2), 2 * (most // 2)]


def _decays(
    bench: Bench, batch: Sequence[Place], pairs: dict[Place, Pair], lengths: Sequence[int]
) -> dict[Place, Fitted | NoFit]:
    bits = _bits(batch)
    circuits, targets, layers = [], [], []
    for length in [length for length in lengths for _ in range(SEQUENCES)]:
        circuit = bench.circuit(sum(map(len, batch)))
        targets.append(
            {
                place: add_mirror(circuit, place, pairs.get(place), length // 2, bench.random)
                for place in batch
            }
        )
        circuit.barrier()
        for place in batch:
            circuit.measure(list(place), bits[place])
        circuits.append(circuit)
        layers.append(length)
    counts = bench.run(circuits)
    found: dict[Place, Fitted | NoFit] = {}
    for place in batch:
        left = [
            polarization(each, bits[place], target[place])
            for each, target in zip(counts, targets, strict=True)
        ]
        try:
            found[place] = layer_survival(layers, left, math.sqrt(0.25 / SHOTS))
        except NoFit as why:
            found[place] = why
    return found


def _bits(batch: Sequence[Place]) -> dict[Place, list[int]]:
    found, first = {}, 0
    for place in batch:
        found[place] = list(range(first, first + len(place)))
        first += len(place)
    return found
