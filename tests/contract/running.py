"""Calls made up from the description, by people of every role, about things that exist and that don't."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi import checks

from quantumsvc.asgi import BareHandler

CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@dataclass
class Tally:
    """How often each operation answered what, and what was wrong."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def report(self, role: str) -> str:
        """Some lines for people."""
        statuses = Counter[int]()
        for (_, status), number in self.answers.items():
            statuses[status] += number
        told = ", ".join(f"{status}: {number}" for status, number in sorted(statuses.items()))
        operations = len({name for name, _ in self.answers})
        head = f"{role}: {statuses.total()} calls of {operations} operations ({told})"
        return "\n".join([head, *(f"  FAULT {fault}" for fault in self.faults)])


def described_api() -> Any:
    """The API by its own description, as the service serves both."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", BareHandler())


@contextmanager
def one_connection() -> Iterator[None]:
    """The calls share the test's transaction: no request closes the connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@dataclass(frozen=True)
class Run:
    """One person who calls every operation some times; ``known`` are parts of addresses that exist."""

    headers: dict[str, str]
    known: dict[str, str]
    examples: int
    first_number: int = 0

    def everywhere(self) -> Tally:
        """Call everything; nothing of it stays."""
        with one_connection():
            return self._over(described_api())

    def _over(self, api: Any) -> Tally:
        tally = Tally()
        for number, found in enumerate(api.get_all_operations()):
            operation = found.ok()
            for aim in (True, False):
                mode = MODES[(number + aim + self.first_number) % 2]
                self._call(operation, mode, aim, tally)
        return tally

    def _call(self, operation: Any, mode: Any, aim: bool, tally: Tally) -> None:
        named = self._place(operation) if aim else {}
        strategy = operation.as_strategy(generation_mode=mode, path_parameters=named or None)
        attempt = self._attempt(operation, aim, tally)
        often = settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            often(seed(self.first_number)(given(strategy)(attempt)))()  # type: ignore[no-untyped-call]
        except Unsatisfiable:
            # Some operations take nothing that could be wrong.
            if mode is MODES[0]:
                raise

    def _attempt(self, operation: Any, aim: bool, tally: Tally) -> Callable[[Any], None]:
        def attempt(case: Any) -> None:
            if aim and isinstance(case.body, dict) and "backend" in case.body:
                case.body["backend"] = self.known["name"]
            with transaction.atomic():
                response = case.call(headers=self.headers)
                transaction.set_rollback(True)
            tally.answers[operation.label, response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except BaseExceptionGroup as broken:
                problem = "; ".join(str(each) for each in broken.exceptions)
                tally.faults.append(f"{operation.label}: {problem}"[:2000])

        return attempt

    def _place(self, operation: Any) -> dict[str, str]:
        names = [each.name for each in operation.path_parameters]
        kind = operation.path.removeprefix("/api/v1/").removeprefix("/legacy/").partition("/")[0]
        idents = {
            "ident": self.known.get(f"{kind} {operation.path.count('/alerts/')}", self.known.get(kind, ""))
        }
        found = {**self.known, **idents}
        return {name: found[name] for name in names if found.get(name)}
