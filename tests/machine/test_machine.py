"""Anything may happen, in any order; rows, services and a slow reading of the rules must always agree."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.windows import MachineWithWindows


def play(examples: int, *, derandomize: bool) -> None:
    """So many courses of events, each of at most fifty steps."""
    profile = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=list(HealthCheck),
        # While a machine is being written, the first failing course is soon enough.
        phases=[Phase.generate] if os.environ.get("MACHINE_UNSHRUNK") else list(Phase),
    )
    run_state_machine_as_test(MachineWithWindows, settings=profile)


@pytest.mark.django_db
def test_it_obeys_the_rules_in_rows_as_on_paper() -> None:
    play(10, derandomize=True)


@pytest.mark.slow
@pytest.mark.django_db
def test_it_obeys_the_rules_for_long() -> None:
    """With other courses every time; ``MACHINE_RUNS`` says how many."""
    play(int(os.environ.get("MACHINE_RUNS", "300")), derandomize=False)
