"""The meaning of a job's options, with the service's defaults filled in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from qiskit_ibm_runtime.executor_estimator.finalize_options import finalize_estimator_options
from qiskit_ibm_runtime.executor_sampler.finalize_options import finalize_sampler_options
from qiskit_ibm_runtime.options_models import EstimatorOptions, SamplerOptions

from quantumsvc.backends.drivers.base import Device
from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.backends.programs.option_tree import ESTIMATOR, SAMPLER, accepted

Model = TypeVar("Model", bound=BaseModel)

DEFAULT_SHOTS = 4096
DEFAULT_PRECISION = 0.015625
MICRO = 1e6


@dataclass(frozen=True)
class SamplerPlan:
    """How a sampler job is to run. ``plain``: nothing is done to the circuits."""

    model: SamplerOptions
    default_shots: int
    shots_given: bool
    seed: int | None
    plain: bool


@dataclass(frozen=True)
class EstimatorPlan:
    """How an estimator job is to run; ``seed`` drives the simulation, ``twirl_seed`` the twirling."""

    model: EstimatorOptions
    default_precision: float
    default_shots: int | None
    seed: int | None
    twirl_seed: int | None
    plain: bool
    learning_shots: int | None


def sampler_plan(options: Mapping[str, Any], device: Device, seed: int | None) -> SamplerPlan:
    """Read a sampler's options; ``seed`` is the service's own, used when the user sets none."""
    given = accepted(options, SAMPLER)
    given.pop("experimental", None)
    simulator = given.pop("simulator", {})
    _check_execution(given.get("execution", {}), device)
    chosen = _seed("simulator.seed_simulator", simulator.get("seed_simulator"))
    model = finalize_sampler_options(_validated(SamplerOptions, given))
    _check_dynamical_decoupling(model.dynamical_decoupling.enable, device)
    twirled = model.twirling.enable_gates or model.twirling.enable_measure
    return SamplerPlan(
        model=model,
        default_shots=_shots("default_shots", given.get("default_shots"), DEFAULT_SHOTS),
        shots_given="default_shots" in given,
        seed=seed if chosen is None else chosen,
        plain=not (twirled or model.dynamical_decoupling.enable),
    )


def estimator_plan(options: Mapping[str, Any], level: Any, device: Device, seed: int | None) -> EstimatorPlan:
    """Read an estimator's options; ``level`` is the wire's ``resilience_level``.

    By default it is 1, and 0 on devices without noise, which have nothing to mitigate.
    """
    given = accepted(options, ESTIMATOR)
    given.pop("experimental", None)
    simulator = given.pop("simulator", {})
    _check_execution(given.get("execution", {}), device)
    chosen = _seed("simulator.seed_simulator", simulator.get("seed_simulator"))
    estimator_seed = _seed("seed_estimator", given.pop("seed_estimator", None))
    learning_shots = _learning_shots(given)
    _check_amplifier(given)
    model = _estimator_model(given, level if level is not None else int(device.noisy))
    _check_dynamical_decoupling(model.dynamical_decoupling.enable, device)
    default_shots = given.get("default_shots")
    return EstimatorPlan(
        model=model,
        default_precision=float(model.default_precision),
        default_shots=None if not default_shots else _shots("default_shots", default_shots, 0),
        seed=_first(chosen, estimator_seed, seed),
        twirl_seed=_first(estimator_seed, chosen, seed),
        plain=_is_plain(model),
        learning_shots=learning_shots,
    )


def _estimator_model(given: dict[str, Any], level: Any) -> EstimatorOptions:
    if type(level) is not int or level not in (0, 1, 2):
        raise ProgramError(Code.BAD_OPTION, "The option resilience_level must be 0, 1 or 2")
    with warnings.catch_warnings():
        # A forced twirling flag is told in the result's metadata.
        warnings.simplefilter("ignore", UserWarning)
        return finalize_estimator_options(_validated(EstimatorOptions, {**given, "resilience_level": level}))


def _is_plain(model: EstimatorOptions) -> bool:
    twirled = model.twirling.enable_gates or model.twirling.enable_measure
    mitigated = model.resilience.measure_mitigation or model.resilience.zne_mitigation
    return not (twirled or mitigated or model.dynamical_decoupling.enable)


def _first(*seeds: int | None) -> int | None:
    return next((seed for seed in seeds if seed is not None), None)


def _validated(model: type[Model], given: dict[str, Any]) -> Model:
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ProgramError(Code.BAD_OPTION, f"The option {place}: {first['msg']}") from None


def _seed(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < 2**53:
        raise ProgramError(Code.BAD_OPTION, f"The option {name} must be a whole number from 0 to 2^53 - 1")
    return value


def _shots(name: str, value: Any, default: int) -> int:
    if value is None:
        return default
    if type(value) is not int or value < 1:
        raise ProgramError(Code.SHOTS_RANGE, f"The option {name} must be a whole number above 0")
    return value


def _check_execution(execution: Mapping[str, Any], device: Device) -> None:
    if execution.get("init_qubits") is False:
        told = "the simulation begins each shot in the ground state"
        raise ProgramError(
            Code.OPTION_NOT_OFFERED, f"The option execution.init_qubits=False isn't offered here: {told}"
        )
    if execution.get("meas_type", "classified") in ("kerneled", "avg_kerneled"):
        told = f"The option execution.meas_type={execution['meas_type']} isn't offered here"
        raise ProgramError(Code.OPTION_NOT_OFFERED, f"{told}: only bits are measured")
    if execution.get("rep_delay") is not None:
        check_rep_delay(execution["rep_delay"], device)


def check_rep_delay(value: Any, device: Device) -> None:
    """Refuse a delay (seconds) that the backend's configuration doesn't allow."""
    if type(value) not in (int, float):
        raise ProgramError(Code.BAD_OPTION, "The option execution.rep_delay must be a number of seconds")
    if not device.configuration.get("dynamic_reprate_enabled"):
        told = f"The option execution.rep_delay isn't offered by {device.name}"
        raise ProgramError(Code.OPTION_NOT_OFFERED, told)
    low, high = device.configuration.get("rep_delay_range") or (0.0, 0.0)
    if not low / MICRO <= value <= high / MICRO:
        told = f"The option execution.rep_delay must be from {low / MICRO} to {high / MICRO} seconds"
        raise ProgramError(Code.BAD_OPTION, told)


def _check_dynamical_decoupling(enabled: bool, device: Device) -> None:
    if enabled and (device.is_simulator or device.target.dt is None):
        told = f"{device.name} has no gate times"
        raise ProgramError(
            Code.OPTION_NOT_OFFERED, f"The option dynamical_decoupling.enable isn't offered here: {told}"
        )


def _check_amplifier(given: Mapping[str, Any]) -> None:
    amplifier = given.get("resilience", {}).get("zne", {}).get("amplifier")
    if amplifier == "pea":
        told = "it needs a learned noise model; use gate folding"
        raise ProgramError(
            Code.OPTION_NOT_OFFERED, f"The option resilience.zne.amplifier=pea isn't offered here: {told}"
        )


def _learning_shots(given: dict[str, Any]) -> int | None:
    """Take out the calibration's shots per randomization, which the option model doesn't know."""
    learning = given.get("resilience", {}).get("measure_noise_learning", {})
    value = learning.pop("shots_per_randomization", None)
    if value in (None, "auto"):
        return None
    return _shots("resilience.measure_noise_learning.shots_per_randomization", value, 0)
