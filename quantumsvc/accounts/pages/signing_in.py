"""Signing in, with a limit to guessing."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse

from quantumsvc import clock
from quantumsvc.accounts.api.attempts import FailedAttempts

# Few tries for one name from one address; more for an address, behind which a whole lab may sit.
failed_for_name = FailedAttempts(limit=8, window=timedelta(minutes=5))
failed_from_address = FailedAttempts(limit=60, window=timedelta(minutes=5))


class LimitedLoginView(LoginView):
    """The form; who has failed too often must wait, whatever they send."""

    template_name = "pages/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the password, unless there were too many tries."""
        wait = _seconds_to_wait(request)
        if not wait:
            return super().post(request, *args, **kwargs)
        form = self.get_form_class()(request)
        context = self.get_context_data(form=form, wait=wait)
        return self.render_to_response(context, status=429, headers={"Retry-After": str(wait)})

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Count the failure."""
        now = clock.now()
        for attempts, who in _counted(self.request):
            attempts.note(who, now)
        return super().form_invalid(form)


def _counted(request: HttpRequest) -> list[tuple[FailedAttempts, str]]:
    address = request.META.get("REMOTE_ADDR") or ""
    name = str(request.POST.get("username", ""))[:150].lower()
    return [(failed_for_name, f"{address} {name}"), (failed_from_address, address)]


def _seconds_to_wait(request: HttpRequest) -> int:
    now = clock.now()
    return max(attempts.seconds_to_wait(who, now) for attempts, who in _counted(request))
