"""Marks of what was answered, so that a client that polls is told "nothing new" instead of all again."""

import re
from hashlib import blake2b

from django.http import HttpResponse

_MARK = re.compile(r'(?:W/)?"([^"]*)"')


def mark_of(*parts: bytes | str) -> str:
    """The mark of an answer that is made of ``parts``."""
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return f'W/"{digest.hexdigest()}"'


def is_known(if_none_match: str | None, mark: str) -> bool:
    """Whether the client has the answer of that mark."""
    if not if_none_match:
        return False
    return if_none_match.strip() == "*" or mark[3:-1] in _MARK.findall(if_none_match)


def unchanged(mark: str) -> HttpResponse:
    """Nothing new."""
    return HttpResponse(status=304, headers={"ETag": mark})


def marked(response: HttpResponse, mark: str) -> HttpResponse:
    """The answer with its mark."""
    response["ETag"] = mark
    return response
