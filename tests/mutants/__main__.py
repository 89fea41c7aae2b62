"""``python -m tests.mutants``: break each rule in turn, run the kernel's tests, and report who noticed.

Arguments, if any, choose the mutants whose rule or description contains one of them.
"""

import sys

from tests.mutants.catalogue import MUTANTS
from tests.mutants.running import report, verdicts


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if not words or any(word in f"{m.rule} {m.what}" for word in words)]
    results = verdicts(chosen)
    sys.stdout.write(report(results))
    return 1 if any(result.survived for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
