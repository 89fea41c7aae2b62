"""A dry run tells what a window would delay, and names only what its reader may see (E2)."""

from typing import Any

import pytest

from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.wire.times import iso_z
from reservations_app.models import Window
from tests.api.callers import Caller, make_caller
from tests.api.work import post_job
from tests.factories import at, make_instance
from tests.reservations.making import make_window

pytestmark = pytest.mark.usefixtures("time", "bare")


@pytest.fixture
def ann(db: None) -> Caller:
    return make_caller(make_instance(name="lab"), Role.MANAGER)


@pytest.fixture
def waiting(backend: Backend) -> tuple[Caller, str]:
    """Somebody else's job that waits, and may take two minutes."""
    other = make_caller(make_instance(name="rivals"))
    return other, post_job(other, backend, cost=120)


def impact(caller: Caller, backend: Backend, **over: Any) -> Any:
    body = {"backend": backend.name, "start": iso_z(at(60)), "end": iso_z(at(360)), **over}
    return caller.post("/reservations?dry_run=true", body).json()["impact"]


def test_it_tells_that_a_job_waits_until_the_window_is_over_and_not_whose(
    ann: Caller, backend: Backend, waiting: tuple[Caller, str]
) -> None:
    (later,) = impact(ann, backend)["later"]
    assert later == {"job": None, "before": iso_z(at(0)), "after": iso_z(at(360)), "seconds": 360.0}
    assert not Window.objects.exists()


def test_it_names_the_job_to_operators(ann: Caller, backend: Backend, waiting: tuple[Caller, str]) -> None:
    olga = make_caller(ann.instance, None, is_operator=True)
    assert [each["job"] for each in impact(olga, backend)["later"]] == [waiting[1]]


def test_it_delays_nobody_with_a_window_that_leaves_room(
    ann: Caller, backend: Backend, waiting: tuple[Caller, str]
) -> None:
    assert impact(ann, backend, start=iso_z(at(120)))["later"] == []


def test_it_foresees_nothing_for_time_that_is_taken(ann: Caller, backend: Backend) -> None:
    make_window(100, 200, backend=backend)
    assert impact(ann, backend) is None


def test_it_takes_the_old_window_away_when_a_move_is_asked_for(
    ann: Caller, backend: Backend, waiting: tuple[Caller, str]
) -> None:
    window = make_window(60, 360, backend=backend, instance=ann.instance)
    asked = {"start": iso_z(at(600)), "end": iso_z(at(900))}
    told = ann.patch(f"/reservations/{window.pk}?dry_run=true", asked).json()["impact"]
    (sooner,) = told["sooner"]
    assert (sooner["before"], sooner["after"]) == (iso_z(at(360)), iso_z(at(0)))
