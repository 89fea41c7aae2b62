"""Primitives of version 1: what old clients really sent, run, and every option honoured or refused."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    depolarizing_error,
    kraus_error,
    thermal_relaxation_error,
)
from qiskit_ibm_runtime import RuntimeEncoder

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.execution.sketches import read_sketch
from quantumsvc.backends.programs.errors import Code, ProgramError
from tests.programs.conftest import Runner, Shelf
from tests.programs.payloads import form

RECORDED = sorted((Path(__file__).parents[1] / "legacy" / "recorded").glob("*.json"))
BELL = QuantumCircuit(2)
BELL.h(0)
BELL.cx(0, 1)
MEASURED = BELL.copy()
MEASURED.measure_all()


@pytest.fixture(scope="session")
def simulator(device_called: Callable[[str], Device]) -> Device:
    return device_called("ibmq_qasm_simulator")


def sent(recording: Path) -> list[tuple[str, bytes]]:
    """Program and params of each job that a release posted."""
    rows = json.loads(recording.read_text())
    bodies = [json.loads(row["body"]) for row in rows if row["path"].endswith("/jobs") and row["body"]]
    return [(body["program_id"], json.dumps(body["params"]).encode()) for body in bodies]


def operator(terms: dict[str, complex]) -> dict[str, Any]:
    """An observable as clients take it apart."""
    where = "qiskit.quantum_info.operators.symplectic."
    paulis = form("settings", {"data": list(terms)}, __module__=where + "pauli_list", __class__="PauliList")
    inner = {"data": paulis, "coeffs": np.array(list(terms.values()))}
    return form("settings", inner, __module__=where + "sparse_pauli_op", __class__="SparsePauliOp")


def params(
    circuits: list[QuantumCircuit],
    observables: list[Any] | None = None,
    values: list[Any] | None = None,
    **options: Any,
) -> bytes:
    """Params as a client of version 1 sends them; ``options`` replace the parts of the same name."""
    tree: dict[str, Any] = {
        "circuits": circuits,
        "parameters": [[] for _ in circuits],
        "parameter_values": values or [[] for _ in circuits],
        "transpilation_settings": {"optimization_settings": {"level": 1}, "skip_transpilation": False},
        "resilience_settings": {"level": 0},
        "run_options": {"shots": 2000, "init_qubits": True, "seed_simulator": 5},
    }
    if observables is not None:
        tree["observables"] = observables
    for name, change in options.items():
        tree[name] = {**tree[name], **change} if isinstance(change, dict) and name in tree else change
    return json.dumps(tree, cls=RuntimeEncoder).encode()


@pytest.fixture
def go(run: Runner) -> Callable[..., Any]:
    """Runs params of version 1; the decoded result."""

    def start(program: str, raw: bytes, device: Device, **changes: Any) -> Any:
        return json.loads(run(program, raw, device, old_clients=True, **changes))

    return start


def refused(go: Callable[..., Any], raw: bytes, device: Device, program: str = "sampler") -> tuple[int, str]:
    with pytest.raises(ProgramError) as caught:
        go(program, raw, device)
    return caught.value.code, caught.value.message


# --- What releases really sent ---------------------------------------------------------------------


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: str(path.stem))
def test_it_runs_what_old_releases_sent(go: Callable[..., Any], simulator: Device, recording: Path) -> None:
    """Ry(2 theta) then CX: P(11) is sin(theta)^2, and <ZZ + XX/2> is 1 + sin(2 theta)/2."""
    first, second, *noisy = sent(recording)
    sampled = go(*first, simulator)
    for dist, theta in zip(sampled["quasi_dists"], (0.5, 1.5), strict=True):
        assert set(dist) <= {"00", "11"}
        assert abs(dist["11"] - np.sin(theta) ** 2) < 0.05
    assert sampled["metadata"] == [{"shots": 1000}] * 2
    estimated = go(*second, simulator)
    assert abs(estimated["values"][0] - (1 + np.sin(1.4) / 2)) < 0.1
    told = estimated["metadata"][0]["zne"]
    assert told["noise_amplification"]["noise_factors"] == [1, 3, 5]
    assert told["extrapolation"] == {"extrapolator": "LinearExtrapolator"}
    for job in noisy:
        assert set(go(*job, simulator)["quasi_dists"][0]) == {"00", "01", "10", "11"}


def test_it_has_a_recording_with_noise() -> None:
    assert any(len(sent(recording)) == 3 for recording in RECORDED)


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: str(path.stem))
def test_it_reads_old_formats_only_for_old_clients(run: Runner, simulator: Device, recording: Path) -> None:
    program, raw = sent(recording)[0]
    with pytest.raises(ProgramError):
        run(program, raw, simulator)
    text = json.loads(raw)["circuits"][0]["__value__"]
    modern = {"pubs": [[form("QuantumCircuit", text), [0.5], 100]], "options": {}, "version": 2}
    with pytest.raises(ProgramError, match=r"QPY version 1[01] isn't accepted"):
        run("sampler", json.dumps(modern).encode(), simulator)
    assert zlib.decompress(base64.b64decode(text))[6] in (10, 11)


def test_it_describes_inputs_of_version_1(run: Runner, simulator: Device) -> None:
    raw = params([BELL, BELL], [operator({"ZZ": 1, "XX": 0.5}), "ZI"])
    found = read_sketch(run("estimator", raw, simulator, old_clients=True, only_told=True))
    assert [len(found.circuits), found.pub_count] == [1, 2]
    assert "0.5·XX" in found.pubs[0].observables


# --- The sampler -----------------------------------------------------------------------------------


def test_it_transpiles_for_a_device(go: Callable[..., Any], nairobi: Device) -> None:
    dist = go("sampler", params([MEASURED]), nairobi)["quasi_dists"][0]
    assert dist["00"] + dist["11"] > 0.9
    assert abs(sum(dist.values()) - 1) < 1e-9


def test_it_mitigates_readout_errors(go: Callable[..., Any], nairobi: Device) -> None:
    """Level 1 is nearer to the truth, and tells what it cost."""
    plain = go("sampler", params([MEASURED]), nairobi)
    better = go("sampler", params([MEASURED], resilience_settings={"level": 1}), nairobi)
    wrong = [
        one["quasi_dists"][0].get("01", 0) + one["quasi_dists"][0].get("10", 0) for one in (plain, better)
    ]
    assert abs(wrong[1]) < abs(wrong[0]) / 2
    assert better["metadata"][0]["readout_mitigation_overhead"] > 1
    assert abs(sum(better["quasi_dists"][0].values()) - 1) < 1e-6


def test_it_joins_registers_like_counts(go: Callable[..., Any], simulator: Device) -> None:
    """The register that was added last stands first, and its last bit before its first."""
    circuit = QuantumCircuit(3)
    circuit.x([1, 2])
    circuit.measure_all()
    for name in ("a", "b"):
        circuit.add_register(QuantumCircuit(0, 1).cregs[0].__class__(1, name))
    circuit.measure([1], [circuit.clbits[4]])
    assert go("sampler", params([circuit]), simulator)["quasi_dists"] == [{"10110": 1.0}]


def test_it_takes_values_in_the_order_of_the_written_circuit(go: Callable[..., Any], nairobi: Device) -> None:
    """Transpilation may drop a parameter; the values of the others stay theirs."""
    circuit = QuantumCircuit(1)
    first, second = Parameter("a"), Parameter("b")
    circuit.rz(first, 0)
    circuit.rx(second, 0)
    circuit.measure_all()
    for level in (0, 3):
        asked = {"optimization_settings": {"level": level}}
        raw = params([circuit], values=[[1.1, np.pi]], transpilation_settings=asked)
        assert go("sampler", raw, nairobi)["quasi_dists"][0]["1"] > 0.9


def test_it_repeats_with_a_seed(go: Callable[..., Any], nairobi: Device) -> None:
    raw = params([MEASURED, MEASURED])
    one, two = go("sampler", raw, nairobi), go("sampler", raw, nairobi)
    assert one["quasi_dists"] == two["quasi_dists"]
    assert one["quasi_dists"][0] != one["quasi_dists"][1]


def test_it_runs_circuits_by_their_indices(go: Callable[..., Any], simulator: Device) -> None:
    """Clients up to 0.17 name the circuit of each run."""
    flipped = QuantumCircuit(2)
    flipped.x(0)
    flipped.measure_all()
    raw = params([MEASURED, flipped], values=[[], [], []], circuit_indices=[1, 0, 1])
    dists = go("sampler", raw, simulator)["quasi_dists"]
    assert [dists[0], dists[2]] == [{"01": 1.0}] * 2
    assert set(dists[1]) == {"00", "11"}


# --- The estimator ---------------------------------------------------------------------------------


def test_it_estimates_with_the_exact_variance(go: Callable[..., Any], simulator: Device) -> None:
    observable = operator({"ZZ": 1, "ZI": 2, "II": 0.25})
    found = go("estimator", params([BELL], [observable]), simulator)
    assert abs(found["values"][0] - 1.25) < 0.2
    assert abs(found["metadata"][0]["variance"] - 4) < 0.05
    assert found["metadata"][0]["shots"] == 2000


def test_it_measures_where_the_qubits_went(go: Callable[..., Any], nairobi: Device) -> None:
    """<ZI> is -1 for a flipped second qubit, wherever the layout puts it."""
    circuit = QuantumCircuit(2)
    circuit.x(1)
    for layout in ([0, 1], [6, 5], [3, 5]):
        wish = {"initial_layout": layout}
        raw = params([circuit, circuit], [operator({"ZI": 1}), "IZ"], transpilation_settings=wish)
        values = go("estimator", raw, nairobi)["values"]
        assert values[0] < -0.8
        assert values[1] > 0.8


@pytest.mark.parametrize("level", [1, 2])
def test_it_improves_estimates(go: Callable[..., Any], nairobi: Device, level: int) -> None:
    circuit = BELL.copy()
    for _ in range(8):
        circuit.barrier()
        circuit.cx(0, 1)
        circuit.cx(0, 1)
    wish = {"initial_layout": [0, 1], "optimization_settings": {"level": 0}}
    found = [
        go(
            "estimator",
            params(
                [circuit],
                [operator({"ZZ": 1})],
                transpilation_settings=wish,
                resilience_settings={"level": each},
            ),
            nairobi,
        )
        for each in (0, level)
    ]
    assert abs(1 - found[1]["values"][0]) < abs(1 - found[0]["values"][0])
    told = found[1]["metadata"][0]
    assert ("readout_mitigation_num_twirled_circuits" in told) == (level == 1)
    assert ("zne" in told) == (level == 2)


def test_it_extrapolates_as_it_is_told(go: Callable[..., Any], nairobi: Device) -> None:
    wish = {"level": 2, "noise_factors": [1, 2, 3, 4], "extrapolator": "CubicExtrapolator"}
    raw = params([BELL], [operator({"ZZ": 1})], resilience_settings=wish)
    told = go("estimator", raw, nairobi)["metadata"][0]["zne"]
    assert told["extrapolation"] == {"extrapolator": "CubicExtrapolator"}
    assert len(told["noise_amplification"]["values"]) == 4


# --- Noise of the job's own ------------------------------------------------------------------------


def noise() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.3, 2), ["cx"])
    model.add_quantum_error(thermal_relaxation_error(50, 30, 10), ["h"], [0])
    model.add_all_qubit_quantum_error(kraus_error([np.diag([1, 0.9**0.5]), [[0, 0.1**0.5], [0, 0]]]), ["x"])
    model.add_readout_error(ReadoutError([[0.7, 0.3], [0.4, 0.6]]), [1])
    return model


def test_it_simulates_the_noise_that_a_job_brings(go: Callable[..., Any], simulator: Device) -> None:
    raw = params([MEASURED], run_options={"noise_model": noise()})
    dist = go("sampler", raw, simulator)["quasi_dists"][0]
    assert dist["01"] + dist["10"] > 0.2
    mitigated = params([MEASURED], run_options={"noise_model": noise()}, resilience_settings={"level": 1})
    better = go("sampler", mitigated, simulator)["quasi_dists"][0]
    assert better["01"] + better["10"] < dist["01"] + dist["10"]
    value = go("estimator", params([BELL], ["ZZ"], run_options={"noise_model": noise()}), simulator)[
        "values"
    ][0]
    assert value < 0.7


def test_it_keeps_the_noise_of_one_job_from_the_next(go: Callable[..., Any], simulator: Device) -> None:
    shelf = Shelf()
    noisy = go("sampler", params([MEASURED], run_options={"noise_model": noise()}), simulator, cache=shelf)
    clean = go("sampler", params([MEASURED]), simulator, cache=shelf)
    assert len(noisy["quasi_dists"][0]) == 4
    assert set(clean["quasi_dists"][0]) == {"00", "11"}


# --- Options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "value", "name"),
    [
        ("run_options", {"init_qubits": False}, "execution.init_qubits"),
        ("run_options", {"seed_simulator": -1}, "simulator.seed_simulator"),
        ("run_options", {"shots": 1.5}, "execution.shots"),
        ("run_options", {"wish": 1}, "execution.wish"),
        ("resilience_settings", {"level": 2}, "resilience_level"),
        ("resilience_settings", {"level": "1"}, "resilience_level"),
        ("resilience_settings", {"noise_factors": [1]}, "resilience.noise_factors"),
        ("resilience_settings", {"noise_factors": [0.5, 2]}, "resilience.noise_factors"),
        ("resilience_settings", {"extrapolator": "Mine"}, "resilience.extrapolator"),
        ("resilience_settings", {"extrapolator": []}, "resilience.extrapolator"),
        ("resilience_settings", {"noise_amplifier": "GlobalFoldingAmplifier"}, "resilience.noise_amplifier"),
        ("resilience_settings", {"pec_mitigator_options": {}}, "resilience.pec_mitigator_options"),
        ("transpilation_settings", {"optimization_settings": {"level": 4}}, "optimization_level"),
        ("transpilation_settings", {"optimization_settings": {"other": 1}}, "optimization_settings"),
        ("transpilation_settings", {"skip_transpilation": "yes"}, "transpilation.skip_transpilation"),
        ("transpilation_settings", {"layout_method": "noise_adaptive"}, "transpilation.layout_method"),
        ("transpilation_settings", {"layout_method": "x"}, "transpilation.layout_method"),
        ("transpilation_settings", {"routing_method": "stochastic"}, "transpilation.routing_method"),
        ("transpilation_settings", {"routing_method": ["sabre"]}, "transpilation.routing_method"),
        ("transpilation_settings", {"initial_layout": {"q": 1}}, "transpilation.initial_layout"),
        ("transpilation_settings", {"initial_layout": [0, 0]}, "transpilation.initial_layout"),
        ("transpilation_settings", {"initial_layout": [[0]]}, "transpilation.initial_layout"),
        ("transpilation_settings", {"approximation_degree": 2}, "transpilation.approximation_degree"),
        ("transpilation_settings", {"coupling_map": [[0, 1, 2]]}, "simulator.coupling_map"),
        ("transpilation_settings", {"basis_gates": ["none"]}, "simulator.basis_gates"),
        ("transpilation_settings", {"basis_gates": "cx"}, "simulator.basis_gates"),
        ("made_up", 1, "made_up"),
        ("channel_strategy", {"a": 1}, "channel_strategy"),
    ],
)
def test_it_refuses_an_option_by_its_name(
    go: Callable[..., Any], simulator: Device, part: str, value: Any, name: str
) -> None:
    code, told = refused(go, params([MEASURED], **{part: value}), simulator)
    assert name in told
    assert code in {Code.BAD_OPTION, Code.OPTION_NOT_OFFERED, Code.SHOTS_RANGE, Code.BAD_VALUE}


def test_it_refuses_error_cancellation(go: Callable[..., Any], simulator: Device) -> None:
    raw = params([BELL], ["ZZ"], resilience_settings={"level": 3})
    code, told = refused(go, raw, simulator, "estimator")
    assert (code, "resilience_level=3" in told) == (Code.OPTION_NOT_OFFERED, True)


@pytest.mark.parametrize(
    "part", [{"noise_model": {"errors": []}}, {"coupling_map": [[0, 1]]}, {"basis_gates": ["cx"]}]
)
def test_it_leaves_a_device_its_own_noise_and_gates(
    go: Callable[..., Any], nairobi: Device, part: dict[str, Any]
) -> None:
    where = "run_options" if "noise_model" in part else "transpilation_settings"
    options: dict[str, Any] = {where: part}
    code, told = refused(go, params([MEASURED], **options), nairobi)
    assert code == Code.OPTION_NOT_OFFERED
    assert f"simulator.{next(iter(part))}" in told


def test_it_skips_transpilation_when_asked(
    go: Callable[..., Any], nairobi: Device, simulator: Device
) -> None:
    skip = {"skip_transpilation": True}
    assert refused(go, params([MEASURED], transpilation_settings=skip), nairobi)[0] == Code.NOT_IN_BASIS
    dist = go("sampler", params([MEASURED], transpilation_settings=skip), simulator)["quasi_dists"][0]
    assert set(dist) == {"00", "11"}


def test_it_honours_connections_and_gates_of_a_simulation(go: Callable[..., Any], simulator: Device) -> None:
    """With noise on CX only, a detour over other qubits costs more."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    values = []
    for line in ([[0, 1], [1, 0]], [[0, 2], [2, 3], [3, 1], [2, 0], [3, 2], [1, 3]]):
        wish = {"coupling_map": line, "basis_gates": ["cx", "rz", "sx"], "initial_layout": [0, 1]}
        raw = params([BELL], ["ZZ"], transpilation_settings=wish, run_options={"noise_model": model})
        values.append(go("estimator", raw, simulator)["values"][0])
    assert values[1] < values[0] - 0.1


