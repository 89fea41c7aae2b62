"""How long the Jobs page takes with few and many jobs: ``python -m tests.benchmarks.jobs_page``.

The page of a member, first as it opens and then with filters, on a database of its own. The jobs are spread
over ten instances, five backends and three months. A filter that hardly anything passes has to look furthest.
Must hold: a million at most 1.5 times a thousand, or 25 ms more with a filter.
"""

import os
import statistics
import sys
import time

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

from quantumsvc.accounts.models import Membership  # noqa: E402
from sessions_app.models import Job  # noqa: E402
from tests.factories import make_author, make_backend, make_instance, make_user, submit  # noqa: E402

SIZES = (1_000, 1_000_000)
ROUNDS = 25
TIMES, MORE_MS = 1.5, 25.0
# The instance's and the backend's come first and second, as they do among the columns.
_NEW = {
    "id": "'job' || lpad(n::text, 12, '0')",
    "instance_id": "(%s::bigint[])[1 + n %% 10]",
    "backend_id": "(%s::bigint[])[1 + n %% 5]",
    "created_at": "now() - n * interval '7 seconds'",
    "started_at": "now() - n * interval '7 seconds'",
    "finished_at": "now() - n * interval '7 seconds' + interval '4 seconds'",
    "state": "CASE n %% 11 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'completed' END",
    "tags": "CASE WHEN n %% 1000 = 0 THEN '{rare}' ELSE '{sweep}' END::varchar[]",
}
_COLUMNS = [str(field.column) for field in Job._meta.concrete_fields]
_JOBS = f"""
INSERT INTO sessions_app_job ({", ".join(_COLUMNS)})
SELECT {", ".join(_NEW.get(name, f"t.{name}") for name in _COLUMNS)}
FROM sessions_app_job t CROSS JOIN generate_series(%s::int, %s::int) AS n WHERE t.id = %s
"""


def _prepare() -> tuple[Client, str, list[int], list[int], str]:
    call_command("migrate", verbosity=0)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    instances = [make_instance() for _ in range(10)]
    backends = [make_backend() for _ in range(5)]
    user = make_user()
    Membership.objects.create(user=user, instance=instances[0], role="writer")
    template = submit(make_author(user=user, instance=instances[0]), backends[0], 0)
    client = Client()
    client.force_login(user)
    return client, backends[3].name, [i.pk for i in instances], [b.pk for b in backends], template.pk


def _milliseconds(client: Client, path: str) -> float:
    for _ in range(3):
        client.get(path)
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert client.get(path).status_code == 200
        taken.append((time.perf_counter() - began) * 1_000)
    return statistics.median(taken)


def main() -> int:
    """Measure and print; 1 when something is too slow."""
    client, backend, instances, backends, template = _prepare()
    paths = {
        "as it opens": "/",
        "failed": "/?state=failed",
        "no row": f"/?backend={backend}",
        "mine": "/?owner=mine",
        "rare tag": "/?tag=rare",
        "text": "/?text=000777",
        "text, failed": "/?text=000777&state=failed",
        "days": "/?since=2026-11-01&until=2026-11-15",
    }
    measured: dict[int, dict[str, float]] = {}
    stored = 0
    for size in SIZES:
        with connection.cursor() as cursor:
            cursor.execute(_JOBS, [instances, backends, stored + 1, size, template])
            cursor.execute("VACUUM ANALYZE sessions_app_job")
        stored = size
        measured[size] = {name: _milliseconds(client, path) for name, path in paths.items()}
    print(f"median of {ROUNDS} answers, with {SIZES[0]:,} and with {SIZES[1]:,} jobs")
    few, many = (measured[size] for size in SIZES)
    for name in paths:
        ratio = many[name] / few[name]
        print(f"{name:12} {few[name]:7.1f} ms -> {many[name]:7.1f} ms  x{ratio:.2f}")
    slow = [name for name in paths if many[name] > TIMES * few[name]]
    return int("as it opens" in slow or any(many[name] > few[name] + MORE_MS for name in slow))


if __name__ == "__main__":
    sys.exit(main())
