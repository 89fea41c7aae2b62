"""The options of version 1, each honoured or refused by the name that its user knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.option_tree import HONOURED, NO_PEC, Tree, accepted
from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_noise import Error, decode_noise

DEFAULT_SHOTS = 4000
MAX_FACTORS = 20
OPTIONS: Tree = {
    "optimization_level": HONOURED,
    "resilience_level": HONOURED,
    "transpilation": {
        "skip_transpilation": HONOURED,
        "initial_layout": HONOURED,
        "layout_method": HONOURED,
        "routing_method": HONOURED,
        "approximation_degree": HONOURED,
    },
    "resilience": {"noise_amplifier": HONOURED, "noise_factors": HONOURED, "extrapolator": HONOURED},
    "execution": {"shots": HONOURED, "init_qubits": HONOURED},
    "simulator": {
        "noise_model": HONOURED,
        "seed_simulator": HONOURED,
        "coupling_map": HONOURED,
        "basis_gates": HONOURED,
    },
}
LAYOUT_METHODS = ("trivial", "dense", "sabre")
ROUTING_METHODS = ("basic", "lookahead", "sabre", "none")
GONE = "Qiskit has it no more"
EXTRAPOLATORS = {
    "LinearExtrapolator": ("linear", 2),
    "QuadraticExtrapolator": ("polynomial_degree_2", 3),
    "CubicExtrapolator": ("polynomial_degree_3", 4),
    "QuarticExtrapolator": ("polynomial_degree_4", 5),
}
"""The names of version 2, and how many noise factors each needs."""


@dataclass(frozen=True)
class Transpilation:
    """How circuits are made to fit the backend; ``skip`` leaves them as they are."""

    skip: bool
    level: int
    initial_layout: tuple[int, ...] | None
    layout_method: str | None
    routing_method: str | None
    approximation_degree: float | None
    coupling_map: tuple[tuple[int, int], ...] | None
    basis_gates: tuple[str, ...] | None


@dataclass(frozen=True)
class Extrapolation:
    """How an estimator reaches zero noise at resilience level 2."""

    factors: tuple[float, ...]
    extrapolator: str


@dataclass(frozen=True)
class V1Plan:
    """How a job of version 1 is to run. ``noise`` is None where the backend's own noise is used."""

    shots: int
    seed: int | None
    resilience_level: int
    extrapolation: Extrapolation
    transpilation: Transpilation
    noise: tuple[Error, ...] | None


def v1_plan(
    options: Mapping[str, Any], device: Device, seed: int | None, budget: Budget, *, most_resilience: int
) -> V1Plan:
    """Read the options; ``seed`` is the service's own, used when the user sets none."""
    given = accepted(options, OPTIONS)
    simulator = _simulator(given.get("simulator", {}), device)
    noise = simulator.get("noise_model")
    errors = None if noise is None else decode_noise(noise, budget)
    level = _choice("resilience_level", given.get("resilience_level"), range(4))
    if level is not None and level > most_resilience:
        raise _not_offered("resilience_level", level, NO_PEC if most_resilience == 2 else "0 and 1 are")
    chosen = _whole("simulator.seed_simulator", simulator.get("seed_simulator"), 0, 2**53 - 1)
    return V1Plan(
        shots=_shots(given.get("execution", {})),
        seed=seed if chosen is None else chosen,
        resilience_level=int(device.noisy or errors is not None) if level is None else level,
        extrapolation=_extrapolation(given.get("resilience", {})),
        transpilation=_transpilation(given, simulator),
        noise=errors,
    )


def _not_offered(name: str, value: object, why: str) -> ProgramError:
    told = f"The option {name}={str(value)[:60]} isn't offered here: {why}"
    return ProgramError(Code.OPTION_NOT_OFFERED, told)


def _bad(name: str, wanted: str) -> ProgramError:
    return ProgramError(Code.BAD_OPTION, f"The option {name} must be {wanted}")


def _simulator(given: Mapping[str, Any], device: Device) -> Mapping[str, Any]:
    """The simulator's options: a device has its own noise, connections and gates."""
    for name in ("noise_model", "coupling_map", "basis_gates"):
        if given.get(name) is not None and not (device.is_simulator and device.method):
            told = f"The option simulator.{name} isn't offered here: {device.name} is not a simulator"
            raise ProgramError(Code.OPTION_NOT_OFFERED, told)
    return given


