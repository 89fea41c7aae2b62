"""A variational search for a ground state in a session, and all that can be asked about it afterwards.

The session keeps the backend between two steps of the search, so that no step waits in the queue.
Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done.
"""

import os
import time

import numpy as np
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit.library import n_local
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Estimator, QiskitRuntimeService, RuntimeJobV2, Sampler, Session

STEPS = 15
# Two coupled spins in a field; the smallest eigenvalue is the energy that the search looks for.
HAMILTONIAN = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])


class Energy:
    """Asks the backend for the energy of some angles: one estimator job with two points at a time."""

    def __init__(self, ansatz: QuantumCircuit, estimator: Estimator) -> None:
        self._circuit = ansatz
        self._observable = HAMILTONIAN.apply_layout(ansatz.layout)
        self._estimator = estimator
        self.jobs: list[RuntimeJobV2] = []

    def pair(self, plus: np.ndarray, minus: np.ndarray) -> tuple[float, float]:
        """The energies at two points."""
        job = self._estimator.run([(self._circuit, self._observable, np.array([plus, minus]))])
        self.jobs.append(job)
        first, second = job.result()[0].data.evs
        return float(first), float(second)


def search(energy: Energy, angles: np.ndarray) -> np.ndarray:
    """Simultaneous-perturbation descent: two energies a step, whatever the number of angles."""
    random = np.random.default_rng(7)
    for step in range(STEPS):
        shift = random.choice([-1.0, 1.0], size=angles.size)
        width = 0.2 / (step + 1) ** 0.1
        plus, minus = energy.pair(angles + width * shift, angles - width * shift)
        angles = angles - 0.6 / (step + 1) ** 0.6 * (plus - minus) / (2 * width) * shift
        print(f"  step {step + 1:2}: energy about {(plus + minus) / 2:+.3f}")
    return angles


def tell_of_session(session: Session) -> None:
    """What the session says of itself."""
    details = session.details() or {}
    print("session", session.session_id)
    print("  status:", session.status())
    for name in ("mode", "state", "accepting_jobs", "max_time", "interactive_timeout", "usage_time"):
        print(f"  {name}: {details.get(name)}")


def tell_of_job(job: RuntimeJobV2) -> None:
    """When one job was where, and what it is charged."""
    metrics = job.metrics()
    print("the last job:", job.job_id(), job.status())
    for name, at in metrics["timestamps"].items():
        print(f"  {name}: {at}")
    print(f"  charged: {metrics['usage']['qpu_charge_time_seconds']:.3f} s")


def main() -> None:
    """Search, sample the state that was found, and look at what it took."""
    service = QiskitRuntimeService()
    backend = service.backend(os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi"))
    passes = generate_preset_pass_manager(1, backend=backend, seed_transpiler=7)
    ansatz = n_local(2, ["ry"], "cx", reps=1)
    exact = float(np.linalg.eigvalsh(HAMILTONIAN.to_matrix())[0])

    print(f"searching the lowest energy (exactly {exact:+.3f}) on {backend.name}")
    began = time.monotonic()
    with Session(backend=backend, max_time="25m") as session:
        energy = Energy(passes.run(ansatz), Estimator(mode=session))
        start = np.random.default_rng(5).uniform(-1.0, 1.0, ansatz.num_parameters)
        angles = search(energy, start)
        print(f"  found {energy.pair(angles, angles)[0]:+.3f}")
        measured = passes.run(ansatz.assign_parameters(angles).measure_all(inplace=False))
        sample = Sampler(mode=session).run([measured], shots=2000)
        print("the state found:", sample.result()[0].data.meas.get_counts())
        tell_of_session(session)
    print(f"{len(energy.jobs) + 1} jobs in {time.monotonic() - began:.1f} s; the session is closed now")
    print("  status:", session.status())

    tell_of_job(sample)
    newest = service.jobs(limit=3, session_id=session.session_id)
    print("its newest jobs:", ", ".join(f"{job.job_id()} {job.status()}" for job in newest))
    usage = service.usage()
    print(f"the instance has used {usage['usage_consumed_seconds']} s in the last 28 days")


if __name__ == "__main__":
    main()
