"""The API keeps what its description promises, whoever calls and whatever they send.

A short run is among the tests. The long one: ``python -m pytest -m slow tests/contract -s``.
"""
