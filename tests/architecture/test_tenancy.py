"""Nothing of one tenant is shown to another: every address of the service, one by one.

``ROUTES`` names all addresses. A new one fails the first test until it is listed here with what a
stranger gets.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from quantumsvc.accounts.api import channel
from quantumsvc.accounts.pages import urls as account_pages
from quantumsvc.backends.models import Backend
from quantumsvc.notices import pages as notice_pages
from quantumsvc.notices.models import Subscription
from reservations_app.api import urls as reservation_urls
from reservations_app.pages import urls as reservation_pages
from sessions_app.legacy import urls as legacy
from sessions_app.models import BackendAlert, CalibrationRun, Job, Session
from sessions_app.pages import urls as page_urls
from sessions_app.services.calibrations.planning import create_schedule
from tests.api.callers import Caller, refusal
from tests.api.conftest import alice as alice
from tests.api.conftest import bare as bare
from tests.api.conftest import lab as lab
from tests.api.conftest import stranger as stranger
from tests.api.conftest import time as time
from tests.api.work import job_of, post_job, post_session
from tests.factories import START, at, make_backend
from tests.services.worker import Worker

# Of one object: the methods with which a stranger asks for it, and must get 404.
OBJECTS: dict[str, tuple[str, ...]] = {
    "backends/<str:name>/configuration": ("GET",),
    "backends/<str:name>/properties": ("GET",),
    "backends/<str:name>/status": ("GET",),
    "backends/<str:name>/defaults": ("GET",),
    "backends/<str:name>/pause": ("POST",),
    "backends/<str:name>/resume": ("POST",),
    "backends/<str:name>/drain": ("POST",),
    "backends/<str:name>/offline": ("POST",),
    "backends/<str:name>/online": ("POST",),
    "backends/<str:name>/calibrations": ("GET", "POST"),
    "backends/<str:name>/calibrations/compare": ("GET",),
    "backends/<str:name>/calibrations/<str:ident>": ("GET",),
    "backends/<str:name>/calibration-policy": ("GET", "PATCH"),
    "backends/<str:name>/alerts": ("GET",),
    "backends/<str:name>/alerts/<str:ident>/seen": ("POST",),
    "calibrations/<str:ident>": ("GET",),
    "calibrations/<str:ident>/cancel": ("POST",),
    "calibrations/<str:ident>/logs": ("GET",),
    "calibration-schedules/<str:ident>": ("GET", "PATCH", "DELETE"),
    "sessions/<str:ident>": ("GET", "PATCH"),
    "sessions/<str:ident>/close": ("DELETE",),
    "sessions/<str:ident>/extend": ("POST",),
    "sessions/<str:ident>/queue": ("GET",),
    "notifications/<str:ident>": ("GET", "PATCH", "DELETE"),
    "notifications/<str:ident>/test": ("POST",),
    "notifications/<str:ident>/deliveries": ("GET",),
    "jobs/<str:ident>": ("GET", "DELETE"),
    "jobs/<str:ident>/cancel": ("POST",),
    "jobs/<str:ident>/requeue": ("POST",),
    "jobs/<str:ident>/queue": ("GET",),
    "jobs/<str:ident>/results": ("GET",),
    "jobs/<str:ident>/interim_results": ("GET",),
    "jobs/<str:ident>/transpiled_circuits": ("GET",),
    "jobs/<str:ident>/metrics": ("GET",),
    "jobs/<str:ident>/logs": ("GET",),
    "jobs/<str:ident>/tags": ("PUT",),
}
# Lists and sums: what a stranger reads there tells nothing of others.
LISTS = (
    "backends",
    "jobs",
    "calibrations",
    "calibration-schedules",
    "instance",
    "instances/usage",
    "instances/configuration",
    "instances/ledger",
    "analytics/usage",
    "analytics/usage_grouped",
    "analytics/usage_grouped_by_date",
    "analytics/filters",
    "notifications",
    "tags",
    "workloads",
)
# The same for everybody; and what an account tells, which test_workloads asks as a stranger.
TOLD_TO_ALL = ("versions", "accounts/<str:ident>")
# Makes things of one's own; what the body names is covered below.
MAKERS = ("sessions", "jobs")
# Reservations, whose own suite asks each of them as a stranger.
RESERVATIONS = {str(each.pattern) for each in reservation_urls.urlpatterns}
RUNTIME = {*OBJECTS, *LISTS, *TOLD_TO_ALL, *MAKERS, *RESERVATIONS}
MOUNTS = ("experimental/", "api/v1/")

# The control plane, whose own suite proves it, and what holds nothing of anybody.
OTHERS = {
    "health",
    "api/v1/openapi.json",
    "api/v1/openapi.yaml",
    "docs/api",
    "identity/token",
    "v3/resources/search",
    "v2/resource_instances",
    "v2/resource_instances/<path:crn>",
    "catalog/<str:plan_id>",
    "^(?:api/v1/)?(?P<plan_id>plan-[^/]*)$",
    "^(?:experimental|api)(?:/.*)?$",
}
# The addresses of old clients, which tests/legacy asks one by one.
OF_OLD_CLIENTS = {
    *(f"auth/{each.pattern}" for each in (*channel.urlpatterns, *legacy.account_urlpatterns)),
    *(
        f"{mount}{each.pattern}"
        for each in legacy.urlpatterns
        for mount in ("legacy/", "legacy/experimental/")
    ),
    "^(?:auth|legacy)(?:/.*)?$",
}
# Pages with a login of their own.
PAGES = ("admin/",)
# The pages, whose own suite asks each of them as a stranger.
OF_PEOPLE = {
    str(each.pattern)
    for each in (
        *account_pages.urlpatterns,
        *notice_pages.urlpatterns,
        *page_urls.urlpatterns,
        *reservation_pages.urlpatterns,
    )
}

BODIES: dict[str, Any] = {
    "POST": {"max_ttl": 28_800},
    "PATCH": {"accepting_jobs": False},
    "PUT": {"tags": ["taken over"]},
}


def addresses(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern):
            yield address


def test_it_knows_every_address() -> None:
    found = {one for one in addresses(get_resolver().url_patterns) if not one.startswith(PAGES)}
    assert found == OTHERS | OF_PEOPLE | OF_OLD_CLIENTS | {
        mount + route for mount in MOUNTS for route in RUNTIME
    }


@pytest.fixture
def closed(alice: Caller) -> Backend:
    """A backend that only Alice's instance may use."""
    backend = make_backend(open_to_all=False)
    backend.grants.create(instance=alice.instance)
    return backend


