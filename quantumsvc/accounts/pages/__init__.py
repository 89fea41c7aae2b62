"""What pages need of accounts: signing in and out, the reader's time zone, and who may change what."""

from typing import cast
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from quantumsvc.accounts import origin
from quantumsvc.accounts.models import Instance, User
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.selectors import role_in
from quantumsvc.accounts.shell import clock_of

# Pages load and run nothing but this service's own files, talk to nobody else, and are shown in no other
# site's frame. What stands in a page itself is never run or applied as style.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ADMIN_PAGES = "/admin/"


class PageMiddleware(MiddlewareMixin):
    """Times in the reader's zone, and headers that keep what a page shows with its reader."""

    def process_request(self, request: HttpRequest) -> None:
        """Use the signed-in user's time zone until the answer is made; know from where it is asked."""
        via = origin.Via.ADMIN if request.path.startswith(ADMIN_PAGES) else origin.Via.PAGES
        origin.enter(origin.Origin(via, request.META.get("REMOTE_ADDR") or ""))
        if request.user.is_authenticated and clock_of(request) != "utc":
            timezone.activate(ZoneInfo(request.user.time_zone))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Put the zone back; forbid caches to keep a page, and the page to load from elsewhere.

        Django answers a method that an address does not know with nothing to read.
        """
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            response.content = render_to_string("405.html", {"allowed": response["Allow"]}, request)
        timezone.deactivate()
        origin.enter(origin.NOBODY)
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def reader_of(request: HttpRequest) -> User:
    """The user of a view that lets nobody in who is not signed in."""
    return cast("User", request.user)


def may_write(user: User, instance: Instance) -> bool:
    """Whether the user may cancel jobs and close sessions there; archived instances are only read."""
    if not instance.is_active:
        return False
    role = role_in(user, instance)
    return user.is_operator or (role is not None and role.covers(Role.WRITER))


def may_manage(user: User, instance: Instance) -> bool:
    """Whether the user may give sessions there more time; archived instances are only read."""
    if not instance.is_active:
        return False
    role = role_in(user, instance)
    return user.is_operator or (role is not None and role.covers(Role.MANAGER))
