"""The runtime API's calls about jobs."""

from typing import Any, TypedDict

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.roles import Role
from quantumsvc.api import (
    OLDEST_API_VERSION,
    api_version,
    bool_parameter,
    caller_of,
    encode_json,
    listed,
    page_of,
    require_instance,
    require_writer,
    time_parameter,
    word_of,
)
from quantumsvc.backends.models import BackendKind
from quantumsvc.conventions.etags import is_known, mark_of, marked, unchanged
from quantumsvc.conventions.idempotency import idempotent, key_of
from quantumsvc.errors import BadRequest, NotAllowed, NotFound, TooLarge
from quantumsvc.openapi.operations import (
    TEXT,
    UNCHANGED,
    WAIT,
    Parameter,
    described,
    moment,
    one_of,
    paged,
    text,
    yes_no,
)
from quantumsvc.scheduling.states import PENDING_JOB_STATES, TERMINAL_JOB_STATES
from quantumsvc.wire.envelope import JobEnvelope, TagsEnvelope, checked_tags, read, read_job
from sessions_app import shapes
from sessions_app.bodies import STATE_WORDS, job_body, metrics_body
from sessions_app.models import Job, JobCircuits, JobLog, JobPayload, JobResult
from sessions_app.services.deleting import delete_job, read_private_result, retag
from sessions_app.services.lives import settle_overdue
from sessions_app.services.operating import cancel_job_by
from sessions_app.services.submission import Author, answered, submission_digest, submit_job
from sessions_app.services.waiting import outlook

JSON = "application/json"
# Clients that know no version know the general name of a result only. Inside a text, the quotes would differ.
KNOWN_TO_ALL = (b'"__type__":"EstimatorPubResult"', b'"__type__":"PubResult"')

ORDERS = ["ASC", "DESC"]
JOB_FILTERS: tuple[Parameter, ...] = (
    *paged(200),
    text("backend", "Only jobs of the backend of this name."),
    text("program", "Only jobs of this program."),
    text("session_id", "Only jobs of this session."),
    text("tags", "Only jobs that have this tag; of several, all of them.", many=True),
    yes_no("pending", "Only jobs that wait or run, or only those that have ended."),
    yes_no("include_mocks", "Also jobs of dry runs."),
    yes_no("exclude_params", "Has no effect: lists never hold params."),
    moment("created_after", "Only jobs submitted then or later."),
    moment("created_before", "Only jobs submitted then or earlier."),
    one_of("sort", "By the time of submission; without it, the newest come first.", ORDERS),
)


def jobs_of(request: Request) -> QuerySet[Job]:
    """The jobs that a request can be about: the caller's, in the instance that it names."""
    instance = require_instance(request)
    return Job.objects.visible_to(caller_of(request).user).filter(instance=instance)


def job_of(request: Request, ident: str) -> Job:
    """One of them. Raises :class:`NotFound` for any other, whoever it belongs to."""
    settle_overdue(clock.now())
    job = jobs_of(request).select_related("backend").filter(pk=ident).first() if "\0" not in ident else None
    if job is None:
        raise NotFound("There is no job of that id in this instance.")
    return job


def writable_job(request: Request, ident: str) -> Job:
    """The same, for a caller who may write."""
    require_writer(request)
    return job_of(request, ident)


class JobsView(APIView):
    """``/jobs``; ``old_client`` lets params be of version 1."""

    old_client = False

    def rows(self, request: Request) -> QuerySet[Job]:
        """What the list is taken from."""
        return jobs_of(request)

    @described(
        "Submit a job",
        body=JobEnvelope,
        answer=shapes.Accepted,
        refuses=(1007, 1204, 1205, 1233, 1291, 4001, 6000, 6001, 8010, 8011, 8020, 10011, 10012, 10013),
    )
    @idempotent()
    def post(self, request: Request) -> HttpResponse:
        """Accept a job; once this has answered, nothing loses it (J5)."""
        instance = require_writer(request)
        body = self.submitted(request)
        if len(body) > settings.MAX_PAYLOAD_BYTES:
            raise TooLarge(f"A job may have at most {settings.MAX_PAYLOAD_BYTES} bytes.")
        author = Author(
            user=caller_of(request).user,
            instance=instance,
            client_application=request.META.get("HTTP_X_QX_CLIENT_APPLICATION", "").replace("\0", ""),
            old_client=self.old_client,
        )
        digest = submission_digest(author, body + key_of(request).encode())
        job = submit_job(author=author, envelope=read_job(body), digest=digest, now=clock.now())
        return _accepted(job)

    def submitted(self, request: Request) -> bytes:
        """The body of a submission."""
        return request._request.body

    @described("List jobs", query=JOB_FILTERS, answer=shapes.Jobs)
    def get(self, request: Request) -> Response:
        """The instance's jobs, newest first, filtered by what the query says."""
        settle_overdue(clock.now())
        page = page_of(request, default=200)
        rows = _filtered(request, self.rows(request))
        part = page.of(rows.select_related("backend"))
        # A client that pages past the end would ask for ever if the count were not where it stands.
        count = rows.count() if part.rows else page.offset
        return Response(listed("jobs", [job_body(job) for job in part.rows], count, page, part))