@pytest.fixture
def owned(alice: Caller, closed: Backend) -> dict[str, str]:
    """One of everything, with contents: an ended job and an open session."""
    job = post_job(alice, closed, tags=["secret tag"])
    worker = Worker(closed)
    worker.start(1)
    worker.turn(2, end="completed", log="secret line", result=b'"secret"', quantum_seconds=9.0)
    hook = Subscription.objects.create(
        user=alice.user, channel="webhook", address="https://secret.example.org/", kinds=["job.ended"],
        salt="salt", created_at=START, created_by=alice.user,
    )  # fmt: skip
    client = request_client_calibration(alice, closed)
    alert = BackendAlert.objects.create(backend=closed, kind="drift", at=at(1), text="secret alert")
    fields = {"name": "secret plan", "rrule": "FREQ=DAILY", "starts_at": at(1)}
    plan = create_schedule(backend=closed, fields=fields, by=None, now=at(1))
    return {
        "backends": closed.name,
        "jobs": job,
        "sessions": post_session(alice, closed),
        "notifications": hook.pk,
        "calibrations": client.pk,
        "calibration-schedules": plan.pk,
        "alerts": alert.pk,
    }


def request_client_calibration(alice: Caller, backend: Backend) -> CalibrationRun:
    """One that a member asked for, who may therefore read its log."""
    type(alice.instance).objects.filter(pk=alice.instance.pk).update(may_calibrate=True)
    params = {"schema_version": "v0.1", "options": {"experimental": {}}}
    job = post_job(alice, backend, program_id="calibrate", params=params)
    return CalibrationRun.objects.get(job=job)


