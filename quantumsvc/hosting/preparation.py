"""What has to be there before the service can start: tables, static files, something to look at."""

import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

# Two services that start on one external database at the same moment migrate one after the other.
_MIGRATION_LOCK = 0x7175616E74756D
_MARK = ".collected"


def apply_migrations(say: Callable[[str], None]) -> None:
    """Apply what is missing. The look itself costs some hundredths of a second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if missing:
                say(f"Applying the missing migrations ({len(missing)}).")
                call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


def collect_static_files(say: Callable[[str], None]) -> None:
    """Collect the static files, if any changed since the last time."""
    target = Path(settings.STATIC_ROOT)
    mark, present = target / _MARK, _fingerprint()
    if mark.exists() and mark.read_text() == present:
        return
    say("Collecting static files.")
    shutil.rmtree(target, ignore_errors=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    target.mkdir(parents=True, exist_ok=True)
    mark.write_text(present)


def _fingerprint() -> str:
    """Names, sizes and times of all static files of the installed apps, as one short text."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            found = Path(storage.path(name)).stat()
            digest.update(f"{storage.path(name)}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def make_demo_data(say: Callable[[str], None]) -> None:
    """Fill an empty service with demo data. One that has a user already is left alone."""

    if "demo" not in get_commands() or get_user_model()._default_manager.exists():
        return
    say("Making the demo data.")
    said = io.StringIO()
    call_command("demo", stdout=said)
    say(said.getvalue().strip())


def let_go_of_the_database() -> None:
    """Close this process's connections: the supervisor needs none, and they would outlive a restart."""
    connections.close_all()
