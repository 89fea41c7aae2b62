"""Options before settings, restarts, the record of a run, and what a client is told."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from quantumsvc.hosting import folders, record
from quantumsvc.hosting.arguments import environment_from
from quantumsvc.hosting.processes import describe_exit, start_mark
from quantumsvc.hosting.restarts import Restarts
from quantumsvc.hosting.running import pools
from quantumsvc.hosting.service_client import (
    DemoAccount,
    Login,
    NotReachable,
    as_json,
    as_shell,
    as_text,
    banner,
    client_info,
    command_line,
    read_account,
    write_account,
)

BASE = "http://127.0.0.1:8123"
ACCOUNT = DemoAccount("qs_key'with quote", "crn:v1:a", "demo_nairobi", [Login("ada", "pass", "manager")])


@pytest.mark.parametrize(
    ("line", "want"),
    [
        ("up --data /d --port 9", {"QUANTUMSVC_DATA": "/d", "QUANTUMSVC_PORT": "9"}),
        ("up --port=9 --no-demo", {"QUANTUMSVC_PORT": "9"}),
        ("client --json --data /d", {"QUANTUMSVC_DATA": "/d"}),
        ("up --port nine", {}),
        ("up --data", {}),
        ("newkey ada --name laptop --data /d", {"QUANTUMSVC_DATA": "/d"}),
        ("migrate --data /d", {}),
        ("", {}),
    ],
)
def test_it_reads_early_options(line: str, want: dict[str, str]) -> None:
    assert environment_from(line.split()) == want


def lives(restarts: Restarts, *spans: tuple[float, float]) -> list[float | None]:
    """What follows from each death, for lives given by their start and end."""
    delays = []
    for start, end in spans:
        restarts.note_start(start)
        delays.append(restarts.note_death(end))
    return delays


def test_it_waits_longer_after_each_death_and_gives_up_after_five_in_half_a_minute() -> None:
    delays = lives(Restarts(), *((float(n), n + 0.5) for n in range(5)))
    assert delays == [0.1, 0.2, 0.4, 0.8, None]


def test_it_forgets_old_deaths() -> None:
    delays = lives(Restarts(), (0, 1), (10, 11), (20, 21), (31, 32), (63, 64))
    assert delays == [0.1, 0.2, 0.4, 0.4, 0.1]


def test_it_never_gives_up_on_a_part_that_worked_and_waits_at_most_five_seconds() -> None:
    delays = lives(Restarts(), (0, 10), *((n, n + 0.5) for n in range(11, 18)))
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_it_believes_in_a_part_only_after_a_while() -> None:
    restarts = Restarts()
    assert not restarts.is_settled(9.0)
    restarts.note_start(1.0)
    assert [restarts.is_settled(now) for now in (1.1, 2.6)] == [False, True]
    restarts.note_death(3.0)
    assert not restarts.is_settled(9.0)


@pytest.mark.parametrize(
    ("code", "want"), [(3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")]
)
def test_it_says_how_a_process_ended(code: int, want: str) -> None:
    assert describe_exit(code) == want


def test_it_lets_only_one_service_run_on_a_data_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    record.write_record(tmp_path, record.new_record(8123, BASE))
    holder = rf"process {os.getpid()}, {BASE}"
    with record.take_lock(tmp_path), pytest.raises(record.AlreadyRunning, match=holder):
        record.take_lock(tmp_path)
    record.take_lock(tmp_path).close()


def test_it_knows_a_record_of_a_dead_process_from_that_of_a_living_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    mine = record.new_record(8123, BASE)
    assert mine.is_running()
    mine.mark = "another-boot/1"
    record.write_record(tmp_path, mine)
    found = record.read_record(tmp_path)
    assert found is not None
    assert not found.is_running()


def test_it_ends_what_a_killed_service_left_but_not_a_stranger_with_the_same_number(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        subprocess.Popen(sleep, start_new_session=True) as left,
        subprocess.Popen(sleep, start_new_session=True) as stranger,
    ):
        written = record.new_record(8123, BASE)
        written.parts = {"web": (left.pid, start_mark(left.pid)), "old": (stranger.pid, "another-boot/5")}
        record.write_record(tmp_path, written)
        assert record.end_leftovers(tmp_path) == ["web"]
        assert left.wait(60) == -9
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize(("switch", "names"), [(False, ["pool"]), (True, ["pool", "pool-net"])])
def test_it_starts_a_pool_with_a_network_only_when_asked_to(
    settings: Settings, switch: bool, names: list[str]
) -> None:
    settings.NETWORK_DRIVERS = switch
    parts = pools()
    assert [part.name for part in parts] == names
    assert ["--network" in part.command for part in parts] == [name == "pool-net" for name in names]
    assert len({part.command[part.command.index("--socket") + 1] for part in parts}) == len(parts)


def test_it_makes_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    folders.make_private(tmp_path / "new" / "data")
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


def test_it_closes_an_empty_folder_and_leaves_one_in_use_alone(tmp_path: Path) -> None:
    modes = []
    for name in ("empty", "used"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o775)
        if name == "used":
            (tmp_path / name / "thesis.tex").touch()
        folders.make_private(tmp_path / name)
        modes.append(stat.S_IMODE((tmp_path / name).stat().st_mode))
    assert modes == [0o710, 0o775]


def test_it_lets_the_databases_user_keep_its_way_in(tmp_path: Path) -> None:
    folders.make_private(tmp_path / "data")
    (tmp_path / "data").chmod(0o710)
    folders.make_private(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o710


def test_it_keeps_the_demo_account_for_its_owner_only(tmp_path: Path) -> None:
    write_account(tmp_path, ACCOUNT)
    write_account(tmp_path, ACCOUNT)
    assert read_account(tmp_path) == ACCOUNT
    assert stat.S_IMODE((tmp_path / "demo-client.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [None, "not json", "{}", '{"token": "t"}'])
def test_it_says_when_there_is_no_demo_account(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "demo-client.json").write_text(content)
    with pytest.raises(NotReachable, match="demo account"):
        read_account(tmp_path)


def test_it_tells_a_program_where_the_service_is() -> None:
    told = json.loads(as_json(client_info(BASE, ACCOUNT)))
    assert told == {
        "url": f"{BASE}/experimental",
        "token": ACCOUNT.token,
        "instance": "crn:v1:a",
        "backend": "demo_nairobi",
        "env": {"IAM_URL": BASE, "GLOBAL_SEARCH_URL": BASE, "GLOBAL_CATALOG_URL": f"{BASE}/catalog"},
    }


def test_it_prints_exports_that_a_shell_reads_back_unchanged() -> None:
    exports = as_shell(client_info(BASE, ACCOUNT, "other"))
    script = f'{exports}\nprintf "%s|%s|%s" "$QISKIT_IBM_TOKEN" "$QISKIT_IBM_INSTANCE" "$IAM_URL"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == f"{ACCOUNT.token}|other|{BASE}"


def test_it_warns_people_about_the_public_host_wherever_the_key_is_shown() -> None:
    told = as_text(client_info(BASE, ACCOUNT), "tell")
    for text in (told, *(banner(BASE, Path("/d"), account, is_default=True) for account in (ACCOUNT, None))):
        assert "public host" in text
        assert "IAM_URL" in text


def test_it_prints_a_program_that_python_can_read() -> None:
    text = as_text(client_info(BASE, ACCOUNT), "tell")
    program = text[text.index("from qiskit") : text.index("Or save")]
    compile(program, "printed", "exec")
    assert 'eval "$(tell --shell)"' in text


def test_it_prints_a_line_that_works_from_the_checkout_and_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "a folder's name"
    for folder in (Path(__file__).resolve().parents[2], tmp_path):
        monkeypatch.chdir(folder)
        text = banner(BASE, missing, ACCOUNT, is_default=False)
        line = next(line for line in text.splitlines() if "eval" in line)
        said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False).stderr
        assert f"No service runs on {missing}" in said


def test_it_names_the_data_folder_in_the_command_only_when_it_is_not_the_usual_one() -> None:
    assert command_line("client", Path("/a b"), is_default=False).endswith("client --data '/a b'")
    assert command_line("client", Path("/a b"), is_default=True).endswith("client")
