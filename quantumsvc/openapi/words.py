"""Words that many bodies share."""

from typing import Annotated

from msgspec import Meta

# An instant as the wire writes it: ISO 8601 in UTC.
Instant = Annotated[
    str, Meta(examples=["2026-11-21T05:36:04.716153Z"], extra_json_schema={"format": "date-time"})
]
Seconds = Annotated[float, Meta(description="seconds")]
