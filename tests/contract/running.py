"""Calls made up from the description, by people of every role, about things that exist and that don't.

Half of them begin with what is known to work: an address of something that exists, and a body as the
description shows it. Some of these are sent as they are, the others with something changed. The rest is
made up by schemathesis alone, right and wrong.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi import checks

from quantumsvc.accounts.api.channel import failed_logins
from quantumsvc.accounts.api.tokens import failed_attempts
from quantumsvc.asgi import BareHandler
from quantumsvc.wire.versions import VERSIONS
from tests.contract.aiming import address_of, body_of, changed, query_of
from tests.contract.telling import Tally
from tests.contract.world import World

CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


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
    """One person who calls every operation: ``examples`` times with something made up, and twice as often
    with what should do.
    """

    headers: dict[str, str]
    world: World
    examples: int
    first_number: int = 0

    def everywhere(self) -> Tally:
        """Call everything; nothing of it stays."""
        tally = Tally()
        with one_connection():
            for number, found in enumerate(described_api().get_all_operations()):
                operation = found.ok()
                for attempt in range(2 * self.examples):
                    self._aimed(operation, Random(f"{operation.label} {attempt} {self.first_number}"), tally)
                # A short run takes turns.
                for aim in (True, False) if self.examples > 1 else (number % 2 == 0,):
                    mode = MODES[(number + aim + self.first_number) % 2]
                    self._made_up(operation, mode, aim, tally)
        return tally

    def _often(self, aim: bool) -> int:
        """What doesn't exist has little to say."""
        return self.examples if aim else max(1, self.examples // 5)

    def _aimed(self, operation: Any, random: Random, tally: Tally) -> None:
        """What should be answered; every other time with something changed in what is sent."""
        body, media = body_of(operation, self.world, random)
        query = query_of(operation, self.world, random)
        if random.random() < 0.5:
            query, body = changed(query, random), changed(body, random)
        case = operation.Case(
            path_parameters=address_of(operation.path, self.world, random),
            query=query,
            **({} if body is None else {"body": body, "media_type": media}),
        )
        version = random.choice([None, *(each.name for each in VERSIONS)])
        headers = self.headers | ({"IBM-API-Version": version} if version else {})
        answer = self._call(case, headers, tally)
        if mark := answer.headers.get("etag"):
            self._call(case, headers | {"If-None-Match": mark[0]}, tally)

    def _made_up(self, operation: Any, mode: Any, aim: bool, tally: Tally) -> None:
        named = address_of(operation.path, self.world, Random(operation.label)) if aim else {}
        strategy = operation.as_strategy(generation_mode=mode, path_parameters=named or None)
        often = settings(
            max_examples=self._often(aim),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            often(seed(self.first_number)(given(strategy)(self._attempt(aim, tally))))()  # type: ignore[no-untyped-call]
        except Unsatisfiable:
            # Some operations take nothing that could be wrong.
            if mode is MODES[0]:
                raise

    def _attempt(self, aim: bool, tally: Tally) -> Callable[[Any], None]:
        def attempt(case: Any) -> None:
            if aim and isinstance(case.body, dict) and "backend" in case.body:
                case.body["backend"] = self.world.places["backends"][0]
            self._call(case, self.headers, tally)

        return attempt

    def _call(self, case: Any, headers: dict[str, str], tally: Tally) -> Any:
        failed_attempts.clear()
        failed_logins.clear()
        with transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        tally.note(case.operation.label, response.status_code)
        try:
            case.validate_response(response, checks=CHECKS)
        except BaseExceptionGroup as broken:
            problem = "; ".join(str(each) for each in broken.exceptions)
            tally.faults.append(f"{case.operation.label}: {problem}"[:2000])
        return response
