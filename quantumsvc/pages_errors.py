"""Errors that no view answered: in the wire's shape below the API, as a page elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from quantumsvc import api, clock
from quantumsvc.accounts.shell import theme_of
from quantumsvc.wire.times import iso_z

API_PREFIXES = ("/experimental", "/api/", "/identity/", "/v2/", "/v3/", "/catalog/")


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400"""
    if _is_api(request):
        return api.api_bad_request(request, exception)
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403"""
    if _is_api(request):
        return api.api_forbidden(request, exception)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404"""
    if _is_api(request):
        return api.api_not_found(request, exception)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500"""
    if _is_api(request):
        return api.api_error(request)
    # Without the request: what its context asks for, such as who is signed in, may be what is broken.
    context = {"theme": theme_of(request), "at": iso_z(clock.now())}
    return HttpResponse(render_to_string("500.html", context), status=500)
