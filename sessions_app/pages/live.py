"""Pages whose parts are fetched anew while they are looked at (``static/quantumsvc/live.js``)."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

# The ids of the parts that the page's script asks for.
HEADER = "X-Live"


def asked_parts(request: HttpRequest) -> list[str]:
    """The ids of the parts that are wanted; empty when it is the whole page."""
    return request.headers.get(HEADER, "").split()


def live_page(
    request: HttpRequest, template: str, context: Mapping[str, Any], parts: Mapping[str, str]
) -> HttpResponse:
    """The page, or those of its parts that are asked for.

    ``parts`` names the template of each part by its element's id. The page includes the same templates,
    so that a live part equals a fresh one. A part that is not named is cut from the whole page.
    """
    asked = asked_parts(request)
    if not asked or not set(asked) <= parts.keys():
        return render(request, template, dict(context))
    return HttpResponse("".join(render_to_string(parts[each], dict(context), request) for each in asked))
