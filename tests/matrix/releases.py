"""Which releases are tried, and with what they resolve on Python 3.11."""

from dataclasses import dataclass

# Some packages of the oldest environments are built, and their builds need what later setuptools left out.
BUILD_CONSTRAINTS = "setuptools<70\n"
OLD = ("numpy<2", "setuptools<70")
# From 1.9 on, this library tells the clients that a stream's proper end was a failure.
STREAM = ("websocket-client<1.9",)


@dataclass(frozen=True)
class Release:
    """One release of ``qiskit-ibm-runtime``: which script it runs, over which channel, and its pins."""

    version: str
    script: str
    channel: str
    pins: tuple[str, ...]


RELEASES = (
    Release("0.12.2", "session_v1", "ibm_quantum", ("qiskit==0.45.3", *OLD, *STREAM)),
    Release("0.13.0", "session_v1", "ibm_quantum", ("qiskit==0.45.3", *OLD, *STREAM)),
    Release("0.17.0", "session_v1", "ibm_quantum", ("qiskit==0.45.3", *OLD, *STREAM)),
    Release("0.23.0", "session_v1", "ibm_quantum", ("qiskit==1.0.2", *OLD, *STREAM)),
    Release("0.27.1", "session_v1", "ibm_quantum", ("qiskit==1.1.2", *OLD, *STREAM)),
    Release("0.28.0", "session_v2", "ibm_cloud", ("qiskit==1.1.2", *OLD)),
    Release("0.30.0", "session_v2", "ibm_cloud", ("qiskit==1.2.4", *OLD)),
    Release("0.36.1", "session_v2", "ibm_cloud", ("qiskit==1.4.2",)),
    Release("0.38.0", "session_v2", "ibm_cloud", ("qiskit==2.0.0",)),
    Release("0.49.0", "session_v2", "ibm_quantum_platform", ()),
    Release("0.50.0", "session_v2", "ibm_quantum_platform", ()),
    Release("0.51.0", "session_v2", "ibm_quantum_platform", ()),
)