def _accepted(job: Job) -> HttpResponse:
    body = {
        "id": job.pk,
        "backend": job.backend.name,
        "session_id": job.session_id,
        "private": job.private,
    }
    response = HttpResponse(msgspec.json.encode(body), content_type=JSON)
    # Closers run once the answer was sent; only then is the same body a new job (J5).
    response._resource_closers.append(lambda: answered(job.pk))  # type: ignore[attr-defined]
    return response


def _filtered(request: Request, rows: QuerySet[Job]) -> QuerySet[Job]:
    rows = _by_words(request, rows)
    pending = bool_parameter(request, "pending")
    if pending is not None:
        rows = rows.filter(state__in=PENDING_JOB_STATES if pending else TERMINAL_JOB_STATES)
    if after := time_parameter(request, "created_after"):
        rows = rows.filter(created_at__gte=after)
    if before := time_parameter(request, "created_before"):
        rows = rows.filter(created_at__lte=before)
    if not bool_parameter(request, "include_mocks"):
        rows = rows.exclude(backend__kind=BackendKind.MOCK.value)
    return rows.order_by("created_at", "id") if _oldest_first(request) else rows


def _by_words(request: Request, rows: QuerySet[Job]) -> QuerySet[Job]:
    words = request.query_params
    if any("\0" in value for values in words.lists() for value in values[1]):
        raise BadRequest("The query holds a NUL character.")
    if tags := words.getlist("tags"):
        rows = rows.filter(tags__contains=tags)
    for name, field in (("backend", "backend__name"), ("program", "program"), ("session_id", "session_id")):
        if value := words.get(name):
            rows = rows.filter(**{field: value})
    return rows


def _oldest_first(request: Request) -> bool:
    return word_of("sort", (request.query_params.get("sort") or "DESC").upper(), ORDERS) == "ASC"


class JobView(APIView):
    """``/jobs/{id}``; a server that runs the ASGI application holds the status call back as J6 says."""

    @described(
        "Read a job",
        query=(yes_no("exclude_params", "Leave out what was submitted."), WAIT),
        answer=shapes.JobWithParams,
        also=UNCHANGED,
    )
    def get(self, request: Request, ident: str) -> HttpResponse:
        """The job, with the params that were submitted as the very bytes that came."""
        job = job_of(request, ident)
        head = encode_json(job_body(job))
        alone = bool(bool_parameter(request, "exclude_params"))
        mark = mark_of(head) if alone else mark_of(head, "params")
        if is_known(request.META.get("HTTP_IF_NONE_MATCH"), mark):
            return unchanged(mark)
        return marked(
            HttpResponse(head, content_type=JSON) if alone else self._whole(request, job, head), mark
        )

    def _whole(self, request: Request, job: Job, head: bytes) -> HttpResponse:
        params = JobPayload.objects.filter(pk=job.pk).values_list("params", flat=True).first()
        hidden = job.private or params is None or not self.may_show_params(request, job)
        shown = b"{}" if hidden else bytes(params or b"")
        return HttpResponse(head[:-1] + b',"params":' + shown + b"}", content_type=JSON)

    def may_show_params(self, request: Request, job: Job) -> bool:
        """Whether this reader's client can be trusted with what the job's author wrote."""
        return True

    @described("Delete an ended job", status=204, refuses=(1409,))
    def delete(self, request: Request, ident: str) -> HttpResponse:
        """Delete an ended job: its owner may, or a manager."""
        job = writable_job(request, ident)
        caller = caller_of(request)
        if job.user_id != caller.user.pk and not caller.can_manage():
            raise NotAllowed(f"Another member's job can be deleted by a {Role.MANAGER} only.")
        delete_job(job=job, now=clock.now(), by=caller.user)
        return HttpResponse(status=204)


