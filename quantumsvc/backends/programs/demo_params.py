"""Params of a few small jobs, encoded as the official client encodes them.

Each is written for a device's own instructions; ``configuration`` is the device's document, or None
for a simulator that takes any circuit.
"""

from __future__ import annotations

import json
import math

from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import n_local
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import Target
from qiskit_ibm_runtime.json import RuntimeEncoder
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target
from qiskit_ibm_runtime.utils.backend_decoder import configuration_from_server_data

SEED = 7
SHOTS = 1024
PRECISION = 1 / 32


def bell_params(configuration: str | None) -> bytes:
    """A sampler job: two entangled qubits."""
    return ghz_params(configuration, 2)


def ghz_params(configuration: str | None, qubits: int) -> bytes:
    """A sampler job: so many entangled qubits, all measured."""
    circuit = QuantumCircuit(qubits, name=f"ghz-{qubits}")
    circuit.h(0)
    for qubit in range(1, qubits):
        circuit.cx(qubit - 1, qubit)
    circuit.measure_all()
    return _encoded({"pubs": [[_fitted(circuit, configuration), None, SHOTS]], "options": {}})


def vqe_params(configuration: str, step: int) -> bytes:
    """An estimator job: one step of a search for the lowest energy of two coupled spins."""
    ansatz = n_local(2, ["ry"], "cx", reps=1)
    values = [0.3 + 0.15 * step * math.cos(index) for index in range(ansatz.num_parameters)]
    circuit = _fitted(ansatz.assign_parameters(values), configuration)
    energy = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5]).apply_layout(circuit.layout)
    observable = {str(label): float(weight.real) for label, weight in energy.to_list()}
    pub = [circuit, observable, [], PRECISION]
    return _encoded({"pubs": [pub], "options": {}, "resilience_level": 0})


def _fitted(circuit: QuantumCircuit, configuration: str | None) -> QuantumCircuit:
    if configuration is None:
        return circuit
    fitted = transpile(circuit, target=_target(configuration), optimization_level=1, seed_transpiler=SEED)
    fitted.name = circuit.name
    return fitted


def _target(configuration: str) -> Target:
    document = configuration_from_server_data(json.loads(configuration), use_fractional_gates=None)
    return convert_to_target(configuration=document, properties=None)


def _encoded(params: dict[str, object]) -> bytes:
    whole = {**params, "version": 2, "support_qiskit": True}
    return json.dumps(whole, cls=RuntimeEncoder, separators=(",", ":")).encode()
