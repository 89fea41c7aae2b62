"""What a member may do in an instance. Each role may do all that the one before it may."""

from enum import StrEnum


class Role(StrEnum):
    """reader: look; writer: also run jobs and sessions; manager: also members, shares and reservations."""

    READER = "reader"
    WRITER = "writer"
    MANAGER = "manager"

    def covers(self, other: "Role") -> bool:
        """Whether whoever holds this role may do what ``other`` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)
