"""The embedded database starts, keeps what it is given, lets nobody else in, and says what is wrong."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from quantumsvc.hosting import folders
from quantumsvc.hosting.pgprograms import DatabaseError
from quantumsvc.hosting.postgres import NOT_DURABLE, Postgres, running_postgres


def ask(server: Postgres, question: str) -> str:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def pid_of(server: Postgres) -> int:
    assert server.process is not None
    return server.process.pid


def test_it_gives_the_service_its_own_database_but_no_superuser(server: Postgres) -> None:
    assert ask(server, "SELECT current_user || '/' || current_database()") == "quantumsvc/quantumsvc"
    assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "False"
    assert ask(
        server, "SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'quantumsvc'"
    ) == ("quantumsvc")


def test_it_listens_on_no_port(server: Postgres) -> None:
    assert ask(server, "SHOW listen_addresses") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_lets_no_other_user_reach_its_socket(server: Postgres) -> None:
    socket = folders.socket_dir(server.data_dir) / ".s.PGSQL.5432"
    assert socket.exists()
    stranger = subprocess.run(
        ["test", "-e", str(socket)], user=65533, group=65533, extra_groups=[], check=False
    )
    assert stranger.returncode != 0


def test_it_keeps_data_when_it_is_killed_and_started_again(server: Postgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 17 AS number")
    os.kill(pid_of(server), signal.SIGKILL)
    assert server.process is not None
    server.process.wait()
    server.start()
    assert ask(server, "SELECT number FROM kept") == "17"


def test_it_ends_a_server_that_was_left_on_its_files(server: Postgres) -> None:
    left = pid_of(server)
    second = Postgres(server.data_dir, NOT_DURABLE)
    second.start()
    try:
        assert server.process is not None
        assert server.process.wait(60) == 0
        assert pid_of(second) != left
        assert ask(second, "SELECT 1") == "1"
    finally:
        second.stop()
        server.start()


def test_it_writes_its_address_so_that_libpq_reads_it_with_odd_letters_in_the_folder(data_dir: Path) -> None:
    odd = data_dir / "a b+é%"
    data_dir.chmod(0o755)
    with running_postgres(odd, NOT_DURABLE) as address, psycopg.connect(address) as connection:
        assert connection.info.host == str(folders.socket_dir(odd))


def test_it_puts_the_socket_into_a_short_folder_when_the_name_is_too_long(data_dir: Path) -> None:
    data_dir.chmod(0o755)
    deep = data_dir / ("long" * 20) / ("longer" * 10)
    deep.parent.mkdir(mode=0o755)
    with running_postgres(deep, NOT_DURABLE) as address, psycopg.connect(address) as connection:
        assert len(connection.info.host) < 90
        assert (deep / "run").is_symlink()
        found_by_another_environment = folders.run_dir(deep)
    assert found_by_another_environment == folders.socket_dir(deep).parent
    shutil.rmtree(found_by_another_environment)


def test_it_refuses_files_of_another_version_and_says_both(data_dir: Path) -> None:
    with running_postgres(data_dir, NOT_DURABLE):
        pass
    (data_dir / "database" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseError, match=r"made by PostgreSQL 17, the programs here are 18"):
        Postgres(data_dir).start()


def test_it_shows_the_end_of_its_log_when_it_does_not_start(data_dir: Path) -> None:
    with pytest.raises(DatabaseError, match='unrecognized configuration parameter "nonsense"'):
        Postgres(data_dir, {"nonsense": "1"}).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the database as itself")
def test_it_says_that_a_folder_is_closed_to_the_user_who_runs_it_for_root(data_dir: Path) -> None:
    with pytest.raises(folders.FolderError, match="may not enter"):
        Postgres(data_dir / "below").start()
