"""Proof that the kernel's tests notice a broken rule: each is broken in turn."""
