"""A device that measures itself, as a lab would plug it in."""

from collections.abc import Callable
from typing import Any

from qiskit.providers.fake_provider import GenericBackendV2


class OwnDevice(GenericBackendV2):  # type: ignore[misc]
    """Two qubits; what its calibration gives can be spoilt."""

    def __init__(self, gives: str = "readings") -> None:
        super().__init__(num_qubits=2, seed=1)
        self._gives = gives

    def calibrate(self, qubits: list[int], experiments: list[str], log: Callable[[str], None]) -> Any:
        log(f"asked for {qubits} and {experiments}")
        if self._gives == "an exception":
            raise OSError("the fridge is open")
        return self._found()

    def _found(self) -> Any:
        reading = {"parameter": "T1", "qubits": [0], "value": 5e-05, "deviation": 1e-06}
        failure = {"experiment": "T1", "qubits": [1], "reason": "it is warm"}
        return {
            "readings": {"readings": [reading], "failures": [failure]},
            "nothing": None,
            "no readings": {"readings": [], "failures": [failure]},
            "a value that can't be": {"readings": [{**reading, "value": 7.0}], "failures": []},
        }[self._gives]
