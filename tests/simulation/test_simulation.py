"""The simulator: what it plays, and what it says of it."""

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
    assert read(workload.text()) == workload


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
