"""What every REST call has in common: one shape of errors, bodies, parameters."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import DataError
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import path
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import exceptions as rest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import api, errors
from quantumsvc.accounts.api.urls import urlpatterns as control_plane
from quantumsvc.accounts.models import User
from quantumsvc.wire.times import iso_z, parse_time
from tests.accounts.conftest import People
from tests.accounts.conftest import noon as noon
from tests.accounts.conftest import people as people

pytestmark = pytest.mark.urls(__name__)

RAISED: dict[str, Exception] = {}


class Failing(APIView):
    """Raises what the test has prepared."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        raise RAISED["next"]


class Echo(APIView):
    """Tells what it understood."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        page = api.page_of(request, default=5, maximum=20)
        told = {"limit": page.limit, "offset": page.offset, "version": str(api.api_version(request))}
        told["flag"] = str(api.bool_parameter(request, "flag"))
        told["after"] = str(api.time_parameter(request, "after"))
        return Response({"got": request.data, **told})


class Writing(APIView):
    """For writers of the instance."""

    permission_classes: tuple[type[BasePermission], ...] = (api.NeedsWriter,)

    def get(self, request: Request) -> Response:
        return Response(
            {"instance": api.require_instance(request).name, "user": api.caller_of(request).user.username}
        )


class Managing(Writing):
    permission_classes = (api.NeedsManager,)


class Reading(Writing):
    permission_classes = (api.NeedsInstance,)


urlpatterns = [
    path("failing", Failing.as_view()),
    path("echo", Echo.as_view()),
    path("reading", Reading.as_view()),
    path("writing", Writing.as_view()),
    path("managing", Managing.as_view()),
    *control_plane,
]
handler404 = api.api_not_found
handler400 = api.api_bad_request
handler500 = api.api_error


def fail_with(client: Client, problem: Exception) -> Any:
    RAISED["next"] = problem
    return client.get("/failing")


@pytest.mark.parametrize(
    ("problem", "status", "told"),
    [
        (errors.BadRequest("No.", solution="Yes."), 400, [(1210, "No.")]),
        (errors.UnknownBackend("No such backend."), 404, [(1007, "No such backend.")]),
        (errors.NotAllowed("Mine.", code=1201), 403, [(1201, "Mine.")]),
        (errors.SessionClosed("Closed."), 409, [(4001, "Closed.")]),
        (errors.StaleTransition("job", 7, "running", frozenset({"queued"}), "done"), 409,
         [(1409, "job 7 cannot become running: it is done, allowed from queued.")]),
        (Http404(), 404, [(1291, "There is no such thing here.")]),
        (PermissionDenied(), 403, [(1200, "You may not do this.")]),
        (rest.ParseError("Bad."), 400, [(1210, "Bad.")]),
        (rest.MethodNotAllowed("PUT"), 405, [(1210, 'Method "PUT" not allowed.')]),
        (rest.ValidationError({"a": ["is short", "is odd"], "b": {"c": ["is missing"]}}), 400,
         [(1210, "a: is short"), (1210, "a: is odd"), (1210, "b.c: is missing")]),
        (rest.ValidationError({"non_field_errors": ["don't fit"]}), 400, [(1210, "don't fit")]),
        (rest.ValidationError([{}, {"x": ["is bad"]}]), 400, [(1210, "x: is bad")]),
        (ModelInvalid({"name": ["is taken"], "__all__": ["is odd"]}), 400,
         [(1210, "name: is taken"), (1210, "is odd")]),
        (ModelInvalid("is wrong"), 400, [(1210, "is wrong")]),
        (RequestDataTooBig(), 413, [(1213, "The body is too large.")]),
        (SuspiciousOperation("secret"), 400, [(1210, "The request can't be read.")]),
        (DataError("secret"), 400, [(1210, "The request holds a value that can't be stored.")]),
    ],
)  # fmt: skip
def test_it_tells_every_error_in_one_shape(
    client: Client, problem: Exception, status: int, told: list[tuple[int, str]]
) -> None:
    answer = fail_with(client, problem)
    body = answer.json()
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert [(error["code"], error["message"]) for error in body["errors"]] == told
    assert all(set(error) == {"code", "message", "solution", "more_info"} for error in body["errors"])
    assert len(body["trace"]) == 32
    assert int(body["trace"], 16)


def test_it_gives_each_answer_its_own_trace(client: Client) -> None:
    assert len({fail_with(client, Http404()).json()["trace"] for _ in range(3)}) == 3


def test_it_says_when_to_come_back(client: Client) -> None:
    assert fail_with(client, errors.TooManyRequests("Slowly.", retry_after=7))["Retry-After"] == "7"
    assert fail_with(client, rest.Throttled(2.5))["Retry-After"] == "3"
    assert "Retry-After" not in fail_with(client, Http404())


def test_it_hides_faults_of_its_own(client: Client) -> None:
    client.raise_request_exception = False
    answer = fail_with(client, RuntimeError("password=hunter2"))
    assert answer.status_code == 500
    assert b"hunter2" not in answer.content
    assert answer.json()["errors"][0]["code"] == 10000


def test_it_answers_unknown_addresses_in_the_same_shape(client: Client) -> None:
    for address in ("/nowhere", "/echo/", "/%00", "/%ff"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["code"] == 1291


def test_it_answers_what_django_refuses_in_the_same_shape(rf: RequestFactory) -> None:
    answer = api.api_bad_request(rf.get("/"), RequestDataTooBig())
    assert answer.status_code == 413
    assert json.loads(answer.content)["errors"][0]["code"] == 1213
    assert api.api_forbidden(rf.get("/")).status_code == 403


# --- Bodies ---

BAD_BODIES = [
    *(b"{", b"[]", b'"text"', b"null", b"1", b"\0", b"\xff\xfe", b'{"a":1,}', b"{'a':1}", b'{"a":"\xc3"}'),
    *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}', b'{"a":"\\ud800"}'),
    *(b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":["x",{"b":"\\u0000"}]}'),
    *(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", b'{"a":' + b"[" * 200_000, b'{"a":' * 100_000),
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=[str(body[:20]) for body in BAD_BODIES])
def test_it_refuses_bodies_that_are_no_json_object(client: Client, body: bytes) -> None:
    answer = client.post("/echo", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == 1210


def test_it_refuses_large_bodies(client: Client) -> None:
    body = b'{"a":"' + b"x" * api.WireParser.max_bytes + b'"}'
    assert client.post("/echo", body, content_type="application/json").status_code == 413


@pytest.mark.parametrize(
    "content_type", ["application/json", "", "text/plain", "application/json; charset=latin-1", "*"]
)
def test_it_reads_json_whatever_the_content_type_says(client: Client, content_type: str) -> None:
    answer = client.generic("POST", "/echo", '{"a":"é"}'.encode(), content_type=content_type)
    assert answer.status_code == 200
    assert answer.json()["got"] == {"a": "é"}


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html", "nonsense", ""])
def test_it_answers_json_whatever_is_accepted(client: Client, accept: str) -> None:
    answer = client.post(
        "/echo?format=xml", b"{}", content_type="application/json", headers={"Accept": accept}
    )
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text("abc"), json_values))
def test_what_it_writes_it_reads_again(value: dict[str, Any]) -> None:
    assert api.decode_json_object(api.encode_json(value)) == value


@given(st.binary(max_size=200))
def test_it_reads_any_bytes_or_refuses_them(body: bytes) -> None:
    try:
        decoded = api.decode_json_object(body)
    except errors.BadRequest:
        return
    assert isinstance(decoded, dict)


def test_it_writes_instants_with_microseconds_and_a_z() -> None:
    instant = datetime(2026, 11, 21, 5, 36, 4, tzinfo=UTC)
    assert api.encode_json({"at": instant, "on": instant.date()}) == (
        b'{"at":"2026-11-21T05:36:04.000000Z","on":"2026-11-21"}'
    )
    with pytest.raises(TypeError, match="no form on the wire"):
        api.encode_json({"value": {1, 2}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        api.encode_json({"value": float("nan")})


# --- Parameters ---


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [("", 5, 0), ("?limit=20&offset=3", 20, 3), ("?limit=&offset=", 5, 0), ("?limit=1&limit=2", 2, 0)],
)
def test_it_reads_the_part_of_a_list(client: Client, query: str, limit: int, offset: int) -> None:
    answer = client.post(f"/echo{query}", b"{}", content_type="application/json").json()
    assert (answer["limit"], answer["offset"]) == (limit, offset)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=0",
            "limit=21",
            "limit=-1",
            "limit=x",
            "limit=1.5",
            "limit=%00",
            "limit=" + "9" * 5000,
            "limit=%ff",
        ),
        *("offset=-1", "offset=" + "9" * 30, "limit=²", "limit=--1", "limit=-", "flag=maybe", "flag=%00"),
        *(
            "after=yesterday",
            "after=%00",
            "after=2026-13-01",
            "after=0001-01-01T00:00:00%2B10:00",
            "after=" + "9" * 999,
        ),
    ],
)
def test_it_refuses_parameters_that_make_no_sense(client: Client, query: str) -> None:
    answer = client.post(f"/echo?{query}", b"{}", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(query.partition("=")[0])


@pytest.mark.parametrize("flag", ["true", "True", "TRUE", "1"])
def test_it_reads_flags_in_any_case(client: Client, flag: str) -> None:
    assert client.post(f"/echo?flag={flag}", b"{}", content_type="application/json").json()["flag"] == "True"


def test_it_reads_instants_of_any_zone(client: Client) -> None:
    for text in (
        "2026-11-21T12:00:00Z",
        "2026-11-21T13:00:00%2B01:00",
        "2026-11-21T13:00:00+01:00",
        "2026-11-21T12:00",
    ):
        answer = client.post(f"/echo?after={text}", b"{}", content_type="application/json")
        assert answer.json()["after"] == "2026-11-21 12:00:00+00:00"


@given(st.datetimes(timezones=st.timezones()).filter(lambda value: 1 < value.year < 9999))
def test_instants_survive_the_wire(instant: datetime) -> None:
    assert parse_time(iso_z(instant)) == instant.astimezone(UTC)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-04-15", date(2026, 4, 15)),
        ("", date.min),
        ("2026-03-31", date(2026, 3, 15)),
    ],
)
def test_it_reads_the_version_of_the_api(rf: RequestFactory, sent: str, read: date) -> None:
    assert api.api_version(rf.get("/", headers={"IBM-API-Version": sent})) == read
    assert api.api_version(rf.get("/")) == date.min


# --- Roles ---


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("rita", ["reading"]),
        ("bob", ["reading", "writing"]),
        ("alice", ["reading", "writing", "managing"]),
        ("olga", ["reading", "writing", "managing"]),
        ("charlie", []),
    ],
)
def test_it_lets_in_those_who_may(people: People, client: Client, name: str, allowed: list[str]) -> None:
    user: User = getattr(people, name)
    headers = {"Authorization": f"apikey {people.key_of(user)}", "Service-CRN": people.lab.crn}
    answers = {page: client.get(f"/{page}", headers=headers) for page in ("reading", "writing", "managing")}
    assert [page for page, answer in answers.items() if answer.status_code == 200] == allowed
    for page, answer in answers.items():
        if page in allowed:
            assert answer.json() == {"instance": "lab", "user": name}
        else:
            assert answer.status_code == 403


@pytest.mark.django_db
def test_it_asks_for_the_instance(people: People, client: Client) -> None:
    answer = client.get("/reading", headers={"Authorization": f"apikey {people.key_of(people.bob)}"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["solution"] == "Send the header Service-CRN."
