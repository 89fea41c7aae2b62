"""How long the Jobs page takes with few and many jobs: ``python -m tests.benchmarks.jobs_page``.

The page of a member, first as it opens and then with each filter, far down the list and with several filters
at once, on a database of its own. Few and many are spread alike over ten instances, five backends and three
months, and half of them are the member's, so that a filter shows as many rows of few as of many: what is
compared is the finding. A filter that hardly anything passes has to look furthest.
Must hold: a million at most 1.5 times a thousand, or 12 ms more with a filter, as an empty page takes hardly
longer than that.
"""

import os
import statistics
import sys
import time
from datetime import timedelta

from tests.database import begin

if not os.environ.get("DATABASE_URL"):
    begin()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from quantumsvc import clock  # noqa: E402
from quantumsvc.accounts.models import Membership  # noqa: E402
from sessions_app.models import Job  # noqa: E402
from sessions_app.pages.work.places import Place  # noqa: E402
from tests.factories import make_author, make_backend, make_instance, make_user, submit  # noqa: E402

SIZES = (1_000, 1_000_000)
ROUNDS = 25
TIMES, MORE_MS = 1.5, 12.0
_DAYS = 90
# The instance's and the backend's come first and second, as they do among the columns.
_NEW = {
    "id": "'job' || lpad(n::text, 12, '0')",
    "instance_id": "(%s::bigint[])[1 + CASE n %% 2 WHEN 0 THEN 0 ELSE n %% 10 END]",
    "backend_id": "(%s::bigint[])[1 + n %% 5]",
    "created_at": "made.at",
    "started_at": "made.at",
    "finished_at": "made.at + interval '4 seconds'",
    "state": "CASE n / 2 %% 4 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'completed' END",
    "tags": "CASE WHEN n IN (10, 500) THEN '{rare}' ELSE '{sweep}' END::varchar[]",
}
_COLUMNS = [str(field.column) for field in Job._meta.concrete_fields]
_JOBS = f"""
INSERT INTO sessions_app_job ({", ".join(_COLUMNS)})
SELECT {", ".join(_NEW.get(name, f"t.{name}") for name in _COLUMNS)}
FROM sessions_app_job t CROSS JOIN generate_series(1, %s::int) AS n
CROSS JOIN LATERAL (SELECT now() - n * interval '1 second' * %s AS at) made WHERE t.id = %s
"""


def _prepare() -> tuple[Client, list[str], list[int], list[int], str]:
    """The member's browser, a backend with jobs and one without, and what the jobs are made of."""
    call_command("migrate", verbosity=0)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    instances = [make_instance() for _ in range(10)]
    backends = [make_backend() for _ in range(5)]
    user = make_user()
    Membership.objects.create(user=user, instance=instances[0], role="writer")
    template = submit(make_author(user=user, instance=instances[0]), backends[0], 0)
    client = Client()
    client.force_login(user)
    names = [backends[0].name, make_backend().name]
    return client, names, [i.pk for i in instances], [b.pk for b in backends], template.pk


def _milliseconds(client: Client, path: str) -> float:
    for _ in range(3):
        client.get(path)
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert client.get(path).status_code == 200
        taken.append((time.perf_counter() - began) * 1_000)
    return statistics.median(taken)


def _fill(instances: list[int], backends: list[int], size: int, template: str) -> None:
    gap = _DAYS * 86_400 / size
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sessions_app_job WHERE id <> %s", [template])
        cursor.execute(_JOBS, [instances, backends, size, gap, template])
        cursor.execute("VACUUM ANALYZE sessions_app_job")


def _paths(backends: list[str], instance: int) -> dict[str, str]:
    since, until = (clock.now().date() - timedelta(days=days) for days in (70, 10))
    days = f"since={since}&until={until}"
    far = Place(clock.now() - timedelta(days=_DAYS / 2), "job", "jobs").cursor
    return {
        "as it opens": "/",
        "failed": "/?state=failed",
        "queued": "/?state=queued",
        "backend": f"/?backend={backends[0]}",
        "no row": f"/?backend={backends[1]}",
        "instance": f"/?instance={instance}",
        "mine": "/?owner=mine",
        "nobody's": "/?owner=nobody",
        "jobs alone": "/?mode=job",
        "in sessions": "/?mode=session",
        "rare tag": "/?tag=rare",
        "reservation": "/?reservation=none",
        "text": "/?text=000776",
        "text, failed": "/?text=000776&state=failed",
        "days": f"/?{days}",
        "days, failed": f"/?{days}&state=failed",
        "mine, tag, days": f"/?owner=mine&tag=rare&{days}",
        "far down": f"/?before={far}",
        "far up": f"/?after={far}",
        "failed, far": f"/?state=failed&before={far}",
    }


def main() -> int:
    """Measure and print; 1 when something is too slow."""
    client, names, instances, backends, template = _prepare()
    paths = _paths(names, instances[0])
    measured: dict[int, dict[str, float]] = {}
    for size in SIZES:
        _fill(instances, backends, size, template)
        measured[size] = {name: _milliseconds(client, path) for name, path in paths.items()}
    print(f"median of {ROUNDS} answers, with {SIZES[0]:,} and with {SIZES[1]:,} jobs")
    few, many = (measured[size] for size in SIZES)
    for name in paths:
        ratio = many[name] / few[name]
        print(f"{name:16} {few[name]:7.1f} ms -> {many[name]:7.1f} ms  x{ratio:.2f}")
    slow = [name for name in paths if many[name] > TIMES * few[name]]
    return int("as it opens" in slow or any(many[name] > few[name] + MORE_MS for name in slow))


if __name__ == "__main__":
    sys.exit(main())
