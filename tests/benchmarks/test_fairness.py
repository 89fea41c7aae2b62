"""The benchmark's goal, as a test that is quick enough to run every time."""

import pytest

from quantumsvc.scheduling.states import SessionMode
from tests.benchmarks.fairness import SHARES, parts_used


@pytest.mark.parametrize(
    "mode",
    [
        None,
        pytest.param(SessionMode.BATCH, marks=pytest.mark.slow),
        pytest.param(SessionMode.DEDICATED, marks=pytest.mark.slow),
    ],
)
def test_each_instance_gets_its_share(mode: SessionMode | None) -> None:
    for name, part in parts_used(28, mode).items():
        assert part == pytest.approx(SHARES[name] / sum(SHARES.values()), rel=0.02)