def address_of(route: str, owned: dict[str, str]) -> str:
    kind, _, rest = route.partition("/")
    address = f"/{kind}/{owned[kind]}{rest.partition('>')[2]}"
    if "/alerts/" in address:
        return address.replace("<str:ident>", owned["alerts"])
    return address.replace("<str:ident>", "current").replace("/compare", "/compare?before=current")


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Job, Session)]


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("route", OBJECTS)
def test_it_answers_404_to_a_stranger(
    alice: Caller, stranger: Caller, owned: dict[str, str], route: str, mount: str
) -> None:
    caller = stranger.based(f"/{mount.rstrip('/')}")
    before = rows()
    for method in OBJECTS[route]:
        answer = caller.call(method, address_of(route, owned), BODIES.get(method))
        unknown = dict.fromkeys(owned, "nothing")
        never = caller.call(method, address_of(route, unknown), BODIES.get(method))
        assert refusal(answer)[0] == 404
        assert answer.json()["errors"] == never.json()["errors"], "told as if it did not exist"
        assert "secret" not in answer.content.decode()
    assert rows() == before
    if "GET" in OBJECTS[route]:
        assert alice.get(address_of(route, owned)).status_code == 200, "the owner sees it"


@pytest.mark.parametrize("route", LISTS)
def test_it_lists_nothing_foreign(stranger: Caller, owned: dict[str, str], route: str) -> None:
    answer = stranger.get(f"/{route}")
    assert answer.status_code == 200
    assert not any(name in answer.content.decode() for name in (*owned.values(), "secret"))
    counts = {
        "jobs": "count",
        "instances/usage": "usage_consumed_seconds",
        "instances/configuration": "usage_consumed_seconds",
        "instances/ledger": "lines",
        "analytics/usage": "usage",
        "analytics/usage_grouped": "data",
        "analytics/usage_grouped_by_date": "data",
        "notifications": "subscriptions",
        "tags": "tags",
        "workloads": "total_count",
    }
    assert not answer.json().get(counts.get(route, ""), 0)


@pytest.mark.parametrize(
    "query",
    [
        {"tags": "secret tag"},
        {"backend": "{backends}"},
        {"session_id": "{sessions}"},
        {"pending": "false"},
        {"include_mocks": "true"},
    ],
    ids=lambda query: str(next(iter(query))),
)
def test_it_finds_nothing_foreign_by_any_filter(
    stranger: Caller, owned: dict[str, str], query: dict[str, str]
) -> None:
    asked = {name: value.format(**owned) for name, value in query.items()}
    body = stranger.get("/jobs", **asked).json()
    assert (body["jobs"], body["count"]) == ([], 0)


def test_it_makes_nothing_from_foreign_things(stranger: Caller, owned: dict[str, str]) -> None:
    own = make_backend()
    before = rows()
    for path, body in (
        ("/jobs", job_of(owned["backends"])),
        ("/jobs", job_of(own, session_id=owned["sessions"])),
        ("/jobs", job_of(owned["backends"], session_id=owned["sessions"])),
        ("/jobs", job_of(owned["backends"], start_session=True)),
        ("/sessions", {"backend": owned["backends"]}),
    ):
        assert refusal(stranger.post(path, body))[0] == 404
    assert rows() == before


def test_it_never_believes_the_header_alone(alice: Caller, stranger: Caller, owned: dict[str, str]) -> None:
    posing = stranger.having(Service_CRN=alice.instance.crn)
    for route, methods in OBJECTS.items():
        for method in methods:
            assert refusal(posing.call(method, address_of(route, owned), BODIES.get(method)))[0] == 403
    for route in LISTS:
        assert refusal(posing.get(f"/{route}"))[0] == 403
