"""Reading values from a properties document, and making a new one with measured values in it."""

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from quantumsvc.backends.chipdata.readings import Key, Reading

JsonDict = dict[str, Any]
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "": 1.0}
OF_A_QUBIT = ("T1", "T2", "readout_error", "prob_meas0_prep1", "prob_meas1_prep0")
TIMES = ("T1", "T2")
# Gates that are changes of the frame, and what is no gate: they have no error of their own.
WITHOUT_PULSE = frozenset({"rz", "p", "u1", "reset", "measure", "delay", "barrier"})
# Which of a qubit's gates speaks for all its pulses.
BEST_KNOWN = ("sx", "x", "rx", "u2", "u3")


def values_of(properties: Mapping[str, Any]) -> dict[Key, float]:
    """Every value that calibrations are about, in SI units."""
    found: dict[Key, float] = {
        (item["name"], (number,)): float(item["value"]) * _scale(item)
        for number, items in enumerate(properties.get("qubits", ()))
        for item in items
        if item["name"] in OF_A_QUBIT
    }
    return {**found, **_gate_errors(properties)}


def _scale(item: Mapping[str, Any]) -> float:
    return SECONDS.get(str(item.get("unit", "")), 1.0) if item["name"] in TIMES else 1.0


def _gate_errors(properties: Mapping[str, Any]) -> dict[Key, float]:
    gates = sorted(_pulsed(properties), key=lambda gate: _rank(gate["gate"]), reverse=True)
    # The best known gate comes last, so its error is the one that stays.
    return {
        ("gate_error", tuple(sorted(gate["qubits"]))): float(item["value"])
        for gate in gates
        for item in gate.get("parameters", ())
        if item["name"] == "gate_error"
    }


def _rank(name: str) -> int:
    return BEST_KNOWN.index(name) if name in BEST_KNOWN else len(BEST_KNOWN)


def _pulsed(properties: Mapping[str, Any]) -> Iterator[Any]:
    for gate in properties.get("gates", ()):
        if gate["gate"] not in WITHOUT_PULSE and len(gate["qubits"]) <= 2:
            yield gate


def with_values(properties: Mapping[str, Any], values: Mapping[Key, float], date: str | None) -> JsonDict:
    """A copy of the document with these values (SI units) in place of its own, dated if there is a ``date``.

    A gate error goes to all gates of its qubits that are pulses. What has no place in the document
    gets one, unless it is a gate's.
    """
    fresh: JsonDict = copy.deepcopy(dict(properties))
    left = dict(values)
    for number, items in enumerate(fresh.get("qubits", ())):
        for item in items:
            _set(item, left.pop((item["name"], (number,)), None), date)
        items += [_item(name, left[key], date) for name in OF_A_QUBIT if (key := (name, (number,))) in left]
    for gate in _pulsed(fresh):
        for item in gate.get("parameters", ()):
            if item["name"] == "gate_error":
                _set(item, left.get(("gate_error", tuple(sorted(gate["qubits"])))), date)
    return fresh


def _set(item: JsonDict, value: float | None, date: str | None) -> None:
    if value is None:
        return
    item["value"] = value / _scale(item)
    if date is not None:
        item["date"] = date


def _item(name: str, value: float, date: str | None) -> JsonDict:
    unit = "us" if name in TIMES else ""
    return {"date": date or "", "name": name, "unit": unit, "value": value * (1e6 if unit else 1.0)}


def measured_properties(properties: Mapping[str, Any], readings: Iterable[Reading], date: str) -> JsonDict:
    """The next set: measured values with this date, and the former values, with their dates, of the rest.

    T2 is at most twice T1 by physics, so a reading above that, which noise makes, is taken down to it.
    """
    values = {reading.key: reading.value for reading in readings}
    known = {**values_of(properties), **values}
    for (parameter, place), value in list(values.items()):
        if parameter == "T2":
            values[parameter, place] = min(value, 2 * known.get(("T1", place), math.inf))
    return {**with_values(properties, values, date), "last_update_date": date}
