"""Operators act on backends and jobs through the API; nobody else does."""

import pytest

from quantumsvc.accounts.models import AuditEntry
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from sessions_app.models import Job
from tests.api.callers import Caller, make_caller, message, refusal
from tests.api.conftest import Time
from tests.api.work import post_job
from tests.services.worker import Worker

BACKEND_ACTS = ("pause", "resume", "drain", "offline", "online")


@pytest.fixture
def olga(alice: Caller) -> Caller:
    """An operator, who is no member."""
    return make_caller(alice.instance, None, is_operator=True)


def test_it_pauses_drains_and_goes_on(olga: Caller, backend: Backend) -> None:
    def status(act: str, **body: str) -> tuple[str, bool, str]:
        answer = olga.post(f"/backends/{backend.name}/{act}", body or None)
        assert answer.status_code == 200, answer.content
        told = answer.json()
        return told["status"], told["state"], told["message"]

    assert status("pause", reason="odd") == ("paused", True, "odd")
    assert status("resume") == ("active", True, "available")
    assert status("drain", reason="warm") == ("offline", False, "warm")
    assert status("online") == ("active", True, "available")
    assert status("offline", reason="fire") == ("offline", False, "fire")
    entries = list(AuditEntry.objects.filter(object_kind="backend").values_list("actor", "via", "address"))
    assert entries == [(olga.user.pk, "api", "127.0.0.1")] * 5


@pytest.mark.parametrize("act", BACKEND_ACTS)
@pytest.mark.parametrize("role", Role)
def test_it_lets_no_member_operate(alice: Caller, backend: Backend, act: str, role: Role) -> None:
    member = make_caller(alice.instance, role)
    before = Backend.objects.values().get()
    assert refusal(member.post(f"/backends/{backend.name}/{act}", {"reason": "why"})) == (403, 1200)
    assert Backend.objects.values().get() == before


@pytest.mark.parametrize(
    "body", [None, {}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": "a\0b"}, b"["]
)
def test_it_wants_a_reason(olga: Caller, backend: Backend, body: object) -> None:
    for act in ("pause", "drain", "offline"):
        assert refusal(olga.post(f"/backends/{backend.name}/{act}", body)) == (400, 1210)
    assert Backend.objects.get().accepts_starts


def test_it_says_what_is_so_already(olga: Caller, backend: Backend) -> None:
    answer = olga.post(f"/backends/{backend.name}/online")
    assert refusal(answer) == (409, 1409)
    assert "online already" in message(answer)


def test_it_requeues_a_running_job(alice: Caller, olga: Caller, backend: Backend, time: Time) -> None:
    ident = post_job(alice, backend)
    assert refusal(olga.post(f"/jobs/{ident}/requeue", {"reason": "why"})) == (409, 1409)
    Worker(backend).start(1)
    assert refusal(alice.post(f"/jobs/{ident}/requeue", {"reason": "why"})) == (403, 1200)
    assert refusal(olga.post(f"/jobs/{ident}/requeue")) == (400, 1210)
    assert olga.post(f"/jobs/{ident}/requeue", {"reason": "stuck"}).status_code == 204
    assert Job.objects.get(pk=ident).state == "queued"
    assert AuditEntry.objects.get(action="job.requeued").reason == "stuck"
