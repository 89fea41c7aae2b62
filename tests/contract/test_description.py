"""No fault of the service, no status and no body that the description does not tell of."""

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from quantumsvc.backends.models import Backend
from tests.api.callers import Caller
from tests.api.conftest import alice as alice
from tests.api.conftest import bare as bare
from tests.api.conftest import lab as lab
from tests.api.conftest import time as time
from tests.architecture.test_tenancy import closed as closed
from tests.architecture.test_tenancy import owned as owned
from tests.contract.running import Run
from tests.contract.telling import Tally, report, together
from tests.contract.world import World, make_people, make_world

ROLES = ("reader", "writer", "manager", "operator", "nobody")
# So often is each operation called by each, in each way.
SHORT, LONG = 1, int(os.environ.get("CONTRACT_EXAMPLES", "25"))
# Of what each member sends, half does what it asks; the rest is wrong on purpose, or not theirs to ask.
LEAST_SHARE = 0.4


@pytest.fixture
def people(alice: Caller, settings: Settings) -> dict[str, Caller]:
    settings.WEBHOOK_ALLOW = ["127.0.0.1"]
    return make_people(alice)


@pytest.fixture
def world(people: dict[str, Caller], owned: dict[str, str], closed: Backend) -> World:
    return make_world(people, owned, closed)


def run_of(role: str, people: dict[str, Caller], world: World, examples: int) -> Tally:
    """Everything, called by somebody of that role."""
    headers = people[role].headers if role in people else {}
    often = examples if role in people else max(SHORT, examples // 5)
    return Run({**headers, "Accept-Encoding": "identity"}, world, often, ROLES.index(role)).everywhere()


@pytest.mark.parametrize("role", ROLES)
def test_it_keeps_to_its_description(people: dict[str, Caller], world: World, role: str) -> None:
    assert run_of(role, people, world, SHORT).faults == []


@pytest.mark.slow
def test_it_keeps_to_its_description_through_many_calls(
    people: dict[str, Caller], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tallies = {role: run_of(role, people, world, LONG) for role in ROLES}
    told = report(tallies)
    with capsys.disabled():
        print("\n" + told)  # noqa: T201
    if kept := os.environ.get("CONTRACT_REPORT"):
        Path(kept).write_text(told + "\n")
    whole = together(tallies.values())
    assert whole.faults == []
    assert set(whole.operations) == whole.answered()
    assert min(tallies[role].share(2) for role in ROLES if role != "nobody") > LEAST_SHARE
