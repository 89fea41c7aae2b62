"""Every release of the client that is claimed, against a running service: ``python -m tests.matrix``.

Not part of the timed suite: it downloads each release into an environment of its own, one after another.
"""
