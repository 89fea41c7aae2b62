"""Which circuits of a session's jobs are taken for the same (L12)."""

from __future__ import annotations

import base64
import io
import zlib

from qiskit import QuantumCircuit, qpy, transpile

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.circuit_store import CircuitStore
from quantumsvc.wire.decode_budget import Budget
from tests.programs.conftest import LIMITS, Shelf


def packed(circuit: QuantumCircuit) -> str:
    """As the client sends it."""
    file = io.BytesIO()
    qpy.dump(circuit, file)
    return base64.standard_b64encode(zlib.compress(file.getvalue())).decode()


def placed(device: Device, angle: float) -> QuantumCircuit:
    """A small circuit with a layout, as the transpiler makes it."""
    circuit = QuantumCircuit(3)
    circuit.rx(angle, 0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.measure_all()
    return transpile(circuit, device.backend, optimization_level=0, seed_transpiler=1)


def store(device: Device, shelf: Shelf) -> CircuitStore:
    """What one job of the session reads its circuits with."""
    return CircuitStore(device, LIMITS, shelf, Budget(10_000_000))


def test_it_knows_a_circuit_whose_layout_is_written_in_another_order(nairobi: Device) -> None:
    circuit = placed(nairobi, 0.5)
    texts = {packed(circuit) for _ in range(100)}
    assert len(texts) > 1, "writing has become stable: reading can be simpler"
    shelf = Shelf()
    assert len({id(store(nairobi, shelf).known(text)) for text in texts}) == 1
    assert shelf.made == 1


def test_it_tells_circuits_of_one_length_apart(nairobi: Device) -> None:
    shelf = Shelf()
    texts = [packed(placed(nairobi, angle)) for angle in (0.5, 0.25, 0.125)]
    found = [store(nairobi, shelf).known(text) for text in texts]
    assert shelf.made == 3
    assert len({known.key for known in found}) == 3
    assert [
        known.circuit == placed(nairobi, a) for known, a in zip(found, (0.5, 0.25, 0.125), strict=True)
    ] == [True] * 3


def test_it_reads_a_circuit_without_a_layout(nairobi: Device) -> None:
    circuit = QuantumCircuit(7, 1)
    circuit.sx(3)
    circuit.measure(3, 0)
    shelf = Shelf()
    first, second = (store(nairobi, shelf).known(packed(circuit)) for _ in range(2))
    assert first is second
    assert shelf.made == 1
