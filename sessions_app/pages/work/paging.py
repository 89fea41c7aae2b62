"""A page of work: which rows, and the cursors of what lies on either side."""

from dataclasses import dataclass

from django.http import QueryDict

from sessions_app.pages.work.finding import Finder, Found
from sessions_app.pages.work.places import Place

SIZE = 50


@dataclass(frozen=True)
class WorkPage:
    """Rows, newest first; cursors are empty where nothing lies.

    ``searched_to``: rows older than this were not looked at.
    """

    rows: list[Found]
    newer: str = ""
    older: str = ""
    searched_to: Place | None = None


def work_page(finder: Finder, query: QueryDict) -> WorkPage:
    """The page that the query names: the rows after ``after`` (newer), or before ``before`` (older).

    A cursor that can't be read, or with less than a page after it, gives the newest page.
    """
    if place := Place.read(query.get("after", "")):
        found = finder.page(place, SIZE + 1, newer=True)
        if len(found) > SIZE:
            return _shown(found[:SIZE][::-1], newer=True, older=True)
        place = None
    else:
        place = Place.read(query.get("before", ""))
    found = finder.page(place, SIZE + 1)
    if len(found) > SIZE:
        return _shown(found[:SIZE], newer=place is not None, older=True)
    return _last(finder, place, found)


def _last(finder: Finder, place: Place | None, found: list[Found]) -> WorkPage:
    """Less than a page was found: to the end, or as far as was looked."""
    edge = finder.edge(place)
    if edge is not None:
        found = [each for each in found if _key(each) >= (edge.at, edge.ident, edge.kind)]
    page = _shown(found, newer=place is not None, older=False)
    older = edge.cursor if edge else ""
    return WorkPage(page.rows, newer=page.newer, older=older, searched_to=edge)


def _key(found: Found) -> tuple[object, str, str]:
    kind, ident, at = found
    return at, ident, kind


def _place_of(found: Found) -> Place:
    kind, ident, at = found
    return Place(at=at, ident=ident, kind=kind)


def _shown(rows: list[Found], *, newer: bool, older: bool) -> WorkPage:
    return WorkPage(
        rows,
        newer=_place_of(rows[0]).cursor if newer and rows else "",
        older=_place_of(rows[-1]).cursor if older and rows else "",
    )
