"""What came of the calls, in words and tables."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Tally:
    """How often each operation answered what, and what was wrong."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def note(self, operation: str, status: int) -> None:
        """One answer."""
        self.answers[operation, status] += 1

    def add(self, other: "Tally") -> None:
        """What another run saw."""
        self.answers += other.answers
        self.faults += other.faults

    @property
    def operations(self) -> list[str]:
        """Those that were called."""
        return sorted({name for name, _ in self.answers}, key=lambda name: name.split(" ")[::-1])

    def statuses_of(self, operation: str) -> dict[int, int]:
        """How often an operation answered what."""
        return {
            status: number for (name, status), number in sorted(self.answers.items()) if name == operation
        }

    def share(self, hundreds: int) -> float:
        """Which part of the answers were of one class of statuses."""
        found = sum(number for (_, status), number in self.answers.items() if status // 100 == hundreds)
        return found / max(1, self.answers.total())

    def answered(self) -> set[str]:
        """The operations that did what they were asked at least once."""
        return {name for name, status in self.answers if 200 <= status < 300}

    def line(self, role: str) -> str:
        """The whole run in a line."""
        shares = ", ".join(f"{hundreds}xx {self.share(hundreds):.0%}" for hundreds in (2, 3, 4, 5))
        calls, done = self.answers.total(), len(self.answered())
        return (
            f"{role:9} {calls:6} calls of {len(self.operations)} operations, {done} did as asked ({shares})"
        )


def report(tallies: Mapping[str, Tally]) -> str:
    """All runs: a line for each role, the statuses of each operation, who never answered, what was wrong."""
    whole = together(tallies.values())
    lines = [tally.line(role) for role, tally in tallies.items()]
    lines += ["", "Statuses of each operation, by all roles together:"]
    lines += [f"  {name:75} {_told(whole.statuses_of(name))}" for name in whole.operations]
    lines += ["", "Never answered 2xx, whoever called:"]
    lines += [f"  {name}" for name in whole.operations if name not in whole.answered()] or ["  none"]
    lines += ["", f"Faults: {len(whole.faults)}", *(f"  {fault}" for fault in whole.faults)]
    return "\n".join(lines)


def together(tallies: Iterable[Tally]) -> Tally:
    """One of many."""
    found = Tally()
    for each in tallies:
        found.add(each)
    return found


def _told(statuses: Mapping[int, int]) -> str:
    return "  ".join(f"{status}: {number}" for status, number in statuses.items())
