"""Who hears what: sockets of several people while work goes on and rights change."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session as BrowserSession
from django.db import connection

from quantumsvc import clock
from quantumsvc.accounts.models import Membership, User
from quantumsvc.backends.models import Backend, BackendAccess
from sessions_app.services.endings import cancel_job
from sessions_app.services.opening import close_session
from sessions_app.services.submission import Author
from tests.factories import make_backend, make_user, open_, submit
from tests.live.conftest import Open, Socket, changed, refused, sign_in

pytestmark = pytest.mark.asyncio

RETURN = 4001


async def test_two_sockets_of_two_tenants_one_hears(
    connect: Open, alice: Author, stranger: Author, backend: Backend
) -> None:
    """Both hear that something changed on the backend they share, one hears what."""
    mine, theirs = await connect(alice.user), await connect(stranger.user)
    job = await changed(submit, alice, backend)
    assert await mine.work() == [(job.pk, "queued")]
    told = await theirs.changes()
    assert told == [{"kind": "backend", "id": str(backend.pk), "backend": backend.pk}]
    assert await theirs.hears_nothing()


async def test_an_operator_hears_all_tenants(
    connect: Open, alice: Author, stranger: Author, backend: Backend
) -> None:
    olga = await changed(make_user, is_operator=True)
    socket = await connect(olga)
    first = await changed(submit, alice, backend)
    assert await socket.work() == [(first.pk, "queued")]
    second = await changed(submit, stranger, backend)
    assert await socket.work() == [(second.pk, "queued")]


async def test_it_tells_ids_and_versions_and_no_contents(
    connect: Open, alice: Author, backend: Backend
) -> None:
    session = await changed(open_, alice, backend)
    socket = await connect(alice.user)
    job = await changed(submit, alice, backend, session_id=session.pk, tags=["secret"])
    told = [each for each in await socket.changes() if each["kind"] == "job"]
    assert told == [
        {
            "kind": "job",
            "id": job.pk,
            "instance": alice.instance.pk,
            "backend": backend.pk,
            "session": session.pk,
            "state": "queued",
            "version": 1,
            "new": True,
        }
    ]


async def test_it_hears_of_a_session_that_is_closed_while_jobs_wait(
    connect: Open, alice: Author, backend: Backend
) -> None:
    """Its state stays; its four words change (L16)."""
    session = await changed(open_, alice, backend)
    await changed(submit, alice, backend, session_id=session.pk)
    socket = await connect(alice.user)
    await changed(close_session, session=session, now=clock.now())
    assert (session.pk, "open") in await socket.work()


async def test_it_hears_nothing_of_what_was_rolled_back(
    connect: Open, alice: Author, backend: Backend
) -> None:
    def undone() -> None:
        connection.set_autocommit(False)
        submit(alice, backend)
        connection.rollback()
        connection.set_autocommit(True)

    socket = await connect(alice.user)
    await changed(undone)
    assert await socket.hears_nothing()


async def _stops_hearing(socket: Socket, author: Author, backend: Backend) -> None:
    await changed(submit, author, backend)
    assert await socket.closed_with() == RETURN
    assert await socket.communicator.receive_nothing()


async def test_it_stops_hearing_when_the_role_is_taken_away(
    connect: Open, alice: Author, backend: Backend, lab: Any
) -> None:
    rita = await changed(make_user)
    await changed(Membership.objects.create, user=rita, instance=lab, role="reader")
    key = await changed(sign_in, rita)
    socket = await connect(rita, key)
    await changed(lambda: Membership.objects.filter(user=rita).delete())
    await _stops_hearing(socket, alice, backend)
    again = await connect(rita, key)
    await changed(submit, alice, backend)
    assert {each["kind"] for each in await again.changes()} == {"backend"}
    assert await again.hears_nothing()


async def test_it_stops_hearing_when_the_user_signs_out(
    connect: Open, alice: Author, backend: Backend
) -> None:
    key = await changed(sign_in, alice.user)
    socket, other = await connect(alice.user, key), await connect(alice.user)
    await changed(lambda: BrowserSession.objects.filter(pk=key).delete())
    await _stops_hearing(socket, alice, backend)
    assert await other.work(), "another browser of the same user goes on"
    assert await refused(key)


@pytest.mark.parametrize("fact", [{"is_active": False}, {"password": "other"}, {"is_operator": False}])
async def test_it_stops_hearing_when_the_account_changes(
    connect: Open, alice: Author, backend: Backend, fact: dict[str, Any]
) -> None:
    await changed(lambda: User.objects.filter(pk=alice.user.pk).update(is_operator=True))
    key = await changed(sign_in, alice.user)
    socket = await connect(alice.user, key)
    await changed(lambda: User.objects.filter(pk=alice.user.pk).update(**fact))
    await _stops_hearing(socket, alice, backend)
    assert await refused(key) is ("is_operator" not in fact)


async def test_it_goes_on_hearing_when_somebody_else_s_role_changes(
    connect: Open, alice: Author, stranger: Author, backend: Backend
) -> None:
    socket = await connect(alice.user)
    await changed(lambda: Membership.objects.filter(user=stranger.user).delete())
    job = await changed(submit, alice, backend)
    assert await socket.work() == [(job.pk, "queued")]


async def test_it_hears_nothing_of_a_backend_that_it_may_not_see(
    connect: Open, alice: Author, stranger: Author
) -> None:
    closed = await changed(make_backend, open_to_all=False)
    await changed(BackendAccess.objects.create, backend=closed, instance=alice.instance)
    mine, theirs = await connect(alice.user), await connect(stranger.user)
    await changed(submit, alice, closed)
    assert {each["kind"] for each in await mine.changes()} == {"job", "backend"} or await mine.changes()
    assert await theirs.hears_nothing()


async def test_it_looks_again_at_who_may_see_a_backend(
    connect: Open, stranger: Author, alice: Author
) -> None:
    closed = await changed(make_backend, open_to_all=False)
    grant = await changed(BackendAccess.objects.create, backend=closed, instance=alice.instance)
    socket = await connect(alice.user)
    await changed(grant.delete)
    assert await socket.closed_with() == RETURN


async def test_it_lets_in_only_pages_of_its_own(bells: None, alice: Author) -> None:
    key = await changed(sign_in, alice.user)
    foreign = ((b"origin", b"http://elsewhere"), (b"host", b"testserver"))
    assert await refused(key, headers=foreign)
    assert await refused(key, headers=((b"host", b"testserver"),))
    assert await refused("")
    assert await refused("no such session")
    assert not await refused(key)


async def test_a_cancelled_job_is_told_with_its_last_state_only(
    connect: Open, alice: Author, backend: Backend
) -> None:
    """Two changes of one job within the joining time are one."""
    socket = await connect(alice.user)
    first = await changed(submit, alice, backend)
    assert await socket.work() == [(first.pk, "queued")]

    def submit_and_cancel() -> str:
        job = submit(alice, backend)
        cancel_job(job=job, now=clock.now())
        return job.pk

    ident = await changed(submit_and_cancel)
    assert await socket.work() == [(ident, "cancelled")]
