"""Each option is honoured or refused by its name."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.options import EstimatorOptions, SamplerOptions

from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.option_tree import ESTIMATOR, SAMPLER
from tests.programs.conftest import Runner
from tests.programs.payloads import decoded, estimator_params, sampler_params, with_options

NOT_OFFERED = {
    "sampler": [
        {"simulator": {"noise_model": {"errors": []}}},
        {"simulator": {"coupling_map": [[0, 1]]}},
        {"simulator": {"basis_gates": ["cx"]}},
        {"execution": {"init_qubits": False}},
        {"execution": {"meas_type": "kerneled"}},
        {"execution": {"meas_type": "avg_kerneled"}},
    ],
    "estimator": [
        {"resilience": {"pec_mitigation": True}},
        {"resilience": {"pec": {"max_overhead": 10}}},
        {"resilience": {"pec": {"noise_gain": 0.5}}},
        {"resilience": {"layer_noise_learning": {"max_layers_to_learn": 2}}},
        {"resilience": {"layer_noise_learning": {"layer_pair_depths": [1]}}},
        {"resilience": {"layer_noise_model": [1]}},
        {"resilience": {"zne_mitigation": True, "zne": {"amplifier": "pea"}}},
        {"resilience": {"measure_noise_learning": {"shots_per_randomization": 7}}},
    ],
}
BAD = [
    {"nonsense": 1},
    {"twirling": {"enable_gate": True}},
    {"twirling": 3},
    {"twirling": {"strategy": "some"}},
    {"twirling": {"num_randomizations": 0}},
    {"dynamical_decoupling": {"sequence_type": "ZZ"}},
    {"dynamical_decoupling": {"enable": [1]}},
    {"execution": {"rep_delay": 1.0}},
    {"execution": {"rep_delay": "soon"}},
    {"experimental": {"anything": True}},
    {"simulator": {"seed_simulator": -1}},
    {"simulator": {"seed_simulator": "a"}},
    {"environment": {"log_level": "DEBUG"}},
]


def leaf_names(tree: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(tree, dict):
        return {path}
    return {leaf for name, item in tree.items() for leaf in leaf_names(item, (*path, name))} or {path}


@pytest.mark.parametrize(
    ("options", "tree"),
    [(SamplerOptions(), SAMPLER), (EstimatorOptions(), ESTIMATOR)],
    ids=["sampler", "estimator"],
)
def test_it_knows_every_option_that_the_client_can_send(options: Any, tree: Any) -> None:
    away = {"max_execution_time", "environment", "_VERSION", "resilience_level"}
    sent = {name: value for name, value in asdict(options).items() if name not in away}
    missing = leaf_names(sent) - leaf_names(tree)
    assert not missing


@pytest.mark.parametrize(
    ("program", "options"), [(name, item) for name, items in NOT_OFFERED.items() for item in items]
)
def test_it_refuses_by_name_what_it_does_not_do(
    run: Runner, bell: QuantumCircuit, program: str, options: dict[str, Any]
) -> None:
    params = sampler_params([(bell,)]) if program == "sampler" else estimator_params([(bell, "IIIIIZZ")])
    names = ".".join(_path(options))
    with pytest.raises(ProgramError, match="isn't offered here") as caught:
        run(program, with_options(params, **options))
    assert caught.value.code == Code.OPTION_NOT_OFFERED
    assert names in caught.value.message


def _path(options: dict[str, Any]) -> list[str]:
    *_, (name, value) = options.items()
    deeper = isinstance(value, dict) and name not in ("noise_model",)
    return [name, *(_path(value) if deeper else [])]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_it_refuses_unknown_and_bad_options(
    run: Runner, bell: QuantumCircuit, options: dict[str, Any]
) -> None:
    with pytest.raises(ProgramError, match="option") as caught:
        run("sampler", with_options(sampler_params([(bell,)]), **options))
    assert caught.value.code == Code.BAD_OPTION


def test_it_takes_an_option_that_is_switched_off_as_not_set(run: Runner, bell: QuantumCircuit) -> None:
    off = {"resilience": {"pec_mitigation": False, "pec": {"max_overhead": None}}, "experimental": {}}
    params = with_options(estimator_params([(bell, "IIIIIZZ")]), **off, default_shots=100)
    assert decoded(run("estimator", params)).metadata["resilience"]["pec_mitigation"] is False


def test_it_takes_a_repetition_delay_within_the_range_of_the_device(
    run: Runner, bell: QuantumCircuit, device_called: Any
) -> None:
    params = sampler_params([(bell, None, 5)], execution={"rep_delay": 100e-6, "init_qubits": True})
    assert decoded(run("sampler", params))[0].data.c.num_shots == 5
    with pytest.raises(ProgramError, match="rep_delay isn't offered by ibmq_qasm_simulator"):
        run("sampler", params, device_called("ibmq_qasm_simulator"))


@pytest.mark.parametrize("level", [3, -1, "1", 1.0, True, [1]])
def test_it_refuses_other_resilience_levels(run: Runner, bell: QuantumCircuit, level: Any) -> None:
    tree = json.loads(estimator_params([(bell, "IIIIIZZ")]))
    tree["resilience_level"] = level
    with pytest.raises(ProgramError, match="resilience_level"):
        run("estimator", json.dumps(tree).encode())


def test_it_refuses_decoupling_where_gates_take_no_time(
    run: Runner, bell: QuantumCircuit, device_called: Any
) -> None:
    params = sampler_params([(bell,)], dynamical_decoupling={"enable": True})
    with pytest.raises(ProgramError, match="dynamical_decoupling"):
        run("sampler", params, device_called("ibmq_qasm_simulator"))


def test_it_refuses_too_few_noise_factors(run: Runner, bell: QuantumCircuit) -> None:
    resilience = {
        "zne_mitigation": True,
        "zne": {"noise_factors": [1, 3], "extrapolator": "double_exponential"},
    }
    with pytest.raises(ProgramError, match="noise_factors") as caught:
        run("estimator", with_options(estimator_params([(bell, "IIIIIZZ")]), resilience=resilience))
    assert caught.value.code == Code.OPTIONS_CONFLICT


def test_it_honours_calibration_shots_that_agree_with_the_pubs(run: Runner, bell: QuantumCircuit) -> None:
    twirling = {"num_randomizations": 4, "shots_per_randomization": 50}
    learning = {"num_randomizations": 6, "shots_per_randomization": 50}
    params = with_options(
        estimator_params([(bell, "IIIIIZZ")]),
        twirling=twirling,
        resilience={"measure_noise_learning": learning},
    )
    assert decoded(run("estimator", params))[0].metadata["shots"] == 200
