"""A session without Qiskit: only the standard library, and circuits in OpenQASM 3.

Run it in a shell where ``eval "$(.venv/bin/python manage.py client --shell)"`` was done.
"""

import base64
import json
import math
import os
import struct
import urllib.error
import urllib.request
import zlib
from collections import Counter
from typing import Any

BACKEND = os.environ.get("QUANTUMSVC_BACKEND", "demo_nairobi")
# One turn of a parameter, in the gates of the device, then a CNOT: a pair that is even or not.
CIRCUIT = """
OPENQASM 3.0;
include "stdgates.inc";
input float turn;
qubit[2] q;
bit[2] meas;
sx q[0]; rz(turn) q[0]; sx q[0];
cx q[0], q[1];
meas = measure q;
"""


def call(method: str, path: str, body: Any = None) -> Any:
    """One call of the API; what it answers. An error ends the program with the service's own words."""
    request = urllib.request.Request(
        os.environ["QISKIT_IBM_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"apikey {os.environ['QISKIT_IBM_TOKEN']}",
            "Service-CRN": os.environ["QISKIT_IBM_INSTANCE"],
            "IBM-API-Version": "2026-04-15",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"{refused.code}: {refused.read().decode()}") from None
    return json.loads(text) if text else None


def sample(session: str, angles: list[float]) -> str:
    """Send a job that runs the circuit once for each angle, a thousand shots each; its id."""
    params = {"version": 2, "pubs": [[CIRCUIT, [[angle] for angle in angles], 1000]]}
    job = {"program_id": "sampler", "backend": BACKEND, "session_id": session, "params": params}
    return str(call("POST", "/jobs", job)["id"])


def result_of(job: str) -> Any:
    """Wait for a job and read its result. The call is answered when the state changes, or soon after."""
    while (state := call("GET", f"/jobs/{job}?exclude_params=true")["state"])["status"] in (
        "Queued",
        "Running",
    ):
        pass
    if state["status"] != "Completed":
        raise SystemExit(f"{state['status']}: {state.get('reason')}")
    return call("GET", f"/jobs/{job}/results")


def array(form: dict[str, Any]) -> tuple[list[int], bytes]:
    """Shape and bytes of an ``ndarray``: base64 of zlib of a ``.npy`` file, here of single bytes."""
    raw = zlib.decompress(base64.b64decode(form["__value__"]))
    (length,) = struct.unpack("<H", raw[8:10])
    header = raw[10 : 10 + length].decode()
    shape = header.partition("'shape': (")[2].partition(")")[0]
    return [int(part) for part in shape.split(",") if part.strip()], raw[10 + length :]


def counts_of(result: Any) -> list[Counter[str]]:
    """How often which bits were seen, for each angle."""
    pub = result["__value__"]["pub_results"][0]["__value__"]
    bits = pub["data"]["__value__"]["fields"]["meas"]["__value__"]
    (sets, shots, width), raw = array(bits["array"])
    rows = [raw[at : at + width] for at in range(0, sets * shots * width, width)]
    texts = [f"{int.from_bytes(row, 'big'):0{bits['num_bits']}b}" for row in rows]
    return [Counter(texts[at : at + shots]) for at in range(0, sets * shots, shots)]


def main() -> None:
    """Turn a qubit through half a turn in a session, and see what was charged for it."""
    body = {"backend": BACKEND, "mode": "dedicated", "max_ttl": "5m"}
    session = call("POST", "/sessions", body)["id"]
    try:
        angles = [step * math.pi / 4 for step in range(5)]
        for angle, counts in zip(angles, counts_of(result_of(sample(session, angles))), strict=True):
            print(f"angle {angle:.2f}: {dict(sorted(counts.items()))}")
    finally:
        call("PATCH", f"/sessions/{session}", {"accepting_jobs": False})
    told = call("GET", f"/sessions/{session}")
    print(f"session {session} is {told['state']} and cost {told['elapsed_time']:.2f} s")
    usage = call("GET", "/instances/usage")
    print(f"the instance has used {usage['usage_consumed_seconds']} s in 28 days")


if __name__ == "__main__":
    main()
