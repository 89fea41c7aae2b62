"""Setting what an instance may use: managers its limit, operators all. Others read it on the usage page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from quantumsvc import clock
from quantumsvc.accounts.limits import MOST_SECONDS, MOST_THINGS, LimitChange, change_limits
from quantumsvc.accounts.models import Instance, OverLimit, User
from quantumsvc.accounts.pages import may_manage, reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import change_instance
from quantumsvc.errors import ServiceError
from sessions_app.pages.usage import chosen_of, listed_for

_ALLOCATION = "usage_allocation_seconds"
_OVER = ((OverLimit.WAIT.value, "are accepted and wait"), (OverLimit.REFUSE.value, "are refused"))


def _most(largest: int, label: str, help_text: str) -> forms.IntegerField:
    """A limit, which may be left empty."""
    return forms.IntegerField(
        required=False, min_value=0, max_value=largest, label=label, help_text=help_text
    )


class LimitsForm(forms.Form):
    """What managers and operators may change."""

    usage_limit_seconds = _most(
        MOST_SECONDS,
        "Limit, in seconds of 28 days",
        "When so much is used, jobs wait or are refused. Empty: no limit.",
    )
    over_limit = forms.ChoiceField(choices=_OVER, label="Over the limit, new jobs")
    reason = forms.CharField(required=False, max_length=200, label="Why, if there is something to say")

    def __init__(self, data: Any, *, instance: Instance) -> None:
        now_set = {name: getattr(instance, name) for name in self.base_fields if name != "reason"}
        super().__init__(data, initial=now_set)
        self.instance = instance


class ManagersLimitsForm(LimitsForm):
    """What a manager may change, up to what is allocated."""

    def clean_usage_limit_seconds(self) -> int | None:
        wanted: int | None = self.cleaned_data["usage_limit_seconds"]
        allocated = self.instance.usage_allocation_seconds
        if allocated is not None and (wanted is None or wanted > allocated):
            raise forms.ValidationError(f"At most the {allocated} seconds that are allocated.")
        return wanted

    def carry_out(self, user: User) -> None:
        """Change what differs. Raises what :func:`change_limits` does."""
        data = self.cleaned_data
        change = LimitChange(
            instance_limit=data["usage_limit_seconds"], over_limit=OverLimit(data["over_limit"])
        )
        now = clock.now()
        change_limits(instance=self.instance, change=change, actor=user, now=now, reason=data["reason"])


class OperatorsLimitsForm(LimitsForm):
    """What an operator may change."""

    usage_allocation_seconds = _most(
        MOST_SECONDS,
        "Allocation, in seconds of 28 days",
        "What is promised; managers set no limit above it. Empty: none is named.",
    )
    max_pending_jobs = _most(MOST_THINGS, "Jobs that may wait or run", "Empty: as many as they like.")
    max_open_sessions = _most(MOST_THINGS, "Sessions that may be open", "Empty: as many as they like.")
    field_order = (_ALLOCATION, "usage_limit_seconds", "over_limit", "max_pending_jobs", "max_open_sessions")

    def carry_out(self, user: User) -> None:
        """Change what differs, as the administration does."""
        settings = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        reason = self.cleaned_data["reason"]
        change_instance(instance=self.instance, settings=settings, now=clock.now(), actor=user, reason=reason)


AnyForm = ManagersLimitsForm | OperatorsLimitsForm


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def limits_page(request: HttpRequest) -> HttpResponse:
    """The form for one of the reader's instances; what is wrong stands at its fields. Managers only."""
    user = reader_of(request)
    instance = chosen_of(request, listed_for(user))
    if instance is None or not may_manage(user, instance):
        where = instance.name if instance else "you ask about"
        refusal = f"This needs the role {Role.MANAGER} in the instance {where}, which must not be archived."
        return render(request, "403.html", {"exception": refusal}, status=403)
    kind: type[AnyForm] = OperatorsLimitsForm if user.is_operator else ManagersLimitsForm
    form = kind(request.POST or None, instance=instance)
    if form.is_valid() and _is_done(form, user):
        messages.success(request, f"The limits of {instance.name} were set.")
        return redirect(f"{reverse('usage')}?instance={instance.pk}")
    status = 400 if form.is_bound else 200
    return render(request, "usage/limits.html", {"form": form, "chosen": instance}, status=status)


def _is_done(form: AnyForm, user: User) -> bool:
    try:
        form.carry_out(user)
    except ServiceError as refused:
        form.add_error(None, refused.message)
        return False
    return True
