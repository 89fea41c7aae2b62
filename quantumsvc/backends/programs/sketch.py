"""Describes a job's inputs for people, without running anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from quantumsvc.backends.execution.messages import Task
from quantumsvc.backends.execution.sketches import (
    CIRCUITS_MAX,
    OPTIONS_MAX,
    PUBS_MAX,
    CircuitSketch,
    PubSketch,
    Sketch,
    encode_sketch,
)
from quantumsvc.backends.programs.circuit_facts import facts_of
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.limits import budget_of
from quantumsvc.backends.programs.sketch_gates import cut, drawn
from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_circuits import read_circuit
from quantumsvc.wire.decode_errors import DecodeError
from quantumsvc.wire.decode_executor import decode_executor
from quantumsvc.wire.decode_params import RawPub, decode_primitive
from quantumsvc.wire.decode_v1 import decode_v1, is_v1

COUNTED_GATES = 20
TERMS_TOLD = 3


def sketch(task: Task, params: bytes) -> bytes:
    """The encoded sketch of a job's inputs. Raises :class:`ProgramError` when they can't be read."""
    budget = budget_of(task.limits, old_clients=task.old_clients)
    try:
        if task.old_clients and is_v1(params):
            made = _v1(params, budget, task)
        else:
            made = _executor(params, budget, task) if task.program == "executor" else _primitive(params, task)
    except DecodeError as error:
        raise ProgramError(error.code, error.message) from None
    except RecursionError:
        raise ProgramError(Code.BAD_JSON, "The job's payload nests too deeply") from None
    return encode_sketch(made)


class _Circuits:
    """The different circuits of a job, in the order of their first use."""

    def __init__(self) -> None:
        self.numbers: dict[object, int] = {}
        self.found: list[QuantumCircuit] = []

    def number(self, key: object, circuit: QuantumCircuit) -> int:
        if key not in self.numbers:
            self.numbers[key] = len(self.found)
            self.found.append(circuit)
        return self.numbers[key]

    def told(self, most_gates: int) -> list[CircuitSketch]:
        return [circuit_sketch(each, most_gates) for each in self.found[:CIRCUITS_MAX]]


def _primitive(params: bytes, task: Task) -> Sketch:
    budget = budget_of(task.limits, old_clients=task.old_clients)
    read = dict[str, QuantumCircuit]()

    def reader(text: str) -> QuantumCircuit:
        if text not in read:
            read[text] = read_circuit(text, budget)
        return read[text]

    observables = task.program == "estimator"
    found = decode_primitive(params, budget, reader, observables=observables)
    circuits = _Circuits()
    numbers = [circuits.number(raw.text, raw.circuit) for raw in found.pubs]
    options = dict(found.options)
    if found.resilience_level is not None:
        options["resilience_level"] = found.resilience_level
    return Sketch(
        circuits=circuits.told(task.limits.max_gates),
        circuit_count=len(circuits.found),
        pubs=[_pub(number, raw) for number, raw in zip(numbers[:PUBS_MAX], found.pubs, strict=False)],
        pub_count=len(found.pubs),
        options=_options(options),
    )


def _v1(params: bytes, budget: Budget, task: Task) -> Sketch:
    found = decode_v1(params, budget, observables=task.program == "estimator")
    circuits, pubs = _Circuits(), []
    shots = found.options.get("execution", {}).get("shots")
    for run in found.runs:
        number = circuits.numbers.get(run.circuit)
        if number is None:
            number = circuits.number(run.circuit, read_circuit(run.circuit, budget))
        terms = "" if run.observable is None else cut(", ".join(_terms([run.observable])))
        amount = "default" if shots is None else cut(f"{shots} shots")
        pubs.append(PubSketch(circuit=number, amount=amount, shape=_shape(()), observables=terms))
    return Sketch(
        circuits=circuits.told(task.limits.max_gates),
        circuit_count=len(circuits.found),
        pubs=pubs[:PUBS_MAX],
        pub_count=len(pubs),
        options=_options(found.options),
    )


def _executor(params: bytes, budget: Budget, task: Task) -> Sketch:
    found = decode_executor(params, budget)
    circuits, pubs = _Circuits(), []
    for item in found.program.items:
        number = circuits.number(id(item.circuit), item.circuit)
        pubs.append(
            PubSketch(circuit=number, amount=f"{found.program.shots} shots", shape=_shape(item.shape))
        )
    return Sketch(
        circuits=circuits.told(task.limits.max_gates),
        circuit_count=len(circuits.found),
        pubs=pubs[:PUBS_MAX],
        pub_count=len(pubs),
        options=_options(found.options),
    )


def _pub(number: int, raw: RawPub) -> PubSketch:
    observables = "" if raw.observables is None else cut(", ".join(_terms(raw.observables)))
    unit = "shots" if raw.observables is None else "precision"
    return PubSketch(
        circuit=number,
        amount="default" if raw.amount is None else cut(f"{raw.amount:g} {unit}"),
        shape=_shape(raw.values.shape[:-1]),
        observables=observables,
    )


def _shape(shape: Sequence[int]) -> str:
    return cut(" x ".join(str(length) for length in shape) or "one set")


def _terms(observables: Any) -> Iterable[str]:
    """The first terms of the first observables, the others as dots."""
    flat = list(np.ravel(np.asarray(observables, dtype=object))[:TERMS_TOLD])
    for terms in flat:
        told = [f"{coefficient:g}·{pauli}" for pauli, coefficient in list(terms.items())[:TERMS_TOLD]]
        yield " + ".join([*told, "…"] if len(terms) > TERMS_TOLD else told)
    if np.size(np.asarray(observables, dtype=object)) > TERMS_TOLD:
        yield "…"


def _options(options: dict[str, Any]) -> str:
    text = json.dumps(options, indent=2, sort_keys=True, default=str)
    return text if len(text) <= OPTIONS_MAX else text[: OPTIONS_MAX - 2] + " …"


def circuit_sketch(circuit: QuantumCircuit, most_gates: int) -> CircuitSketch:
    """A circuit's counts and the beginning of its drawing. Raises :class:`ProgramError` if it is too big."""
    facts = facts_of(circuit, most_gates)
    wires, gates, is_cut = drawn(circuit, facts.active)
    names = sorted(circuit.count_ops().items(), key=lambda item: (-item[1], item[0]))
    return CircuitSketch(
        name=cut(circuit.name or ""),
        qubits=circuit.num_qubits,
        bits=circuit.num_clbits,
        gates=facts.gates,
        depth=circuit.depth(),
        parameters=circuit.num_parameters,
        counts={cut(name): int(count) for name, count in names[:COUNTED_GATES]},
        wires=wires,
        drawn=gates,
        is_cut=is_cut,
    )
