"""How the reader's own client reaches this service."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from quantumsvc import clock
from quantumsvc.accounts.models import Instance
from quantumsvc.accounts.pages import reader_of
from quantumsvc.accounts.selectors import instances_by_preference, keys_of
from quantumsvc.backends.models import Backend, BackendKind
from quantumsvc.hosting.service_client import WARNING, DemoAccount, as_shell, client_info

KEY_PLACEHOLDER = "YOUR_API_KEY"


@require_safe
@login_required
def connect_page(request: HttpRequest) -> HttpResponse:
    """The exact lines for a shell and a notebook, for one instance of the reader."""
    user, now = reader_of(request), clock.now()
    instances = list(instances_by_preference(user).filter(is_active=True))
    wanted = request.GET.get("instance", "")
    chosen = next((each for each in instances if str(each.pk) == wanted), next(iter(instances), None))
    context = {
        "instances": instances,
        "chosen": chosen,
        "keys": [key for key in keys_of(user) if key.is_valid_at(now)],
        "placeholder": KEY_PLACEHOLDER,
        "warning": WARNING,
    }
    return render(request, "pages/connect.html", context | (_lines(chosen) if chosen else {}))


def _lines(instance: Instance) -> dict[str, object]:
    backend = _example_backend(instance)
    account = DemoAccount(token=KEY_PLACEHOLDER, instance=instance.crn, backend=backend)
    info = client_info(settings.PUBLIC_URL.rstrip("/"), account)
    return {"info": info, "shell": as_shell(info)}


def _example_backend(instance: Instance) -> str:
    """The smallest device that takes work, which a first program fits on; empty when there is none."""
    usable = Backend.objects.usable_by(instance).filter(is_online=True, is_paused=False)
    devices = usable.filter(kind=BackendKind.DEVICE.value).order_by("qubits", "name")
    return devices.values_list("name", flat=True).first() or ""
