"""The address of the sessions alone, which are rows of the Jobs page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from sessions_app.pages.work.filters import SESSIONS


@require_safe
@login_required
def sessions_page(request: HttpRequest) -> HttpResponse:
    """Lead to the Jobs page with its filter set to sessions and batches; other filters are kept."""
    asked = request.GET.copy()
    asked["show"] = SESSIONS
    return redirect(f"{reverse('jobs')}?{asked.urlencode()}")
