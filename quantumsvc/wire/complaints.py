"""Everything that is wrong with a body, told at once.

The decoder stops at the first fault. Only when there is one is the body looked at again, field by field.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from quantumsvc.errors import BadRequest, ServiceError, Several


def wrong_fields(body: bytes, kind: Any) -> list[BadRequest]:
    """What is wrong with each field of a body that the decoder has refused; nothing if that can't be told."""
    try:
        whole = msgspec.json.decode(body)
        fields = msgspec.structs.fields(kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
        return []
    if not isinstance(whole, dict):
        return []
    found = [text for field in fields if (text := _wrong(field, whole))]
    if kind.__struct_config__.forbid_unknown_fields:
        unknown = whole.keys() - {field.encode_name for field in fields}
        found += [f"Object contains unknown field `{name}`" for name in sorted(unknown)]
    return [invalid(text) for text in found]


def _wrong(field: Any, whole: dict[str, Any]) -> str:
    name = field.encode_name
    if name not in whole:
        return f"Object missing required field `{name}`" if field.required else ""
    if field.type is msgspec.Raw:
        return ""
    try:
        msgspec.convert(whole[name], field.type)
    except msgspec.ValidationError as error:
        text, mark, place = str(error).partition(" - at `$")
        return f"{text} - at `$.{name}{place}" if mark else f"{text} - at `$.{name}`"
    return ""


def invalid(text: str) -> BadRequest:
    """The refusal of one field."""
    return BadRequest(f"The request is not valid: {text}.")


def checked_all(*checks: Callable[[], object]) -> None:
    """Make all checks. Raises what they raise, together."""
    found: list[ServiceError] = []
    for check in checks:
        try:
            check()
        except BadRequest as problem:
            found.append(problem)
    if found:
        raise together(found)


def together(found: Sequence[ServiceError]) -> ServiceError:
    """One error, or several as one."""
    return found[0] if len(found) == 1 else Several(found)
