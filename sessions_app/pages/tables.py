"""Tables as files."""

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpResponse


def plain(text: str) -> str:
    """A text that a spreadsheet would take for a formula, marked as text."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The table as a file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """The table for the reader to keep."""
    disposition = f'attachment; filename="{name}"'
    headers = {"Content-Disposition": disposition}
    return HttpResponse(as_csv(head, rows), content_type="text/csv; charset=utf-8", headers=headers)
