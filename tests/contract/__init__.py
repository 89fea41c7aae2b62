"""The API keeps what its description promises, whoever calls and whatever they send.

A short run is among the tests. The long one: ``python -m pytest -m slow tests/contract -s``. It makes forty
thousand calls in a quarter of an hour; ``CONTRACT_REPORT`` names a file for its report, ``CONTRACT_EXAMPLES``
how often each call is made.
"""
