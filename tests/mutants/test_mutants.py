"""Each broken rule is noticed by some test of the kernel."""

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.running import KERNEL, ROOT, verdicts


def test_it_knows_each_place_exactly_once() -> None:
    for mutant in MUTANTS:
        text = (ROOT / KERNEL / mutant.file).read_text()
        assert text.count(mutant.old) == 1, mutant
        assert mutant.old != mutant.new


@pytest.mark.slow
def test_the_kernels_tests_kill_every_mutant() -> None:
    assert [verdict.mutant.what for verdict in verdicts(MUTANTS) if verdict.survived] == []
