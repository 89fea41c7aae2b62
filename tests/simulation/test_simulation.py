"""The simulator: what it plays, and what it says of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from quantumsvc.scheduling.states import SessionMode
from sessions_app.simulation.generator import DAY, Demand, generate
from sessions_app.simulation.playing import Record, play
from sessions_app.simulation.report import percentile, report
from sessions_app.simulation.workload import (
    BadWorkload,
    InstancePlan,
    JobPlan,
    SessionPlan,
    WindowPlan,
    Workload,
    read,
)

HOUR = 1 / 24


def loop(**over: object) -> Workload:
    """A loop of three jobs with 100 s of thought after each, and a single job of somebody else."""
    session = SessionPlan(at=0, instance="a", jobs=(10, 10, 10), think=(100,))
    other = JobPlan(at=1, instance="b", seconds=10)
    return Workload((InstancePlan("a"), InstancePlan("b")), (other,), (session,), **over)  # type: ignore[arg-type]


def test_it_holds_the_backend_while_the_user_thinks() -> None:
    record = play(loop(), HOUR)
    assert record.waits == {("a", "dedicated"): [0.0], ("b", "job"): [229.0]}
    assert record.gaps == {"dedicated": [0.0, 0.0]}, "thinking is not waiting"
    assert (record.busy, record.held, record.reactivations) == (40.0, 200.0, 0)
    assert (record.used["a"][-1], record.used["b"][-1]) == (230.0, 10.0)


def test_it_answers_what_a_shorter_ittl_would_change() -> None:
    record = play(loop().changed({}, 60), HOUR)
    assert record.waits["b", "job"] == [69.0]
    assert record.reactivations == 2
    assert (record.used["a"][-1], record.held) == (30 + 2 * 60, 120.0)


def test_it_closes_a_batch_after_its_last_job() -> None:
    batch = SessionPlan(at=0, instance="a", mode=SessionMode.BATCH, jobs=(10, 10))
    record = play(Workload((InstancePlan("a"),), (), (batch,)), HOUR)
    assert (record.gaps, record.busy, record.held) == ({"batch": [0.0]}, 20.0, 0.0)


def test_it_holds_for_a_session_that_was_left_open() -> None:
    left = SessionPlan(at=0, instance="a", jobs=(10,), left_open=True)
    assert play(Workload((InstancePlan("a"),), (), (left,)), HOUR).held == 300.0


def test_it_loses_what_is_sent_to_a_session_at_its_end() -> None:
    short = SessionPlan(at=0, instance="a", jobs=(10, 10), think=(100,), max_ttl=50)
    record = play(Workload((InstancePlan("a"),), (), (short,)), HOUR)
    assert (record.busy, record.refused) == (10.0, 1)


def test_w2_it_keeps_windows_free_and_stops_what_runs_into_them() -> None:
    mine = WindowPlan(at=100, seconds=100, instance="b")
    jobs = (
        JobPlan(at=0, instance="a", seconds=40),
        JobPlan(at=0, instance="a", seconds=70),
        JobPlan(at=50, instance="b", seconds=70),
    )
    record = play(Workload((InstancePlan("a"), InstancePlan("b")), jobs, windows=(mine,)), HOUR)
    assert record.waits == {("a", "job"): [0.0, 200.0], ("b", "job"): [0.0]}
    assert (record.busy, record.lost, record.stopped) == (180.0, 0.0, 0)
    theirs = WindowPlan(at=100, seconds=100, instance="a")
    record = play(Workload((InstancePlan("a"), InstancePlan("b")), jobs[2:], windows=(theirs,)), HOUR)
    assert record.waits == {("b", "job"): [150.0]}
    late = WindowPlan(at=100, seconds=10)
    session = SessionPlan(at=0, instance="a", jobs=(40, 40, 40))
    record = play(Workload((InstancePlan("a"),), (), (session,), windows=(late,)), HOUR)
    assert record.waits == {("a", "dedicated"): [0.0]}


def test_w7_it_charges_what_is_left_unused_of_a_dedicated_window() -> None:
    instances = (InstancePlan("a"), InstancePlan("b"))
    jobs = (JobPlan(at=90, instance="a", seconds=30), JobPlan(at=110, instance="a", seconds=20))
    for counts, used in ((True, 110.0), (False, 50.0)):
        mine = WindowPlan(at=100, seconds=100, instance="a", counts=counts)
        assert play(Workload(instances, jobs, windows=(mine,)), HOUR).used["a"][-1] == used
    lent = WindowPlan(at=100, seconds=100, instance="b", filler=40)
    record = play(Workload(instances, (JobPlan(at=110, instance="a", seconds=40),), windows=(lent,)), HOUR)
    assert record.waits == {("a", "job"): [0.0]}


def test_the_same_seed_makes_the_same_workload() -> None:
    demand = Demand(shares={"a": 2, "b": 1}, days=1, seed=7)
    assert generate(demand) == generate(demand)
    assert generate(demand) != generate(Demand(shares={"a": 2, "b": 1}, days=1, seed=8))


def test_it_makes_up_the_work_that_was_asked_for() -> None:
    workload = generate(Demand(shares={"a": 1, "b": 1}, days=10, load=0.5))
    for name in ("a", "b"):
        single = sum(job.seconds for job in workload.jobs if job.instance == name)
        joined = sum(sum(each.jobs) for each in workload.sessions if each.instance == name)
        assert single + joined == pytest.approx(0.25 * 10 * DAY, rel=0.02)
    assert {each.mode for each in workload.sessions} == set(SessionMode)


def test_a_workload_survives_being_written_down() -> None:
    workload = generate(Demand(shares={"a": 2, "b": 1}, days=0.5))
    windows = (WindowPlan(at=0, seconds=9, instance="a", users=("ann",)), WindowPlan(at=9, seconds=9))
    assert read(workload.text()) == workload
    reserved = replace(workload, windows=windows)
    assert read(reserved.text()) == reserved


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("{}", "not understood"),
        ('{"instances": [{"id": "a", "colour": 1}]}', "colour"),
        ('{"instances": [], "jobs": [{"at": 0, "instance": "x", "seconds": 1}]}', "'x'"),
        ('{"instances": [{"id": "a", "parent": "x"}]}', "'x'"),
        ('{"instances": [{"id": "a"}], "interactive_ttl": {}}', "interactive_ttl"),
        (
            '{"instances": [{"id": "a"}], "sessions": [{"at": 0, "instance": "a", "jobs": []}]}',
            "without jobs",
        ),
        ('{"instances": [{"id": "a"}], "sessions": [{"at": 0, "mode": "x", "jobs": [1]}]}', "SessionMode"),
        ('{"instances": [], "windows": [{"at": 0, "seconds": 9, "instance": "x"}]}', "'x'"),
        ('{"instances": [], "windows": [{"at": 0, "seconds": 0}]}', "longer than 0"),
        ('{"instances": [], "windows": [{"at": 5, "seconds": 9}, {"at": 0, "seconds": 6}]}', "overlap"),
    ],
)
def test_it_says_what_is_wrong_with_a_workload(text: str, says: str) -> None:
    with pytest.raises(BadWorkload, match=says):
        read(text)


def test_it_reports_parts_of_siblings_with_all_below_them() -> None:
    tree = (InstancePlan("hub"), InstancePlan("x", 3, "hub"), InstancePlan("y", 1, "hub"), InstancePlan("z"))
    used = {"hub": [0.0] * 5, "x": [30.0] * 5, "y": [10.0] * 5, "z": [40.0] * 5}
    text = report(Workload(tree), Record(100.0, times=[0.0] * 5, used=used, busy=80.0))
    lines = {line.split()[0]: line.split()[-1] for line in text.splitlines() if line}
    assert [lines[name] for name in ("hub", "x", "y", "z")] == ["50.0%", "75.0%", "25.0%", "50.0%"]
    assert "idle" in lines
    assert lines["idle"] == "20.0%"


def test_it_takes_the_percentile_that_was_reached() -> None:
    assert [percentile([3, 1, 2, 4], percent) for percent in (0, 25, 50, 95, 100)] == [1, 1, 2, 4, 4]


def test_the_command_prints_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "workload.json"
    call_command("simulate", "--shares", "a=4,b=1", "--days", "0.5", "--save", str(saved))
    made_up = capsys.readouterr().out
    assert "held for sessions" in made_up
    call_command("simulate", "--workload", str(saved), "--days", "0.5")
    assert capsys.readouterr().out == made_up, "a workload that was saved plays the same"
    call_command("simulate", "--workload", str(saved), "--days", "0.5", "--shares", "b=9", "--ittl", "60")
    assert capsys.readouterr().out != made_up


def test_the_command_refuses_what_it_cannot_play(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    with pytest.raises(CommandError, match="not understood"):
        call_command("simulate", "--workload", str(bad))
    with pytest.raises(CommandError, match="No such file"):
        call_command("simulate", "--workload", str(tmp_path / "none.json"))
    bad.write_text('{"instances": [{"id": "a"}]}')
    with pytest.raises(CommandError, match="no instance b"):
        call_command("simulate", "--workload", str(bad), "--shares", "b=1")


def test_the_command_draws(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    call_command("simulate", "--days", "0.2", "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
