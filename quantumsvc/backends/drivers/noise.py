"""Noise models that cost little per run.

Aer turns the whole model into JSON-like data for each run: over a second for a 127-qubit chip, most
of it for qubits that the circuits never touch. Here the data are made once, and for the qubits in use.
"""

from __future__ import annotations

import copy
from typing import Any

from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

MOST_KEPT = 64
"""Models kept per device, one for each set of qubits in use; the oldest goes first."""

SMALL = 8
"""Devices of at most this many qubits always use their full model."""


class FrozenNoiseModel(NoiseModel):  # type: ignore[misc]
    """A model that doesn't change, so that its data form is made once."""

    _frozen: dict[str, Any] | None = None

    @classmethod
    def of(cls, model: NoiseModel, qubits: frozenset[int] | None = None) -> FrozenNoiseModel:
        """A frozen copy; with ``qubits``, without the local errors of all others."""
        frozen = cls(basis_gates=model.basis_gates)
        frozen.__dict__.update(model.__dict__)
        frozen._frozen = None
        if qubits is not None:
            frozen._local_quantum_errors = {
                name: _within(errors, qubits) for name, errors in model._local_quantum_errors.items()
            }
            frozen._local_readout_errors = _within(model._local_readout_errors, qubits)
        return frozen

    def to_dict(self, serializable: bool = False) -> dict[str, Any]:
        """The data form; the serializable one is remembered and must not be changed."""
        if not serializable:
            return dict(super().to_dict(serializable=False))
        if self._frozen is None:
            self._frozen = super().to_dict(serializable=True)
        return self._frozen

    def __deepcopy__(self, memo: dict[int, Any]) -> NoiseModel:
        """A model that may change: Aer adds the errors of delays to a copy."""
        fresh = NoiseModel(basis_gates=self.basis_gates)
        state = {name: value for name, value in self.__dict__.items() if name != "_frozen"}
        fresh.__dict__.update(copy.deepcopy(state, memo))
        return fresh


def _within(errors: dict[tuple[int, ...], Any], qubits: frozenset[int]) -> dict[tuple[int, ...], Any]:
    return {place: error for place, error in errors.items() if qubits.issuperset(place)}


class ChipSimulator(AerSimulator):  # type: ignore[misc]
    """A simulated chip: runs circuits with the errors of just the qubits that they use.

    Errors elsewhere can't act, so the outcomes are those of the full model, bit by bit.
    """

    def freeze(self) -> None:
        """Call once after making: remember the full model's data form."""
        model = self.options.noise_model
        if model is not None:
            self.set_options(noise_model=FrozenNoiseModel.of(model))
        self._models: dict[frozenset[int], FrozenNoiseModel] = {}

    def _assemble_noise_model(self, circuits: list[QuantumCircuit], optypes: Any, **run_options: Any) -> Any:
        if "noise_model" not in run_options and self.options.noise_model is not None:
            run_options["noise_model"] = self._model_for(circuits)
        return super()._assemble_noise_model(circuits, optypes, **run_options)

    def _model_for(self, circuits: list[QuantumCircuit]) -> NoiseModel:
        full = self.options.noise_model
        if (self.num_qubits or 0) <= SMALL:
            return full
        qubits = frozenset(number for circuit in circuits for number in used_qubits(circuit))
        if qubits not in self._models:
            while len(self._models) >= MOST_KEPT:
                del self._models[next(iter(self._models))]
            self._models[qubits] = FrozenNoiseModel.of(full, qubits)
        return self._models[qubits]


def used_qubits(circuit: QuantumCircuit) -> set[int]:
    """Indices of the qubits that anything but a barrier happens to."""
    index = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    return {
        index[qubit] for item in circuit.data if item.operation.name != "barrier" for qubit in item.qubits
    }
