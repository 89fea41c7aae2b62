"""What is told of the circuits that the service made to fit the backend, and the oldest circuits it reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import qiskit_qasm3_import

from quantumsvc.backends.drivers.base import Device
from tests.programs.conftest import Listener, Runner
from tests.programs.test_v1 import BELL, MEASURED, operator, params
from tests.programs.test_v1 import go as go
from tests.programs.test_v1 import simulator as simulator

# What a client of September 2022 packed: H and CNOT on two qubits, in version 5 of the format.
OF_2022 = (
    "eJwL9Az29gxhZdBlZoAAxkIG7jQGDiCLiQEBQGxGGDs5syi5NLNE19DUCCZfXVvICFbGCNSPCmDamBkY02FcmNg0NLUMGQyM"
    "EMsZkQSRLWfMQLOSEYuVDAxsaNrQQaiRe2JJKlhfJlSIAyaXBhOQ0HUJ+a3I6QD2MwNqgMC9BrNBKbkC4UgctlZgCYLlWBQR"
    "CIIKmCjBIGDG45hQY3gQYPiYqDAh5NuMQrjTkWkkAHZ8cgVYXSGEDwCzJiOE"
)


def test_it_tells_each_circuit_once_as_it_runs(
    go: Callable[..., Any], listener: Listener, nairobi: Device
) -> None:
    go("sampler", params([MEASURED, MEASURED, MEASURED.copy()]), nairobi)
    assert len(listener.texts) == 1
    again = qiskit_qasm3_import.parse(listener.texts[0])
    assert "cx $" in listener.texts[0], "on the device's own qubits"
    assert set(again.count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}


def test_it_tells_nothing_of_circuits_that_run_as_they_were_sent(run: Runner, listener: Listener) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[1] q; bit[1] meas; x q[0]; meas = measure q;'
    run("sampler", json.dumps({"pubs": [[text]], "version": 2}).encode())
    assert listener.texts == []


def test_it_reads_circuits_of_the_first_primitives(go: Callable[..., Any], simulator: Device) -> None:
    tree: dict[str, Any] = json.loads(params([BELL], [operator({"ZZ": 1.0})]))
    tree["circuits"] = [{"__type__": "QuantumCircuit", "__value__": OF_2022}]
    del tree["transpilation_settings"]
    found = go("estimator", json.dumps(tree | {"skip_transpilation": False}).encode(), simulator)
    assert found["values"] == [1.0]
