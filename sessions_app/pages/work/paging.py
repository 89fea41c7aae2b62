"""A page of work: which rows, and the cursors of what lies on either side."""

from dataclasses import dataclass, replace

from django.http import QueryDict

from sessions_app.pages.work.finding import Finder, Found, Seen
from sessions_app.pages.work.places import Place

SIZE = 50


@dataclass(frozen=True)
class WorkPage:
    """Rows, newest first; cursors are empty where nothing lies.

    ``searched_to``: rows older than this were not looked at. ``all_seen``: what there is, when it all fits.
    """

    rows: list[Found]
    newer: str = ""
    older: str = ""
    searched_to: Place | None = None
    all_seen: Seen | None = None


def work_page(finder: Finder, query: QueryDict) -> WorkPage:
    """The page that the query names: the rows after ``after`` (newer), or before ``before`` (older).

    A cursor that can't be read, or with less than a page after it, gives the newest page.
    """
    if place := Place.read(query.get("after", "")):
        found = finder.look(place, SIZE + 1, newer=True).rows
        if len(found) > SIZE:
            return _shown(found[:SIZE][::-1], newer=True, older=True)
        place = None
    else:
        place = Place.read(query.get("before", ""))
    seen = finder.look(place, SIZE + 1)
    if len(seen.rows) > SIZE:
        return _shown(seen.rows[:SIZE], newer=place is not None, older=True)
    # Less than a page was found: to the end, or as far as was looked.
    page = _shown(seen.rows, newer=place is not None, older=False)
    older = seen.edge.cursor if seen.edge else ""
    return replace(page, older=older, searched_to=seen.edge, all_seen=None if place else seen)


def _place_of(found: Found) -> Place:
    return Place(at=found.at, ident=found.ident, kind=found.kind)


def _shown(rows: list[Found], *, newer: bool, older: bool) -> WorkPage:
    return WorkPage(
        rows,
        newer=_place_of(rows[0]).cursor if newer and rows else "",
        older=_place_of(rows[-1]).cursor if older and rows else "",
    )
