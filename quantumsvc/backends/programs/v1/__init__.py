"""Sampler and estimator of version 1: circuits as they were written, transpiled here."""
