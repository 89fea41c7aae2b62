"""Circuits written in OpenQASM 3, as those send them who use no Qiskit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from quantumsvc.backends.programs.errors import Code, ProgramError
from quantumsvc.wire.decode_errors import DecodeError
from tests.programs.conftest import Runner
from tests.programs.payloads import decoded

# In the gates of the 7-qubit device: a rotation that turns 0 into an even mixture, and a CNOT.
BELL = """
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] meas;
rz(pi/2) q[0]; sx q[0]; rz(pi/2) q[0];
cx q[0], q[1];
meas = measure q;
"""
HEAD = 'OPENQASM 3.0; include "stdgates.inc"; '


def params(*pubs: list[Any], **options: Any) -> bytes:
    return json.dumps({"pubs": pubs, "version": 2, "options": options}).encode()


def test_it_runs_a_circuit_in_openqasm(run: Runner) -> None:
    body = run("sampler", params([BELL, None, 2000], simulator={"seed_simulator": 1}))
    counts = decoded(body)[0].data.meas.get_counts()
    assert sum(counts.values()) == 2000
    assert counts["00"] + counts["11"] > 1700


def test_it_estimates_with_a_parameter_and_plain_lists(run: Runner) -> None:
    turned = 'OPENQASM 3.0; include "stdgates.inc"; input float turn; qubit[1] q; rz(turn) q[0]; sx q[0];'
    found = decoded(run("estimator", params([turned, {"Z": 1.0}, [[0.0], [1.0]]])))[0].data
    assert found.evs.shape == (2,)
    assert abs(found.evs).max() < 0.2, "half way between 0 and 1, whatever the phase before"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('OPENQASM 2.0; include "qelib1.inc"; qreg q[2];', "must begin with OPENQASM 3.0"),
        ("OPENQASM 3.0; qubit[2", "not well-formed"),
        ('OPENQASM 3.0; include "/etc/passwd"; qubit q;', "non-stdgates"),
        (HEAD + "qubit q; nope q;", "'nope' is not defined"),
        (HEAD + "qubit[1_000_000_000] q;", "size above"),
        (HEAD + "qubit q; rz(" + "-" * 3000 + "1) q;", "nested too deeply"),
        (HEAD + "//" + "x" * 200_000, "at most 200000 characters"),
    ],
    ids=["version 2", "cut", "include", "gate", "size", "nesting", "length"],
)
def test_it_refuses_what_it_can_not_read(run: Runner, text: str, told: str) -> None:
    with pytest.raises((DecodeError, ProgramError)) as refused:
        run("sampler", params([text]))
    assert told in str(refused.value)


def test_it_refuses_gates_that_the_device_has_not(run: Runner) -> None:
    with pytest.raises(ProgramError) as refused:
        run("sampler", params([HEAD + "qubit q; bit c; h q; c = measure q;"]))
    assert refused.value.code == Code.NOT_IN_BASIS
