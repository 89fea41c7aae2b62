"""The plans an instance can have, and how the catalogue describes them to a client."""

from dataclasses import dataclass
from enum import StrEnum


class Plan(StrEnum):
    """The kind of allowance an instance runs under."""

    OPEN = "open"
    INTERNAL = "internal"
    PREMIUM = "premium"
    FLEX = "flex"
    PAY_AS_YOU_GO = "pay-as-you-go"

    @property
    def catalogue_id(self) -> str:
        """The id under which the catalogue lists the plan."""
        return f"plan-{self.value}"


@dataclass(frozen=True)
class CatalogueEntry:
    """One plan of the catalogue.

    ``pricing`` is one of free, trial, paygo, paid, subscription and unknown: clients stop with an
    error on any other word, and prefer free and trial plans when the user names no instance.
    """

    id: str
    display_name: str
    pricing: str


ARCHIVED_ENTRY = CatalogueEntry("plan-archived", "Archived", "unknown")

CATALOGUE = {
    entry.id: entry
    for entry in (
        CatalogueEntry(Plan.OPEN.catalogue_id, "Open", "free"),
        CatalogueEntry(Plan.INTERNAL.catalogue_id, "Internal", "free"),
        CatalogueEntry(Plan.PREMIUM.catalogue_id, "Premium", "subscription"),
        CatalogueEntry(Plan.FLEX.catalogue_id, "Flex", "subscription"),
        CatalogueEntry(Plan.PAY_AS_YOU_GO.catalogue_id, "Pay-as-you-go", "paygo"),
        # Archived instances are listed under this, so that a client that chooses for its user takes it last.
        ARCHIVED_ENTRY,
    )
}
