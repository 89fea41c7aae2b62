"""``manage.py simulate``: what would happen with this workload, these shares, this ITTL?"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sessions_app.simulation.generator import Demand, generate
from sessions_app.simulation.playing import play
from sessions_app.simulation.plotting import plot
from sessions_app.simulation.report import report
from sessions_app.simulation.workload import BadWorkload, Workload, read

DEFAULT_SHARES = {"alpha": 4, "beta": 2, "gamma": 1}


class Command(BaseCommand):
    """Plays a workload through the scheduling kernel in virtual time. Touches no data of the service."""

    help = "Simulate a workload from a file, or a made-up one, and print waits, fairness and utilisation."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--workload", type=Path, metavar="FILE.json", help="the workload to play")
        source.add_argument("--generate", action="store_true", help="make a workload up (the default)")
        parser.add_argument("--shares", type=_shares, default={}, metavar="a=4,b=2")
        parser.add_argument("--ittl", type=int, metavar="SECONDS", help="ITTL of dedicated sessions")
        parser.add_argument("--days", type=float, default=28.0)
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same workload up")
        parser.add_argument("--load", type=float, default=1.2, help="work sent, relative to capacity")
        parser.add_argument(
            "--interactive", type=float, default=0.15, help="part of it in dedicated sessions"
        )
        parser.add_argument("--batches", type=float, default=0.15, help="part of it in batches")
        parser.add_argument("--save", type=Path, metavar="FILE.json", help="write the workload down as well")
        parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it; needs matplotlib")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            workload = self._workload(options)
        except (BadWorkload, OSError) as error:
            raise CommandError(str(error)) from error
        if options["save"]:
            options["save"].write_text(workload.text())
        record = play(workload, options["days"])
        self.stdout.write(report(workload, record))
        if options["plot"]:
            self._plot(workload, record, options["plot"])

    def _workload(self, options: dict[str, Any]) -> Workload:
        if options["workload"]:
            workload = read(options["workload"].read_text())
            return workload.changed(options["shares"], options["ittl"])
        demand = Demand(
            shares=options["shares"] or DEFAULT_SHARES,
            days=options["days"],
            load=options["load"],
            interactive=options["interactive"],
            batches=options["batches"],
            seed=options["seed"],
        )
        return generate(demand).changed({}, options["ittl"])

    def _plot(self, workload: Workload, record: Any, path: Path) -> None:
        try:
            plot(workload, record, path)
        except ImportError as error:
            raise CommandError(f"--plot needs matplotlib: {error}.") from error
        self.stdout.write(f"Drawn in {path}.")


def _shares(text: str) -> dict[str, int]:
    """Instances and shares written as ``a=4,b=2``. Raises ``ValueError``."""
    pairs = (part.partition("=") for part in text.split(","))
    shares = {name.strip(): int(number) for name, _, number in pairs}
    if min(shares.values()) < 0 or "" in shares:
        raise ValueError("shares are written as name=number, and never below zero")
    return shares
