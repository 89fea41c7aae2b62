"""The description of the REST interface, as other programs read it."""

import hashlib
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from quantumsvc.openapi.operations import Schema

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
    from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer

    renderer = OpenApiYamlRenderer() if as_yaml else OpenApiJsonRenderer()
    body: bytes = renderer.render(document())
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