# --- Limits and shapes -----------------------------------------------------------------------------


def test_it_transpiles_once_in_a_session(go: Callable[..., Any], nairobi: Device) -> None:
    """L12: the second job finds what the first one made."""
    shelf = Shelf()
    go("sampler", params([MEASURED]), nairobi, cache=shelf)
    made = shelf.made
    go("sampler", params([MEASURED], run_options={"shots": 10}), nairobi, cache=shelf)
    assert shelf.made == made
    other = {"optimization_settings": {"level": 2}}
    go("sampler", params([MEASURED], transpilation_settings=other), nairobi, cache=shelf)
    assert shelf.made == made + 1


@pytest.mark.parametrize(
    ("program", "raw", "code"),
    [
        ("sampler", params([BELL]), Code.BAD_PUB),
        ("sampler", params([QuantumCircuit(2, 0)]), Code.BAD_PUB),
        ("sampler", params([MEASURED], values=[[1.0]]), Code.BAD_PUB),
        (
            "sampler",
            params([MEASURED], values=[]).replace(b'"parameter_values": [[]]', b'"parameter_values": []'),
            Code.BAD_PUB,
        ),
        ("sampler", params([MEASURED], circuit_indices=[1]), Code.BAD_PUB),
        ("sampler", params([MEASURED], run_options={"shots": 10**7}), Code.SHOTS_MAXIMUM),
        ("sampler", params([MEASURED], observables=["ZZ"]), Code.BAD_OPTION),
        ("estimator", params([BELL]), Code.BAD_PUB),
        ("estimator", params([BELL], ["ZZZ"]), Code.BAD_PUB),
        ("estimator", params([BELL], ["ZZ", "ZZ"]), Code.BAD_PUB),
        ("estimator", params([BELL], [operator({"ZZ": 1j})]), Code.BAD_PUB),
        ("estimator", params([BELL], [operator({"ZQ": 1})]), Code.BAD_PUB),
        ("estimator", params([BELL], [{"ZZ": 1}]), Code.BAD_TYPE),
    ],
)
def test_it_refuses_what_does_not_fit(
    go: Callable[..., Any], simulator: Device, program: str, raw: bytes, code: int
) -> None:
    assert refused(go, raw, simulator, program)[0] == code


def test_it_refuses_more_qubits_than_the_device_has(go: Callable[..., Any], nairobi: Device) -> None:
    circuit = QuantumCircuit(8)
    circuit.measure_all()
    assert refused(go, params([circuit]), nairobi)[0] == Code.TOO_MANY_QUBITS


def test_it_gives_dry_runs_random_contents(go: Callable[..., Any], nairobi: Device) -> None:
    dist = go("sampler", params([MEASURED]), nairobi, dry_run=True)["quasi_dists"][0]
    assert set(dist) == {"00", "01", "10", "11"}
    assert -1 <= go("estimator", params([BELL], ["ZZ"]), nairobi, dry_run=True)["values"][0] <= 1
