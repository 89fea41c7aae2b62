"""The description of the REST interface, for programs and for people."""

import hashlib
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quantumsvc.api import encode_json
from quantumsvc.openapi.operations import Schema
from quantumsvc.openapi.problems import PROBLEMS
from quantumsvc.openapi.reading import groups_of, kinds_of, prose_of
from quantumsvc.wire.versions import VERSIONS

JSON_TYPE = "application/vnd.oai.openapi+json"
YAML_TYPE = "application/vnd.oai.openapi"


@cache
def document() -> Schema:
    """The whole description, made once in a process."""
    # The generator is needed by this alone.
    from quantumsvc.openapi.schema import Generator

    found: Schema = Generator().get_schema(request=None, public=True)
    return found


@cache
def _written(as_yaml: bool) -> tuple[bytes, str]:
    """The text of the document and its mark."""
    from drf_spectacular.renderers import OpenApiYamlRenderer

    body: bytes = OpenApiYamlRenderer().render(document()) if as_yaml else encode_json(document())
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _answer(request: HttpRequest, *, as_yaml: bool) -> HttpResponse:
    body, mark = _written(as_yaml)
    headers = {"ETag": mark, "Cache-Control": "public, max-age=300"}
    if request.headers.get("If-None-Match") == mark:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type=YAML_TYPE if as_yaml else JSON_TYPE, headers=headers)


@require_safe
def as_json(request: HttpRequest) -> HttpResponse:
    """``GET /api/v1/openapi.json``; for everybody: it tells nothing of anybody."""
    return _answer(request, as_yaml=False)


@require_safe
def as_yaml(request: HttpRequest) -> HttpResponse:
    """``GET /api/v1/openapi.yaml``."""
    return _answer(request, as_yaml=True)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/api``: the same to read; for everybody too."""
    context = {
        **_shown(),
        "version": document()["openapi"],
        "base": settings.PUBLIC_URL.rstrip("/"),
    }
    return render(request, "reference/page.html", context)


@cache
def _shown() -> dict[str, Any]:
    return {
        "groups": groups_of(document()),
        "kinds": kinds_of(document()),
        "versions": [
            {"name": each.name, "status": each.status, "prose": prose_of(each.change)}
            for each in reversed(VERSIONS)
        ],
        "problems": [
            {"code": each.code, "statuses": each.statuses, "meaning": prose_of(each.meaning)}
            for each in sorted(PROBLEMS.values(), key=lambda problem: problem.code)
        ],
    }
