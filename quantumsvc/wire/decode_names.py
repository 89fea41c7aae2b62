"""What a circuit's file may name: kinds of gates, and nothing else.

A QPY file names the class of each gate, and of the way in which an evolution is synthesized. The library's
readers look such a name up as an attribute of one of four modules and call what they find with values of the
file: a function, or a method of the module itself. ``__setattr__`` would change the module for every later
job in the same process. So while a circuit is read, these modules answer with what a file may name only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from types import ModuleType
from typing import Any

import qiskit.circuit
from qiskit.circuit import (
    Bit,
    Operation,
    ParameterExpression,
    QuantumCircuit,
    Register,
    controlflow,
    library,
)
from qiskit.qpy.binary_io import parse_sympy_repr
from qiskit.synthesis import evolution
from qiskit.synthesis.evolution import EvolutionSynthesis

from quantumsvc.wire.decode_errors import BAD_QPY, DecodeError

KINDS = (Operation, EvolutionSynthesis, QuantumCircuit, Register, Bit, ParameterExpression)
"""Gates, ways of synthesis, and what the readers themselves take from these modules."""

NUMBERS = (int, float, complex, ParameterExpression)
_reading = local()


class _Named(ModuleType):
    """A module of which files name parts."""

    def __getattribute__(self, name: str) -> Any:
        found = ModuleType.__getattribute__(self, name)
        if getattr(_reading, "now", False) and callable(found) and not _may_be_named(found):
            raise AttributeError(f"a circuit's file may not name {name[:60]}")
        return found


def _may_be_named(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, KINDS)


@contextmanager
def reading() -> Iterator[None]:
    """What this thread does inside is read a circuit's file."""
    _reading.now = True
    try:
        yield
    finally:
        _reading.now = False


def _of_numbers(apply: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def applied(left: Any, right: Any) -> Any:
        if not (isinstance(left, NUMBERS) and isinstance(right, NUMBERS)):
            raise DecodeError(BAD_QPY, "A symbolic expression calculates with something that is no number")
        return apply(left, right)

    return applied


def _power(base: Any, exponent: Any) -> Any:
    """Whole numbers as floating ones: a few digits could ask for more of them than there is memory."""
    if isinstance(base, int) and isinstance(exponent, int):
        return float(base) ** float(exponent)
    return base**exponent


def let_gates_only_be_named() -> None:
    """Guard the four modules, and the arithmetic of texts that versions before 13 hold."""
    for module in (qiskit.circuit, library, controlflow, evolution):
        module.__class__ = _Named
    arithmetic = parse_sympy_repr.OPERATOR_FUNCTIONS
    for name, apply in {**arithmetic, "Pow": _power, "Div": operator.truediv}.items():
        arithmetic[name] = _of_numbers(apply)
