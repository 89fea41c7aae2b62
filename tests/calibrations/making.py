"""Backends with values, and calibrations that found something."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from quantumsvc.backends.chipdata.readings import Failure, Measured, Reading
from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.models import CalibrationRun
from sessions_app.services.calibrations.requesting import Wish, request_calibration
from tests.factories import START, at, make_backend

DATE = "2026-11-20T12:00:00Z"
CONFIGURATION = {"n_qubits": 2, "basis_gates": ["sx", "x", "rz", "cx"], "supported_instructions": ["cx"]}
_numbers = itertools.count(1)


def item(name: str, value: float, unit: str = "") -> dict[str, Any]:
    return {"date": DATE, "name": name, "unit": unit, "value": value}


def properties(name: str, **over: float) -> dict[str, Any]:
    """Two qubits and a gate between them; T1 is in microseconds."""
    values = {"t1": 100.0, "t2": 80.0, "readout": 0.02, "sx": 0.001, "cx": 0.01, **over}
    qubit = [
        item("T1", values["t1"], "us"),
        item("T2", values["t2"], "us"),
        item("frequency", 5.0, "GHz"),
        item("readout_error", values["readout"]),
    ]
    gates = [
        {
            "gate": gate,
            "name": f"{gate}{number}",
            "qubits": [number],
            "parameters": [item("gate_error", error)],
        }
        for number in range(2)
        for gate, error in (("rz", 0.0), ("sx", values["sx"]), ("x", values["sx"]))
    ]
    pair = {"gate": "cx", "name": "cx0_1", "qubits": [0, 1], "parameters": [item("gate_error", values["cx"])]}
    return {
        "backend_name": name,
        "backend_version": "1.0.0",
        "last_update_date": DATE,
        "qubits": [qubit, [dict(each) for each in qubit]],
        "gates": [*gates, pair],
        "general": [],
    }


def make_chip(**over: Any) -> Backend:
    """A two-qubit device with a set of one day before the tests' beginning."""
    name = over.pop("name", None) or f"chip_{next(_numbers)}"
    backend = make_backend(name=name, configuration=json.dumps(CONFIGURATION), qubits=2, **over)
    CalibrationSet.objects.filter(backend=backend).update(properties=json.dumps(properties(name)))
    return backend


def measured(*readings: tuple[str, tuple[int, ...], float], failed: Iterable[int] = ()) -> Measured:
    """What a calibration found; ``failed`` are qubits without T1."""
    return Measured(
        [Reading(name, place, value, value / 50) for name, place, value in readings],  # type: ignore[arg-type]
        [Failure("T1", (qubit,), "the signal does not decay") for qubit in failed],
    )


def ask(backend: Backend, due: float = 0, **over: Any) -> CalibrationRun:
    """A calibration that is due at so many seconds."""
    wish = Wish(due_at=at(due), **over)
    return request_calibration(backend=backend, wish=wish, now=START, by=None)


def current(backend: Backend) -> CalibrationSet:
    found = CalibrationSet.objects.filter(backend=backend).first()
    assert found is not None
    return found


def value_of(kept: CalibrationSet, name: str, qubit: int) -> float:
    items = json.loads(kept.properties)["qubits"][qubit]
    return float(next(each["value"] for each in items if each["name"] == name))
