"""A job's result as a page shows it: one pub and one part of it, which the address names."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.http import QueryDict

from sessions_app.models import Job
from sessions_app.pages.drawings.charts import bars, dots
from sessions_app.pages.drawings.shapes import Drawing
from sessions_app.services.outcomes import Counts, Part, Unreadable, Values, ordered, parts_of

# So many outcomes or values are drawn at one time, from the closest to the widest look.
ZOOMS = (16, 64, 256)
PLACEHOLDER = "The result is private: the client reads it, once."


@dataclass(frozen=True)
class Choice:
    """What the address asks for; ``start`` is the first that is drawn, ``zoom`` how many are."""

    pub: int
    register: str
    which: int
    order: str
    start: int
    zoom: int

    @classmethod
    def of(cls, query: QueryDict) -> "Choice":
        """Whatever makes no sense is taken as not asked for."""
        zoom = _number(query.get("zoom", ""), ZOOMS[1])
        return cls(
            pub=_number(query.get("pub", "")),
            register=query.get("register", ""),
            which=_number(query.get("set", "")),
            order="count" if query.get("order") == "count" else "bits",
            start=_number(query.get("start", "")),
            zoom=zoom if zoom in ZOOMS else ZOOMS[1],
        )

    def link(self, **over: object) -> str:
        """The query of the same look with something else about it."""
        named = {"pub": self.pub, "register": self.register, "set": self.which, "order": self.order}
        return "?" + urlencode({**named, "start": self.start, "zoom": self.zoom, **over})


@dataclass(frozen=True)
class Shown:
    """What is drawn, with the table that says the same; ``why_not`` instead where nothing is.

    ``table`` holds all rows, ``rows`` those that are drawn.
    """

    choice: Choice
    why_not: str = ""
    drawing: Drawing | None = None
    head: Sequence[str] = ()
    table: Sequence[Sequence[object]] = ()
    pubs: int = 0
    registers: Sequence[str] = ()
    sets: int = 0
    told: str = ""
    zooms: Sequence[int] = field(default=ZOOMS)

    @property
    def rows(self) -> Sequence[Sequence[object]]:
        """The rows of the table that are drawn."""
        return self.table[self.choice.start : self.choice.start + self.choice.zoom]

    @property
    def last(self) -> int:
        """The number of the last row that is drawn, counted from 1."""
        return min(self.choice.start + self.choice.zoom, len(self.table))

    @property
    def links(self) -> dict[str, str]:
        """Where to look next, by the name of the step; only those that lead somewhere."""
        choice, found = self.choice, dict[str, str]()
        if choice.start > 0:
            found["Before"] = choice.link(start=max(choice.start - choice.zoom, 0))
        if self.last < len(self.table):
            found["After"] = choice.link(start=choice.start + choice.zoom)
        smaller = [zoom for zoom in ZOOMS if zoom < choice.zoom and zoom < len(self.table)]
        larger = [zoom for zoom in ZOOMS if zoom > choice.zoom and choice.zoom < len(self.table)]
        if smaller:
            found["Zoom in"] = choice.link(zoom=smaller[-1])
        if larger:
            found["Zoom out"] = choice.link(zoom=larger[0], start=choice.start // larger[0] * larger[0])
        return found

    @property
    def file(self) -> str:
        """The query that names this table."""
        return self.choice.link()


def shown_result(job: Job, query: QueryDict) -> Shown:
    """What of a job's result is shown to whoever asks for it in these words."""
    choice = Choice.of(query)
    if job.private:
        return Shown(choice, PLACEHOLDER)
    try:
        parts = parts_of(job.pk)
        if not parts:
            return Shown(choice, "The result holds no pubs.")
        return _shown(parts, choice)
    except Unreadable as unreadable:
        return Shown(choice, str(unreadable))


def _shown(parts: Sequence[Part], choice: Choice) -> Shown:
    place = min(choice.pub, len(parts) - 1)
    part = parts[place]
    if part.has_values:
        return _values(part.told(), _moved(choice, pub=place), len(parts))
    if not part.registers:
        raise Unreadable("This part of the result is of a kind that is not drawn here.")
    register = choice.register if choice.register in part.registers else part.registers[0]
    sets = part.sets(register)
    which = min(choice.which, max(sets - 1, 0))
    counts = part.counts(register, which)
    moved = _moved(choice, pub=place, register=register, which=which)
    return _counted(counts, moved, part, sets, len(parts))


def _counted(counts: Counts, choice: Choice, part: Part, sets: int, pubs: int) -> Shown:
    pairs = ordered(counts, by_count=choice.order == "count")
    choice = _in_reach(choice, len(pairs))
    table = [(word, count, round(count / max(counts.shots, 1), 6)) for word, count in pairs]
    return Shown(
        choice,
        drawing=bars(pairs[choice.start : choice.start + choice.zoom], counts.shots),
        head=("outcome", "count", "part"),
        table=table,
        pubs=pubs,
        registers=part.registers,
        sets=sets,
        told=f"{counts.shots} shots of {counts.bits} bits",
    )


def _values(values: Values, choice: Choice, pubs: int) -> Shown:
    errors = list(values.errors) + [0.0] * (len(values.values) - len(values.errors))
    choice = _in_reach(choice, len(values.values))
    end = choice.start + choice.zoom
    others = {name: each for name, each in values.others.items() if len(each) == len(values.values)}
    table = list(zip(range(len(values.values)), values.values, errors, *others.values(), strict=False))
    return Shown(
        choice,
        drawing=dots(values.values[choice.start : end], errors[choice.start : end], choice.start),
        head=("number", "value", "standard error", *(name.replace("_", " ") for name in others)),
        table=table,
        pubs=pubs,
        told=f"{len(values.values)} expectation values",
    )


def _moved(choice: Choice, **over: object) -> Choice:
    return replace(choice, **over)  # type: ignore[arg-type]


def _in_reach(choice: Choice, count: int) -> Choice:
    """The look moved to where there is something."""
    last = max(count - 1, 0) // choice.zoom * choice.zoom
    return _moved(choice, start=min(choice.start, last))


def _number(text: str, default: int = 0) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
