"""The scheduling kernel: decisions as pure functions of a snapshot.

Standard library only; no clock, no randomness, no input or output. Rules are cited by their number
(``S4``, ``L6``); ``docs/rules.md`` lists them.
"""
