"""Drift and what calibrations see of it: a demo chip over thirty virtual days, as a plot.

The chip's true T1 and two-qubit errors follow their walk. Every day a calibration measures some qubits,
really, on the simulated chip as it is then; between two calibrations clients read the last set.

    python -m tests.benchmarks.drift --days 30 --every 1 --plot drift.png
"""

import argparse
import time
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from quantumsvc.backends.chipdata.properties import measured_properties, values_of
from quantumsvc.backends.chipdata.readings import Asked, Key
from quantumsvc.backends.demo_devices import DemoDevice, demo_devices
from quantumsvc.wire.times import iso_z

HOURS_PER_DAY = 24
BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
Track = list[tuple[float, float]]


class Silence:
    """Nobody listens to these calibrations."""

    def phase(self, name: str) -> None: ...

    def progress(self, done: int, total: int) -> None: ...

    def log(self, level: str, text: str) -> None: ...

    def metric(self, name: str, value: float | int | str) -> None: ...
    def transpiled(self, text: str) -> None: ...


@dataclass
class History:
    """By value of the chip: the truth each hour, and what each calibration found, with its deviation."""

    true: dict[Key, Track] = field(default_factory=dict)
    measured: dict[Key, list[tuple[float, float, float]]] = field(default_factory=dict)
    told: dict[Key, Track] = field(default_factory=dict)


def main() -> None:
    """Play, print, plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="demo_manila")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--every", type=float, default=1.0, help="days between two calibrations")
    parser.add_argument("--qubits", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--plot", type=Path, default=Path("drift.png"))
    options = parser.parse_args()
    device = next(each for each in demo_devices() if each.name == options.device)
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = play(device, options.days, options.every, tuple(options.qubits))
    report(history)
    plot(history, device.name, options.plot)
    print(f"{options.plot} drawn after {time.monotonic() - began:.0f} s")


def play(device: DemoDevice, days: int, every: float, qubits: tuple[int, ...]) -> History:
    """The chip's hours, one after the other; a step of its walk is an hour."""
    from quantumsvc.backends.drivers.drift import Truth, true_values

    history = History()
    told: dict[str, Any] = device.properties
    wanted = [key for key in values_of(told) if key[0] in ("T1", "gate_error") and set(key[1]) <= set(qubits)]
    for hour in range(days * HOURS_PER_DAY + 1):
        truth = Truth(seed=device.options["drift"]["seed"], step=hour, properties=device.properties)
        if hour and hour % round(every * HOURS_PER_DAY) == 0:
            told = _calibrate(device, truth, told, qubits, hour / HOURS_PER_DAY, history)
        true, believed = true_values(truth), values_of(told)
        for key in wanted:
            history.true.setdefault(key, []).append((hour / HOURS_PER_DAY, true[key]))
            history.told.setdefault(key, []).append((hour / HOURS_PER_DAY, believed[key]))
    return history


def _calibrate(
    device: DemoDevice,
    truth: Any,
    told: dict[str, Any],
    qubits: tuple[int, ...],
    day: float,
    history: History,
) -> dict[str, Any]:
    """Measure the chip as it is now; what clients read afterwards."""
    from quantumsvc.backends.characterization import calibrate
    from quantumsvc.backends.drivers import build_device
    from quantumsvc.backends.drivers.base import DeviceDocument, write_document

    document = DeviceDocument(
        device.name, device.driver, device.options, device.configuration, told, truth=truth
    )
    chip = build_device(write_document(document)[1])
    asked = Asked(qubits, ("T1", "T2", "single_qubit", "two_qubit"))
    found = calibrate(chip, asked, Silence(), seed=round(day * 100))
    for each in found.readings:
        history.measured.setdefault(each.key, []).append((day, each.value, each.deviation))
    return measured_properties(told, found.readings, iso_z(BEGINNING + timedelta(days=day)))


def report(history: History) -> None:
    """How far off clients are with calibrations, and would be without."""
    for key, track in history.true.items():
        usual = track[0][1]
        off = [abs(told / true - 1) for (_, told), (_, true) in zip(history.told[key], track, strict=True)]
        never = [abs(usual / true - 1) for _, true in track]
        place, runs = "-".join(map(str, key[1])), len(history.measured.get(key, []))
        print(
            f"{key[0]} {place}: on average {sum(off) / len(off):.0%} off with {runs} "
            f"calibrations, {sum(never) / len(never):.0%} without"
        )


def plot(history: History, name: str, path: Path) -> None:
    """One panel for each value: truth, measurements with their errors, and what clients read."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    keys = sorted(key for key in history.true if key in history.measured)
    figure, panels = pyplot.subplots(len(keys), 1, figsize=(9, 2.4 * len(keys)), sharex=True, squeeze=False)
    for panel, key in zip(panels[:, 0], keys, strict=True):
        scale, unit = (1e6, "µs") if key[0] == "T1" else (1e3, "10⁻³")
        days, true = zip(*history.true[key], strict=True)
        _, told = zip(*history.told[key], strict=True)
        at, value, deviation = zip(*history.measured[key], strict=True)
        panel.plot(days, [each * scale for each in true], color="0.6", label="true")
        panel.step(days, [each * scale for each in told], where="post", label="what clients read")
        panel.errorbar(
            at, [each * scale for each in value], [each * scale for each in deviation],
            fmt="o", capsize=3, label="measured",
        )  # fmt: skip
        panel.set_ylabel(f"{key[0]} {'-'.join(map(str, key[1]))} ({unit})")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="upper right", ncols=3)
    panels[0, 0].set_title(f"{name}: drift and calibrations", loc="left")
    panels[-1, 0].set_xlabel("days")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
