"""The document as a page shows it: headings, operations, and tables of what is sent and answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from quantumsvc.openapi.operations import Schema

_PREFIX = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of text; ``link`` names the type that it stands for."""

    text: str
    link: str = ""
    is_code: bool = False


Prose = tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter, or one field of a body."""

    name: str
    words: tuple[Word, ...]
    required: bool
    note: Prose
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, what it means, and what it holds."""

    status: str
    notes: tuple[Prose, ...]
    words: tuple[Word, ...]
    media: str

    @property
    def is_refusal(self) -> bool:
        """Whether the caller has to do something else."""
        return self.status >= "400"


@dataclass(frozen=True, slots=True)
class Call:
    """One method of one address."""

    ident: str
    method: str
    path: str
    summary: str
    description: Prose
    ways: tuple[str, ...]
    parameters: tuple[Row, ...]
    body: tuple[Word, ...]
    body_media: str
    body_example: str
    answers: tuple[Answer, ...]
    answer_example: str


@dataclass(frozen=True, slots=True)
class Group:
    """The calls about one thing."""

    name: str
    calls: tuple[Call, ...]

    @property
    def ident(self) -> str:
        """Its anchor."""
        return "about-" + self.name.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Kind:
    """One type that calls share."""

    name: str
    note: Prose
    rows: tuple[Row, ...]


def groups_of(document: Schema) -> list[Group]:
    """All calls, by what they are about, in the order of their addresses."""
    found: dict[str, list[Call]] = {}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            found.setdefault(said["tags"][0], []).append(_call(method, path, said))
    return [Group(name, tuple(calls)) for name, calls in sorted(found.items())]


def kinds_of(document: Schema) -> list[Kind]:
    """All types, by name."""
    return [
        Kind(name, prose_of(schema.get("description", "")), _fields(schema))
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def _call(method: str, path: str, said: Schema) -> Call:
    bodies = said.get("requestBody", {}).get("content", {})
    media, body = _first(bodies)
    return Call(
        ident=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        description=prose_of(said["description"]),
        ways=tuple(name for way in said["security"] for name in way),
        parameters=tuple(_parameter(each) for each in said.get("parameters", ())),
        body=words_of(body["schema"]) if body else (),
        body_media=media,
        body_example=_written(body),
        answers=tuple(_answer(status, each) for status, each in said["responses"].items()),
        answer_example="".join(map(_written, _contents(said))),
    )


def _first(contents: dict[str, Schema]) -> tuple[str, Schema]:
    return next(iter(contents.items())) if contents else ("", {})


def _contents(said: Schema) -> list[Schema]:
    return [content for each in said["responses"].values() for content in each.get("content", {}).values()]


def _written(content: Schema) -> str:
    example = content.get("example")
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)


def _parameter(each: Schema) -> Row:
    words, note = words_of(each["schema"]), prose_of(each.get("description", ""))
    return Row(each["name"], words, each["required"], note, each["in"])


def _answer(status: str, said: Schema) -> Answer:
    media, content = _first(said.get("content", {}))
    words = words_of(content["schema"]) if content else ()
    notes = tuple(prose_of(line.removeprefix("* ")) for line in said["description"].splitlines())
    return Answer(status, notes, words, media)


def _fields(schema: Schema) -> tuple[Row, ...]:
    required = set(schema.get("required", ()))
    return tuple(
        Row(name, words_of(field), name in required, prose_of(field.get("description", "")))
        for name, field in schema.get("properties", {}).items()
    )


def prose_of(text: str) -> Prose:
    """A sentence, with what stands between backquotes as code."""
    parts = text.replace("``", "`").split("`")
    return tuple(Word(part, is_code=bool(number % 2)) for number, part in enumerate(parts) if part)


def words_of(schema: Schema) -> tuple[Word, ...]:
    """A type in words, such as *list of* Job *or null*."""
    return tuple(_words(schema))


def _words(schema: Schema) -> Iterator[Word]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_PREFIX)
        yield Word(name, name)
    elif choices := schema.get("anyOf") or schema.get("oneOf"):
        for number, choice in enumerate(choices):
            if number:
                yield Word("or")
            yield from _words(choice)
    elif "enum" in schema:
        yield Word(", ".join(map(_shown, schema["enum"])))
    elif schema.get("type") == "array":
        yield Word("list of")
        yield from _words(schema.get("items") or {})
    else:
        yield Word(_plain(schema))


def _plain(schema: Schema) -> str:
    kinds = schema.get("type", "anything")
    word = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "format" in schema:
        word = f"{word} ({schema['format']})"
    bounds = [schema.get("minimum"), schema.get("maximum")]
    if None not in bounds:
        word = f"{word} from {bounds[0]} to {bounds[1]}"
    if schema.get("default") not in (None, "", []):
        word = f"{word}, {_shown(schema['default'])} if left out"
    return word


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
