"""What is read out of the clients' documents, and where qubits are drawn."""

import json
from itertools import pairwise

import pytest

from quantumsvc.backends.demo_devices import DemoDevice, demo_devices
from quantumsvc.backends.layouts import places
from quantumsvc.backends.readings import Readings, plan_of, readings_of

DEVICES = {device.name: device for device in demo_devices()}
CHIPS = [device for device in DEVICES.values() if device.configuration["coupling_map"]]


def test_it_reads_a_chips_qubits_and_gates_in_plain_units() -> None:
    found = readings_of(json.dumps(DEVICES["demo_nairobi"].properties))
    assert found.count == 7
    assert found.of("T1")[0] == pytest.approx(89.11932e-6)
    assert found.of("frequency")[0] == pytest.approx(5.2594560e9)
    assert found.of("readout_error")[0] == pytest.approx(0.058)
    assert found.of("no such thing") == (None,) * 7
    first = found.gates[0]
    assert (first.name, first.qubits) == ("id", (0,))
    assert first.length == pytest.approx(35.5556e-9)
    assert set(found.pairs()) == {(0, 1), (1, 2), (1, 3), (3, 5), (4, 5), (5, 6)}
    summary = found.summary()
    assert summary["T1"] == pytest.approx(sorted(t for t in found.of("T1") if t)[3])
    assert all(summary.values())


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"qubits": 7}', "[" * 100_000, '{"qubits": null}', "\ud800"[:0]]
)
def test_it_reads_nothing_out_of_an_odd_document(text: str) -> None:
    assert readings_of(text) == Readings()
    assert plan_of(text).edges == ()


def test_it_leaves_out_what_is_odd_in_a_document() -> None:
    values = [{"name": "T1", "value": value, "unit": unit} for value, unit in ((1, "parsec"), ("x", "us"))]
    gates = [{"gate": "cx", "qubits": pair, "parameters": []} for pair in ([0, 9], [], [1, 0])]
    found = readings_of(json.dumps({"qubits": [[each] for each in values], "gates": gates}))
    assert found.of("T1") == (None, None)
    assert found.pairs() == {(0, 1): None}
    assert plan_of('{"n_qubits": 2, "coupling_map": [[1, 0], [0, 1], [0, 0], [0, 5], [1]]}').edges == (
        (0, 1),
    )


@pytest.mark.parametrize("device", CHIPS, ids=lambda device: device.name)
def test_it_draws_a_chip_with_neighbours_one_step_apart(device: DemoDevice) -> None:
    plan = plan_of(json.dumps(device.configuration))
    spots = places(plan.qubits, plan.edges)
    assert len(set(spots)) == plan.qubits
    for one, other in plan.edges:
        (x, y), (u, v) = spots[one], spots[other]
        assert abs(x - u) + abs(y - v) == 1


def test_it_settles_other_devices_by_forces_always_alike() -> None:
    ring = tuple((number, (number + 1) % 12) for number in range(12))
    spots = places(12, ring)
    lengths = [abs(complex(*spots[one]) - complex(*spots[other])) for one, other in ring]
    assert max(lengths) < 1.5 * min(lengths)
    gaps = [abs(complex(*one) - complex(*other)) for n, one in enumerate(spots) for other in spots[:n]]
    assert min(gaps) > 0.5
    places.cache_clear()
    assert places(12, ring) == spots


def test_it_wraps_a_long_chain() -> None:
    spots = places(45, tuple((number, number + 1) for number in range(44)))
    assert len(set(spots)) == 45
    assert all(abs(x - u) + abs(y - v) == 1 for (x, y), (u, v) in pairwise(spots))


def test_it_draws_a_large_unknown_device_as_a_grid() -> None:
    star = tuple((0, number) for number in range(1, 1000))
    assert len(set(places(1000, star))) == 1000
    assert len(set(places(3, ()))) == 3
