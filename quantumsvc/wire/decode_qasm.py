"""Circuits written in OpenQASM 3, for those who send jobs without Qiskit."""

from __future__ import annotations

import contextlib
import io
import re

from qiskit import QuantumCircuit

from quantumsvc.wire.decode_budget import Budget
from quantumsvc.wire.decode_errors import BAD_QPY, TOO_MANY_QUBITS, DecodeError

MAX_CHARACTERS = 200_000
"""The reader takes about a second for these."""

# The white space after the word can't be in base64.
_BEGINNING = re.compile(r"\s*OPENQASM\s")
_VERSION = re.compile(r"\s*OPENQASM\s+3(\.[01])?\s*;")
_SIZE = re.compile(r"\[\s*([0-9_]+)\s*\]")


def is_qasm(text: str) -> bool:
    """Whether a circuit's text is OpenQASM, of whatever version, and no packed QPY."""
    return _BEGINNING.match(text) is not None


def read_qasm(text: str, budget: Budget) -> QuantumCircuit:
    """The circuit in a text of OpenQASM 3. Raises ``DecodeError``."""
    if len(text) > MAX_CHARACTERS:
        raise DecodeError(BAD_QPY, f"A circuit in OpenQASM may have at most {MAX_CHARACTERS} characters")
    if _VERSION.match(text) is None:
        raise DecodeError(BAD_QPY, "A circuit in OpenQASM must begin with OPENQASM 3.0; or 3.1;")
    budget.take(len(text.encode()))
    # A few characters can name more bits than fit into memory.
    if max((int(size.replace("_", "") or 0) for size in _SIZE.findall(text)), default=0) > budget.max_qubits:
        told = f"A circuit in OpenQASM names a size above {budget.max_qubits}"
        raise DecodeError(TOO_MANY_QUBITS, told)
    return _parsed(text)


def _parsed(text: str) -> QuantumCircuit:
    # Needed by few jobs, and slow to import.
    import qiskit_qasm3_import

    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return qiskit_qasm3_import.parse(text)
    except MemoryError:
        raise
    except RecursionError:
        raise DecodeError(BAD_QPY, "A circuit in OpenQASM is nested too deeply") from None
    except Exception as error:
        told = str(error).splitlines()[0][:200] if str(error) else "it is not well-formed"
        raise DecodeError(BAD_QPY, f"A circuit in OpenQASM can't be read: {told}") from None