class CancelView(APIView):
    """``POST /jobs/{id}/cancel``"""

    @described("Cancel a job", status=204, refuses=(1409,))
    def post(self, request: Request, ident: str) -> HttpResponse:
        cancel_job_by(job=writable_job(request, ident), now=clock.now(), by=caller_of(request).user)
        return HttpResponse(status=204)


class ResultsView(APIView):
    """``GET /jobs/{id}/results``"""

    # A HEAD is answered as a GET where nobody says otherwise, and would use a private result up.
    http_method_names = ["get"]

    @described("Read the result", answer=Any, also={204: "There is no result, or not yet."})
    def get(self, request: Request, ident: str) -> HttpResponse:
        """The result as it was stored; nothing yet, or nothing ever, is 204. A private one is read once."""
        job = job_of(request, ident)
        if job.private:
            body = read_private_result(job=job)
        else:
            stored = JobResult.objects.filter(pk=job.pk).values_list("body", flat=True).first()
            body = bytes(stored) if stored is not None else None
        if body is None:
            return HttpResponse(status=204)
        if api_version(request) == OLDEST_API_VERSION:
            body = body.replace(*KNOWN_TO_ALL)
        return HttpResponse(body, content_type=JSON)


class InterimResultsView(APIView):
    """``GET /jobs/{id}/interim_results``"""

    @described("Read interim results", answer=str, media=TEXT)
    def get(self, request: Request, ident: str) -> HttpResponse:
        """Always empty: no program here publishes anything before its result."""
        job_of(request, ident)
        return HttpResponse("", content_type="text/plain; charset=utf-8")


class TranspiledCircuits(TypedDict):
    """In OpenQASM 3; null for a circuit that is too long for this, or holds what the language can't say."""

    circuits: list[str | None]


class TranspiledCircuitsView(APIView):
    """``GET /jobs/{id}/transpiled_circuits``"""

    @described("Read transpiled circuits", answer=TranspiledCircuits)
    def get(self, request: Request, ident: str) -> Response:
        """Circuits that the service made to fit the backend, as they ran: those of version 1.

        Jobs of version 2 run the circuits that were sent, so there are none.
        """
        job = job_of(request, ident)
        texts = JobCircuits.objects.filter(pk=job.pk).values_list("texts", flat=True).first()
        return Response({"circuits": [text or None for text in texts or ()]})


class MetricsView(APIView):
    """``GET /jobs/{id}/metrics``"""

    @described("Read what a job took", answer=shapes.Metrics)
    def get(self, request: Request, ident: str) -> Response:
        return Response(metrics_body(job_of(request, ident)))


class QueueView(APIView):
    """``GET /jobs/{id}/queue``"""

    @described("Ask why a job waits", answer=shapes.Waiting)
    def get(self, request: Request, ident: str) -> Response:
        """Why the job waits, at which place, and when it is expected to start (E1)."""
        job = job_of(request, ident)
        return Response(waiting_body(job, caller_of(request).user))


def waiting_body(job: Job, reader: User) -> dict[str, Any]:
    """What a reader is told of a waiting job; of one that does not wait, only its state."""
    now = clock.now()
    found = outlook(job, now)
    if found is None:
        job.refresh_from_db(fields=["state"])
        return {
            "status": STATE_WORDS[job.state],
            "place": None,
            "reason": None,
            "message": "It does not wait.",
        }
    visible = {str(ident) for ident in Instance.objects.visible_to(reader).values_list("pk", flat=True)}
    return {"status": STATE_WORDS[job.state], **found.told(visible, now)}


class LogsView(APIView):
    """``GET /jobs/{id}/logs``"""

    @described("Read the log", answer=str, media=TEXT)
    def get(self, request: Request, ident: str) -> HttpResponse:
        """What the program logged in all attempts, as plain text."""
        job = job_of(request, ident)
        lines = JobLog.objects.filter(job=job).values_list("text", flat=True)
        return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


class TagsView(APIView):
    """``PUT /jobs/{id}/tags``"""

    @described("Replace the tags", body=TagsEnvelope, status=204, refuses=(1204, 1205))
    def put(self, request: Request, ident: str) -> HttpResponse:
        """Replace the job's tags."""
        job = writable_job(request, ident)
        tags = checked_tags(read(request._request.body, TagsEnvelope).tags)
        retag(job=job, tags=tags, now=clock.now(), by=caller_of(request).user)
        return HttpResponse(status=204)
