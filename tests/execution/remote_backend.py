"""A backend whose device is elsewhere: it asks a server for the outcomes, as one asks a lab's controller."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

from qiskit.circuit import Measure, Parameter, QuantumCircuit
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.transpiler import Target


class RemoteJob:
    """What ``run`` gives: the outcomes are there already."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def result(self) -> Result:
        return self._result


class RemoteBackend(BackendV2):  # type: ignore[misc]
    """Two qubits behind a TCP port; ``password`` is told with each request."""

    def __init__(self, port: int, password: str) -> None:
        super().__init__(name="remote")
        self._address, self._password = ("127.0.0.1", port), password
        self._target = Target(num_qubits=2)
        for gate in (XGate(), SXGate(), RZGate(Parameter("phi")), Measure()):
            self._target.add_instruction(gate, {(0,): None, (1,): None})
        self._target.add_instruction(CXGate(), {(0, 1): None})

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=100)

    def run(self, run_input: QuantumCircuit | list[QuantumCircuit], **options: Any) -> RemoteJob:
        circuits = run_input if isinstance(run_input, list) else [run_input]
        results = [self._ask(circuit, int(options["shots"])) for circuit in circuits]
        return RemoteJob(Result.from_dict({"results": results, "success": True, "status": "COMPLETED"}))

    def _ask(self, circuit: QuantumCircuit, shots: int) -> dict[str, Any]:
        question = {"password": self._password, "shots": shots, "gates": circuit.size()}
        with socket.create_connection(self._address, timeout=5) as link:
            link.sendall(json.dumps(question).encode() + b"\n")
            memory = json.loads(link.makefile().readline())
        counts = {outcome: memory.count(outcome) for outcome in set(memory)}
        data = {"counts": counts, "memory": memory}
        return {"shots": shots, "success": True, "status": "DONE", "data": data}


class _Controller(StreamRequestHandler):
    def handle(self) -> None:
        question = json.loads(self.rfile.readline())
        if question["password"] == "open sesame":
            self.wfile.write(json.dumps(["0x1"] * question["shots"]).encode() + b"\n")


@contextmanager
def controller() -> Iterator[int]:
    """A device's controller on this host, which measures 01 in every shot; its port."""
    with ThreadingTCPServer(("127.0.0.1", 0), _Controller) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()
