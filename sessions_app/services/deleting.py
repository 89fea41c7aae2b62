"""Small changes to jobs that are not changes of state."""

from datetime import datetime

from django.db import transaction

from quantumsvc.accounts import audit
from quantumsvc.accounts.models import User
from quantumsvc.errors import Conflict
from sessions_app.models import Job, JobCircuits, JobLog, JobPayload, JobResult, JobSketch
from sessions_app.services.progress import announce


@transaction.atomic
def delete_job(*, job: Job, now: datetime, by: User) -> None:
    """Delete an ended job with all that it holds; what it used still counts. Another's is noted in the audit.

    Raises :class:`Conflict` while it has not ended.
    """
    if not Job.objects.select_for_update(of=("self",)).get(pk=job.pk).is_terminal:
        raise Conflict("The job has not ended yet; cancel it first.")
    Job.objects.filter(pk=job.pk).update(deleted_at=now, tags=[], reason="")
    for model in (JobPayload, JobSketch, JobCircuits, JobResult, JobLog):
        model.objects.filter(job_id=job.pk).delete()
    if by.pk != job.user_id:
        audit.note("job.deleted", job, actor=by, now=now)
    announce(job.pk)


@transaction.atomic
def read_private_result(*, job: Job) -> bytes | None:
    """A private job's result can be read once; it is gone afterwards."""
    row = JobResult.objects.select_for_update().filter(pk=job.pk).first()
    if row is None:
        return None
    body = bytes(row.body)
    row.delete()
    return body


@transaction.atomic
def retag(*, job: Job, tags: list[str], now: datetime, by: User) -> None:
    """Replace a job's tags. A change of another's is noted in the audit."""
    before = Job.objects.select_for_update(of=("self",)).get(pk=job.pk).tags
    Job.objects.filter(pk=job.pk).update(tags=tags)
    if by.pk != job.user_id and tags != before:
        audit.note("job.retagged", job, actor=by, now=now, before={"tags": before}, after={"tags": tags})
    announce(job.pk)
