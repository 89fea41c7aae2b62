"""The bridge from an enumeration of the kernel to a Django field's choices."""

from enum import StrEnum


def choices_of(states: type[StrEnum]) -> list[tuple[str, str]]:
    """Value and label of each member, in the order they are declared."""
    return [(state.value, state.name.replace("_", " ").capitalize()) for state in states]
