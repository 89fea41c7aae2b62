"""A backend that needs a network gets its children from the network pool, or is held."""

import logging

import pytest
from pytest_django import Settings

from quantumsvc.backends.execution.client import PoolUnavailable
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.policy import Idle
from sessions_app.models import Job
from sessions_app.services.dispatch import Claim
from sessions_app.services.drain import look_at_backend
from sessions_app.services.pools import OUT_OF_REACH, hold_if_out_of_reach, pool_for
from sessions_app.services.submission import Author
from tests.factories import make_backend, submit
from tests.services.worker import Worker


@pytest.fixture
def remote(db: None) -> Backend:
    """A backend whose driver talks to a device."""
    return make_backend(driver="qiskit", driver_options={"path": "lab.Fridge", "network": True})


def test_it_chooses_the_pool_by_the_operators_options(
    settings: Settings, remote: Backend, backend: Backend
) -> None:
    settings.NETWORK_DRIVERS = True
    assert pool_for(remote).socket_path == settings.EXECUTION_NETWORK_SOCKET
    assert pool_for(backend).socket_path == settings.EXECUTION_SOCKET
    settings.NETWORK_DRIVERS = False
    assert pool_for(backend).socket_path == settings.EXECUTION_SOCKET
    with pytest.raises(PoolUnavailable, match="QUANTUMSVC_NETWORK_DRIVERS"):
        pool_for(remote)


def test_it_holds_a_backend_whose_pool_is_off_and_goes_on_later(
    settings: Settings, alice: Author, remote: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    job = submit(alice, remote)
    worker = Worker(remote)
    with caplog.at_level(logging.ERROR):
        hold_if_out_of_reach(Backend.objects.get(pk=remote.pk))
        hold_if_out_of_reach(Backend.objects.get(pk=remote.pk))
    assert caplog.messages == [f"backend {remote.name}: {OUT_OF_REACH}"]
    remote.refresh_from_db()
    assert (remote.is_paused, remote.status_message) == (True, OUT_OF_REACH)
    assert isinstance(worker.turn(1), Idle)
    settings.NETWORK_DRIVERS = True
    hold_if_out_of_reach(Backend.objects.get(pk=remote.pk))
    remote.refresh_from_db()
    assert (remote.is_paused, remote.status_message) == (False, "available")
    step = worker.turn(2)
    assert isinstance(step, Claim)
    assert step.job.pk == job.pk


def test_it_leaves_a_backend_paused_that_somebody_paused(settings: Settings, remote: Backend) -> None:
    Backend.objects.update(is_paused=True, status_message="cooling down")
    for settings.NETWORK_DRIVERS in (False, True):
        hold_if_out_of_reach(Backend.objects.get(pk=remote.pk))
        remote.refresh_from_db()
        assert (remote.is_paused, remote.status_message) == (True, "cooling down")


@pytest.mark.django_db(transaction=True)
def test_it_starts_no_job_of_a_backend_that_it_holds(
    alice: Author, remote: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.services.drain.LINGER", remote.created_at - remote.created_at)
    job = submit(alice, remote)
    look_at_backend(remote.pk)
    assert Job.objects.get(pk=job.pk).state == "queued"
    assert Job.objects.get(pk=job.pk).attempt == 0
