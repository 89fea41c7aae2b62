"""Errors that no view answered: in the wire's shape below the API, as a page elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from quantumsvc import api

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
    return defaults.server_error(request)
