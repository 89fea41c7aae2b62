"""The estimator through the client's own forms."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.results.estimator_pub import EstimatorPubResult

from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import Listener, Runner
from tests.programs.payloads import decoded, estimator_params

ZNE_FIELDS = {
    "evs", "stds", "evs_noise_factors", "stds_noise_factors", "ensemble_stds_noise_factors",
    "evs_extrapolated", "stds_extrapolated",
}  # fmt: skip


@pytest.fixture
def excited() -> QuantumCircuit:
    """Qubit 0 in |1>, where readout errors pull <Z> towards 0."""
    circuit = QuantumCircuit(7, metadata={"who": "excited"})
    circuit.x(0)
    return circuit


def test_it_gives_arrays_of_no_dimension_with_a_shape(
    run: Runner, ansatz: QuantumCircuit, angles: Any
) -> None:
    for level in (0, 1):
        params = estimator_params([(ansatz, "IIIIIZZ", angles)], resilience_level=level, default_shots=256)
        data = decoded(run("estimator", params))[0].data
        assert data.evs.shape == data.stds.shape == ()
        assert isinstance(data.evs, np.ndarray)


def test_it_tells_how_the_values_were_made(run: Runner, excited: QuantumCircuit) -> None:
    result = decoded(run("estimator", estimator_params([(excited, "IIIIIIZ", None, 0.05)])))
    assert result[0].metadata == {
        "shots": 448, "target_precision": 0.05, "circuit_metadata": {"who": "excited"}, "resilience": {},
        "num_randomizations": 7,
    }  # fmt: skip
    assert result.metadata["resilience"] == {
        "measure_mitigation": True, "zne_mitigation": False, "pec_mitigation": False,
    }  # fmt: skip
    assert result.metadata["twirling"]["enable_measure"] is True
    assert result.metadata["dynamical_decoupling"] == {"enable": False}
    plain = decoded(
        run("estimator", estimator_params([(excited, "IIIIIIZ", None, 0.05)], resilience_level=0))
    )
    assert plain[0].metadata["shots"] == 400
    assert plain.metadata["resilience"]["measure_mitigation"] is False


def test_it_mitigates_readout_errors_by_default(run: Runner, excited: QuantumCircuit) -> None:
    plain = decoded(run("estimator", estimator_params([(excited, "IIIIIIZ")], resilience_level=0)))
    better = decoded(run("estimator", estimator_params([(excited, "IIIIIIZ")], seed_estimator=5)))
    assert abs(better[0].data.evs + 1) < 0.03
    assert abs(plain[0].data.evs + 1) > 0.03
    assert set(dict(better[0].data)) == {"evs", "stds", "ensemble_standard_error"}


def test_it_extrapolates_to_zero_noise(run: Runner, excited: QuantumCircuit) -> None:
    circuit = excited.copy()
    for _ in range(10):
        circuit.cx(0, 1)
    params = estimator_params([(circuit, [["IIIIIIZ"], ["IIIIIZI"]])], resilience_level=2, default_shots=1024)
    result = decoded(run("estimator", params))
    assert isinstance(result[0], EstimatorPubResult)
    assert set(dict(result[0].data)) == ZNE_FIELDS
    assert result[0].data.evs.shape == (2, 1)
    assert result[0].data.evs_noise_factors.shape == (2, 1, 3)
    raw = result[0].data.evs_noise_factors[0, 0]
    assert abs(raw[0] + 1) < abs(raw[2] + 1)
    assert result[0].metadata["resilience"]["zne"]["extrapolator"]


@pytest.mark.parametrize("amplifier", ["gate_folding", "gate_folding_front", "gate_folding_back"])
def test_it_honours_the_extrapolation_options(run: Runner, excited: QuantumCircuit, amplifier: str) -> None:
    circuit = excited.copy()
    circuit.cx(0, 1)
    zne = {"amplifier": amplifier, "noise_factors": [1, 2], "extrapolator": "linear"}
    resilience = {"zne_mitigation": True, "zne": {**zne, "extrapolated_noise_factors": [0, 0.5, 1]}}
    params = estimator_params(
        [(circuit, "IIIIIIZ")], resilience_level=0, resilience=resilience, default_shots=128
    )
    data = decoded(run("estimator", params))[0].data
    assert data.evs_noise_factors.shape == (2,)
    assert data.evs_extrapolated.shape == (1, 3)


def test_it_broadcasts_observables_against_parameters(
    run: Runner, ansatz: QuantumCircuit, angles: Any
) -> None:
    observables = [["IIIIIZZ"], [SparsePauliOp(["IIIIIXX", "IIIZIII"], [1, 2])], ["IIIIIII"]]
    for level in (0, 1):
        params = estimator_params(
            [(ansatz, observables, [angles, angles * 2])], resilience_level=level, default_shots=128
        )
        data = decoded(run("estimator", params))[0].data
        assert data.evs.shape == data.stds.shape == (3, 2)
        assert np.allclose(data.evs[2], 1)


def test_it_runs_pubs_of_different_precision(
    run: Runner, excited: QuantumCircuit, listener: Listener
) -> None:
    pubs = [
        (excited, "IIIIIIZ", None, 0.1),
        (excited, "IIIIIZI", None, 0.05),
        (excited, "IIIIIZZ", None, 0.1),
    ]
    result = decoded(run("estimator", estimator_params(pubs)))
    assert [item.metadata["target_precision"] for item in result] == [0.1, 0.05, 0.1]
    assert result[0].data.evs < -0.7
    assert result[1].data.evs > 0.7
    assert result[2].data.evs < -0.7
    assert listener.steps[-1] == (3, 3)


def test_it_counts_the_shots_of_both_twirling_options(run: Runner, excited: QuantumCircuit) -> None:
    twirling = {"num_randomizations": 16, "shots_per_randomization": 100}
    result = decoded(run("estimator", estimator_params([(excited, "IIIIIIZ")], twirling=twirling)))
    assert result[0].metadata["shots"] == 1600
    assert result[0].metadata["num_randomizations"] == 16


def test_it_decouples_in_the_estimator(run: Runner, excited: QuantumCircuit) -> None:
    options: dict[str, Any] = {"enable": True, "sequence_type": "XY4"}
    params = estimator_params(
        [(excited, "IIIIIIZ")], resilience_level=0, dynamical_decoupling=options, default_shots=512
    )
    result = decoded(run("estimator", params))
    assert result[0].data.evs < -0.8
    assert result.metadata["dynamical_decoupling"]["sequence_type"] == "XY4"


def test_it_mitigates_nothing_by_default_without_noise(run: Runner, device_called: Any) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    result = decoded(
        run("estimator", estimator_params([(circuit, "ZZ")]), device_called("ibmq_qasm_simulator"))
    )
    assert result[0].data.evs == 1
    assert result.metadata["resilience"]["measure_mitigation"] is False


@pytest.mark.parametrize("name", ["ibmq_qasm_simulator", "simulator_mps", "simulator_stabilizer"])
def test_it_mitigates_on_simulators_when_asked(run: Runner, device_called: Any, name: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cy(0, 1)
    for level in (1, 2):
        params = estimator_params([(circuit, "ZZ")], resilience_level=level, default_shots=512)
        result = decoded(run("estimator", params, device_called(name)))
        assert abs(result[0].data.evs - 1) < 0.05


def test_it_measures_projectors_without_mitigation_only(run: Runner, excited: QuantumCircuit) -> None:
    tree = json.loads(estimator_params([(excited, "IIIIIIZ")], resilience_level=0, default_shots=512))
    tree["pubs"][0][1] = {"IIIIII1": 1.0}
    got = decoded(run("estimator", json.dumps(tree).encode()))
    assert got[0].data.evs > 0.85
    tree["resilience_level"] = 1
    with pytest.raises(ProgramError) as caught:
        run("estimator", json.dumps(tree).encode())
    assert caught.value.code == Code.OPTIONS_CONFLICT


def test_it_gives_values_of_the_right_shape_in_a_dry_run(
    run: Runner, ansatz: QuantumCircuit, angles: Any
) -> None:
    params = estimator_params([(ansatz, [["IIIIIZZ"], ["IIIIIXX"]], [angles] * 3)], seed_estimator=2)
    one, two = (decoded(run("estimator", params, dry_run=True))[0].data for _ in range(2))
    assert one.evs.shape == (2, 3)
    assert np.array_equal(one.evs, two.evs)
    assert set(dict(one)) == {"evs", "stds", "ensemble_standard_error"}


@pytest.mark.parametrize(
    ("observables", "values"), [(["IIIIIZZ", "IIIIIZI"], 3), ([["IIIIIZZ", "IIIIIZI"]], 3)]
)
def test_it_refuses_shapes_that_do_not_fit(
    run: Runner, ansatz: QuantumCircuit, angles: Any, observables: Any, values: int
) -> None:
    tree = json.loads(estimator_params([(ansatz, "IIIIIZZ", [angles] * values)]))
    tree["pubs"][0][1] = json.loads(json.dumps(observables))
    with pytest.raises(ProgramError, match="don't fit together"):
        run("estimator", json.dumps(tree).encode())


@pytest.mark.parametrize("level", [0, 1, 2])
def test_it_gives_a_dry_run_the_fields_of_a_real_one(
    run: Runner, excited: QuantumCircuit, level: int
) -> None:
    params = estimator_params([(excited, [["IIIIIIZ"]])], resilience_level=level, default_shots=64)
    real, dry = (decoded(run("estimator", params, dry_run=flag))[0].data for flag in (False, True))
    assert {name: array.shape for name, array in dict(dry).items()} == {
        name: array.shape for name, array in dict(real).items()
    }
