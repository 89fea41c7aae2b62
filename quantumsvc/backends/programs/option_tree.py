"""The options of sampler and estimator jobs: each is honoured or refused by its name.

The trees below list every option that the client can send. A leaf says what happens to it:
``HONOURED``, or why it can't be had here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumsvc.backends.programs.errors import Code, ProgramError

HONOURED = ""
Tree = Mapping[str, Any]

NO_NOISE_MODEL = "a simulator's noise is that of the backend you choose"
NO_COUPLING = "a backend's connections and gates are fixed; choose another backend"
NO_PEC = "it needs a learned noise model, and noise learning isn't offered yet"
NO_LEARNING = "noise learning isn't offered yet"

DYNAMICAL_DECOUPLING: Tree = {
    "enable": HONOURED,
    "sequence_type": HONOURED,
    "extra_slack_distribution": HONOURED,
    "scheduling_method": HONOURED,
    "skip_reset_qubits": HONOURED,
}
TWIRLING: Tree = {
    "enable_gates": HONOURED,
    "enable_measure": HONOURED,
    "num_randomizations": HONOURED,
    "shots_per_randomization": HONOURED,
    "strategy": HONOURED,
    "group": HONOURED,
}
SIMULATOR: Tree = {
    "seed_simulator": HONOURED,
    "noise_model": NO_NOISE_MODEL,
    "coupling_map": NO_COUPLING,
    "basis_gates": NO_COUPLING,
}
EXECUTION: Tree = {"init_qubits": HONOURED, "rep_delay": HONOURED}
RESILIENCE: Tree = {
    "measure_mitigation": HONOURED,
    "measure_noise_learning": {"num_randomizations": HONOURED, "shots_per_randomization": HONOURED},
    "zne_mitigation": HONOURED,
    "zne": {
        "amplifier": HONOURED,
        "noise_factors": HONOURED,
        "extrapolator": HONOURED,
        "extrapolated_noise_factors": HONOURED,
    },
    "pec_mitigation": NO_PEC,
    "pec": {"max_overhead": NO_PEC, "noise_gain": NO_PEC},
    "layer_noise_learning": {
        "max_layers_to_learn": NO_LEARNING,
        "shots_per_randomization": NO_LEARNING,
        "num_randomizations": NO_LEARNING,
        "layer_pair_depths": NO_LEARNING,
    },
    "layer_noise_model": NO_LEARNING,
}
SAMPLER: Tree = {
    "default_shots": HONOURED,
    "dynamical_decoupling": DYNAMICAL_DECOUPLING,
    "twirling": TWIRLING,
    "execution": {**EXECUTION, "meas_type": HONOURED},
    "simulator": SIMULATOR,
    "experimental": {},
}
ESTIMATOR: Tree = {
    "default_shots": HONOURED,
    "default_precision": HONOURED,
    "seed_estimator": HONOURED,
    "dynamical_decoupling": DYNAMICAL_DECOUPLING,
    "twirling": TWIRLING,
    "resilience": RESILIENCE,
    "execution": EXECUTION,
    "simulator": SIMULATOR,
    "experimental": {},
}


def accepted(options: Mapping[str, Any], tree: Tree, path: str = "") -> dict[str, Any]:
    """What of ``options`` is set and honoured; raises ``ProgramError`` for the first that isn't.

    ``None`` means "not set". ``False`` asks for nothing, so switching off what isn't offered is fine.
    """
    found: dict[str, Any] = {}
    for name, value in options.items():
        full = f"{path}{name}"
        if name not in tree:
            raise ProgramError(Code.BAD_OPTION, f"There is no option {full[:100]!r}")
        kept = _accept(value, tree[name], full)
        if kept is not None:
            found[name] = kept
    return found


def _accept(value: Any, rule: Any, full: str) -> Any:
    if value is None or (isinstance(rule, str) and rule and value is False):
        return None
    if isinstance(rule, Mapping):
        if not isinstance(value, Mapping):
            raise ProgramError(Code.BAD_OPTION, f"The option {full} must be an object")
        return accepted(value, rule, f"{full}.")
    if rule:
        raise ProgramError(Code.OPTION_NOT_OFFERED, f"The option {full} isn't offered here: {rule}")
    return value
