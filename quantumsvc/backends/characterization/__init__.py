"""Measuring what a device is like: decays, readout and gates. Runs in the child, on any driver's device."""

from quantumsvc.backends.characterization.routine import calibrate

__all__ = ["calibrate"]
