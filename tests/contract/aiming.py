"""Addresses, queries and bodies of calls that should be answered, and changes that may spoil them."""

import copy
import re
from random import Random
from typing import Any

from tests.contract.world import World
from tests.factories import at

ODD: tuple[Any, ...] = (
    None, "", "x", "\0", "x" * 300, "²", "NaN", "2026-11-21T12:00:00Z", "0001-01-01T00:00:00Z", "P1D",
    0, -1, 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, True, False, [], [None], {}, {"": None}, ["x"] * 20,
)  # fmt: skip
SETS = "/api/v1/backends/{name}/calibrations/{ident}"
# Of words that may say anything, no more than these say what is found.
OFTEN = 0.25


def address_of(path: str, world: World, random: Random) -> dict[str, str]:
    """The parts of the address that vary, with what exists."""
    if path == SETS:
        return {"name": world.places["fridge"][0], "ident": random.choice([*world.places["sets"], "current"])}
    found: dict[str, str] = {}
    before = ""
    for part in path.strip("/").split("/"):
        if place := re.match(r"\{(\w+)\}", part):
            # An alert is of the first backend.
            kinds = world.places[before]
            found[place[1]] = kinds[0] if "/alerts/" in path else random.choice(kinds)
        before = part
    return found


def query_of(operation: Any, world: World, random: Random) -> dict[str, Any]:
    """Some of the words that the operation knows, each with something that it may be."""
    described = [each.definition for each in operation.query]
    if random.random() < OFTEN:
        described = [each for each in described if each["required"]]
    return {
        each["name"]: _word(each, world, random)
        for each in described
        if each["required"] or random.random() < OFTEN
    }


def _word(described: dict[str, Any], world: World, random: Random) -> Any:
    name, schema = described["name"], described["schema"]
    if schema["type"] == "array":
        return [_value(name, schema["items"], world, random)]
    return _value(name, schema, world, random)


def _value(name: str, schema: dict[str, Any], world: World, random: Random) -> Any:
    if "enum" in schema:
        return random.choice(schema["enum"])
    if schema["type"] == "boolean":
        return random.choice(["true", "false"])
    if schema["type"] == "integer":
        most = 0 if name in {"wait", "offset"} else min(schema["maximum"], 5000)
        return random.randint(schema["minimum"], most)
    if schema.get("format") == "date-time":
        return at(random.uniform(-1e5, 1e5) if name != "end" else random.uniform(2e5, 3e5)).isoformat()
    return random.choice(world.words.get(name, [""]))


def body_of(operation: Any, world: World, random: Random) -> tuple[Any, str | None]:
    """A body that should do, and its type; nothing for an operation that takes none."""
    media = next((each.media_type for each in operation.body), None)
    if media is None:
        return None, None
    known = world.bodies[operation.definition.raw["operationId"]]
    return (copy.deepcopy(random.choice(known)) if known else {}), media


def changed(value: Any, random: Random) -> Any:
    """The same with one part left out, doubled, or something else."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        return value if value is None or isinstance(value, dict) else random.choice(ODD)
    found = value.copy()
    place = random.choice(list(found)) if isinstance(found, dict) else random.randrange(len(found))
    how = random.random()
    if how < 0.25:
        del found[place]
    elif how < 0.35 and isinstance(found, dict):
        found[random.choice(["x", "id", f"{place}s"])] = found[place]
    else:
        found[place] = changed(found[place], random)
    return found
