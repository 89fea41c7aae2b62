"""A module with a fault, as a half-finished update leaves one behind."""

raise ImportError("this module has a fault")
