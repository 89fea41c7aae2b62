"""No fault of the service, no status and no body that the description does not tell of."""

import dataclasses
import os

import pytest

from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from tests.api.callers import Caller, make_caller
from tests.api.conftest import alice as alice
from tests.api.conftest import bare as bare
from tests.api.conftest import lab as lab
from tests.api.conftest import time as time
from tests.architecture.test_tenancy import closed as closed
from tests.architecture.test_tenancy import owned as owned
from tests.contract.running import Run

ROLES = ("reader", "writer", "manager", "operator", "nobody")
# So often is each operation called by each, for what exists and for what doesn't.
SHORT, LONG = 1, int(os.environ.get("CONTRACT_EXAMPLES", "25"))


def headers_of(role: str, alice: Caller) -> dict[str, str]:
    """What somebody of that role sends; old clients' header too."""
    if role == "nobody":
        return {"Accept-Encoding": "identity"}
    kinds = {"reader": Role.READER, "manager": Role.MANAGER, "operator": Role.READER}
    caller = alice if role == "writer" else make_caller(alice.instance, kinds[role])
    if role == "operator":
        User.objects.filter(pk=caller.user.pk).update(is_operator=True)
    token = caller.headers["Authorization"].removeprefix("Bearer ")
    return {**caller.headers, "X-Access-Token": token, "Accept-Encoding": "identity"}


@pytest.fixture
def known(owned: dict[str, str], lab: Instance, closed: Backend) -> dict[str, str]:
    """Parts of addresses that exist."""
    return {
        **owned,
        "name": closed.name,
        "crn": lab.crn,
        "plan_id": "plan-open",
        "backends 1": owned["alerts"],
        "backends": "current",
    }


@pytest.mark.parametrize("role", ROLES)
def test_it_keeps_to_its_description(alice: Caller, known: dict[str, str], role: str) -> None:
    run = Run(headers_of(role, alice), known, SHORT, ROLES.index(role))
    assert run.everywhere().faults == []


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_it_keeps_to_its_description_through_many_calls(
    alice: Caller, known: dict[str, str], role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(headers_of(role, alice), known, LONG)
    tallies = [dataclasses.replace(run, first_number=number).everywhere() for number in range(2)]
    with capsys.disabled():
        for tally in tallies:
            print("\n" + tally.report(role))  # noqa: T201
    assert [fault for tally in tallies for fault in tally.faults] == []
