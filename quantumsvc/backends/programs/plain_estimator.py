"""Expectation values from plain measurements, without twirling or mitigation."""

from __future__ import annotations

from typing import Any

from qiskit.primitives import BackendEstimatorV2
from qiskit.primitives.containers import PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from quantumsvc.backends.drivers.base import Device


class PlainEstimator(BackendEstimatorV2):  # type: ignore[misc]
    """Qiskit's own estimator, kept per device because making one costs more than using it.

    It counts the circuits it runs, so that pubs can be run one by one (and their progress be told)
    with the seeds that they would have in one run of all.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(backend=device.backend)
        self.circuits = 0

    def run_one(self, pub: EstimatorPub, seed: int | None) -> tuple[PubResult, int]:
        """The pub's result, and how many circuits it took."""
        self.options.seed_simulator = seed
        self.circuits = 0
        return self.run([pub]).result()[0], self.circuits

    def _preprocess_pub(self, pub: EstimatorPub) -> Any:
        data = super()._preprocess_pub(pub)
        self.circuits += len(data.circuits)
        return data


def plain_estimator(device: Device) -> PlainEstimator:
    """The device's estimator, made when first asked for."""
    if "plain_estimator" not in device.scratch:
        device.scratch["plain_estimator"] = PlainEstimator(device)
    found: PlainEstimator = device.scratch["plain_estimator"]
    return found
