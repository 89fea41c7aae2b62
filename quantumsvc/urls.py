"""Every address of the service.

The runtime API is mounted twice: below ``experimental``, which the official client's resolver leaves
alone, and below ``api/v1``, where clients look that derive the host from a wildcard domain.
"""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path

from quantumsvc import api, pages_errors, reference
from quantumsvc.accounts.api import channel
from quantumsvc.accounts.api import urls as control_plane
from quantumsvc.accounts.pages import urls as account_pages
from quantumsvc.notices import pages as notice_pages
from reservations_app.api import urls as reservations
from reservations_app.pages import urls as reservation_pages
from sessions_app.api import urls as runtime
from sessions_app.legacy import urls as legacy
from sessions_app.pages import urls as pages


def health(request: HttpRequest) -> HttpResponse:
    """Whether the web process answers; asks nothing of the database."""
    return HttpResponse("ok\n", content_type="text/plain")


def unknown_address(request: HttpRequest) -> HttpResponse:
    """Addresses below the API that don't exist answer in the API's shape."""
    return api.api_not_found(request)


OLD_CLIENTS: list[URLPattern | URLResolver] = [
    path(f"{channel.MOUNT}/", include(channel.urlpatterns)),
    path(f"{channel.MOUNT}/", include(legacy.account_urlpatterns)),
    path(f"{channel.RUNTIME}/", include(legacy.urlpatterns)),
    # The same for their cloud channel, which leaves an address alone only with this word in it.
    path(f"{channel.RUNTIME}/experimental/", include(legacy.urlpatterns)),
    re_path(rf"^(?:{channel.MOUNT}|{channel.RUNTIME})(?:/.*)?$", unknown_address),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *(OLD_CLIENTS if settings.OLD_CLIENTS else ()),
    path("health", health),
    path("", include(control_plane.urlpatterns)),
    path("api/v1/openapi.json", reference.as_json),
    path("api/v1/openapi.yaml", reference.as_yaml),
    path("experimental/", include(runtime.urlpatterns)),
    path("api/v1/", include(runtime.urlpatterns)),
    path("experimental/", include(reservations.urlpatterns)),
    path("api/v1/", include(reservations.urlpatterns)),
    re_path(r"^(?:experimental|api)(?:/.*)?$", unknown_address),
    path("docs/api", reference.page, name="api"),
    path("admin/", admin.site.urls),
    path("", include(account_pages.urlpatterns)),
    path("", include(notice_pages.urlpatterns)),
    path("", include(reservation_pages.urlpatterns)),
    path("", include(pages.urlpatterns)),
]

handler400 = pages_errors.bad_request
handler403 = pages_errors.forbidden
handler404 = pages_errors.not_found
handler500 = pages_errors.server_error