def _whole(name: str, value: Any, least: int, most: int) -> int | None:
    if value is not None and (type(value) is not int or not least <= value <= most):
        raise _bad(name, f"a whole number from {least} to {most}")
    return None if value is None else int(value)


def _choice(name: str, value: Any, known: range) -> int | None:
    return _whole(name, value, known[0], known[-1])


def _shots(execution: Mapping[str, Any]) -> int:
    if execution.get("init_qubits") is False:
        told = "the simulation begins each shot in the ground state"
        raise _not_offered("execution.init_qubits", False, told)
    shots = execution.get("shots")
    if shots is not None and (type(shots) is not int or shots < 1):
        told = "The option execution.shots must be a whole number above 0"
        raise ProgramError(Code.SHOTS_RANGE, told)
    return DEFAULT_SHOTS if shots is None else int(shots)


def _extrapolation(given: Mapping[str, Any]) -> Extrapolation:
    amplifier = given.get("noise_amplifier", "LocalFoldingAmplifier")
    if amplifier not in ("LocalFoldingAmplifier", "TwoQubitAmplifier"):
        raise _not_offered("resilience.noise_amplifier", amplifier, "LocalFoldingAmplifier is")
    name = given.get("extrapolator", "LinearExtrapolator")
    if not isinstance(name, str) or name not in EXTRAPOLATORS:
        raise _bad("resilience.extrapolator", f"one of {', '.join(EXTRAPOLATORS)}")
    factors = given.get("noise_factors", (1, 3, 5))
    if not _are_factors(factors) or len(factors) < EXTRAPOLATORS[name][1]:
        least = EXTRAPOLATORS[name][1]
        raise _bad("resilience.noise_factors", f"{least} to {MAX_FACTORS} different numbers from 1 on")
    return Extrapolation(tuple(float(factor) for factor in factors), name)


def _are_factors(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) <= MAX_FACTORS
        and all(type(factor) in (int, float) and 1 <= factor <= 100 for factor in value)
        and len(set(value)) == len(value)
    )


def _transpilation(given: Mapping[str, Any], simulator: Mapping[str, Any]) -> Transpilation:
    asked = given.get("transpilation", {})
    level = _choice("optimization_level", given.get("optimization_level"), range(4))
    return Transpilation(
        skip=_flag("transpilation.skip_transpilation", asked.get("skip_transpilation", False)),
        level=1 if level is None else level,
        initial_layout=_checked(asked, "transpilation.initial_layout", _layout, "a list of qubits"),
        layout_method=_method(asked, "layout_method", LAYOUT_METHODS, ("noise_adaptive",)),
        routing_method=_method(asked, "routing_method", ROUTING_METHODS, ("stochastic",)),
        approximation_degree=_checked(
            asked, "transpilation.approximation_degree", _degree, "a number from 0 to 1"
        ),
        coupling_map=_checked(simulator, "simulator.coupling_map", _coupling, "a list of pairs of qubits"),
        basis_gates=_checked(simulator, "simulator.basis_gates", _names, "a list of names of gates"),
    )


def _flag(name: str, value: Any) -> bool:
    if type(value) is not bool:
        raise _bad(name, "true or false")
    return value


def _checked(given: Mapping[str, Any], name: str, read: Callable[[Any], Any], wanted: str) -> Any:
    value = given.get(name.rpartition(".")[2])
    if value is None:
        return None
    try:
        return read(value)
    except (TypeError, ValueError):
        raise _bad(name, wanted) from None


def _layout(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > 10_000 or len(set(value)) != len(value):
        raise ValueError
    return tuple(_index(item) for item in value)


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 20:
        raise ValueError
    return value


def _degree(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError
    return float(value)


def _coupling(value: Any) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list) or not 0 < len(value) <= 100_000:
        raise ValueError
    pairs = [tuple(_index(item) for item in pair) for pair in value]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError
    return tuple((pair[0], pair[1]) for pair in pairs)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= 200:
        raise ValueError
    if any(not isinstance(name, str) or not 0 < len(name) <= 60 for name in value):
        raise ValueError
    return tuple(value)


def _method(asked: Mapping[str, Any], name: str, known: tuple[str, ...], gone: tuple[str, ...]) -> str | None:
    value = asked.get(name)
    if value in gone:
        raise _not_offered(f"transpilation.{name}", value, GONE)
    if value is not None and value not in known:
        raise _bad(f"transpilation.{name}", f"one of {', '.join(known)}")
    return None if value is None else str(value)
