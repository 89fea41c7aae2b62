"""Who belongs to an instance, and as what: everybody in it may look, managers may change it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from quantumsvc import clock
from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.accounts.pages import may_manage, reader_of
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.selectors import instances_by_preference, members_of
from quantumsvc.accounts.services import add_member, change_role, remove_member
from quantumsvc.errors import BadRequest, NotFound, ServiceError

_methods = require_http_methods(["GET", "HEAD", "POST"])


@_methods
@login_required
def members_page(request: HttpRequest) -> HttpResponse:
    """The members of one of the reader's instances; managers add others by their user names."""
    user = reader_of(request)
    instances = list(instances_by_preference(user).filter(is_system=False))
    chosen = _chosen(request, instances)
    context: dict[str, Any] = {
        "here": "members",
        "instances": instances,
        "chosen": chosen,
        "roles": list(Role),
    }
    status = 200
    if chosen is not None and request.method == "POST":
        if not may_manage(user, chosen):
            return _refused(request, chosen)
        try:
            _add(request, chosen)
            return redirect(_back(chosen))
        except ServiceError as refused:
            context |= {"fault": refused.message, "name": request.POST.get("username", "")}
            status = refused.status
    if chosen is not None:
        context |= {"members": members_of(user, chosen), "may_manage": may_manage(user, chosen)}
    return render(request, "settings/members.html", context, status=status)


def _add(request: HttpRequest, instance: Instance) -> None:
    name = request.POST.get("username", "").strip()
    found = User.objects.filter(username=name, is_active=True).first() if "\0" not in name else None
    if found is None:
        raise NotFound(f"There is no user named {name!r}.", solution="Ask an operator to make one.")
    add_member(instance=instance, user=found, role=_role(request), now=clock.now(), actor=reader_of(request))
    messages.success(request, f"{found.username} is now a member of {instance.name}.")


def _role(request: HttpRequest) -> Role:
    try:
        return Role(request.POST.get("role", ""))
    except ValueError:
        raise BadRequest("There is no such role.") from None


@require_POST
@login_required
def role_page(request: HttpRequest, ident: int) -> HttpResponse:
    """Give a member another role."""
    membership, actor = _membership(request, ident), reader_of(request)
    if not may_manage(actor, membership.instance):
        return _refused(request, membership.instance)
    try:
        change_role(
            instance=membership.instance,
            user=membership.user,
            role=_role(request),
            now=clock.now(),
            actor=actor,
        )
        messages.success(request, f"The role of {membership.user.username} was changed.")
    except ServiceError as refused:
        messages.error(request, refused.message)
    return redirect(_back(membership.instance))


@_methods
@login_required
def remove_page(request: HttpRequest, ident: int) -> HttpResponse:
    """Ask, then end a membership."""
    membership, actor = _membership(request, ident), reader_of(request)
    if not may_manage(actor, membership.instance):
        return _refused(request, membership.instance)
    if request.method != "POST":
        return render(request, "settings/remove.html", {"membership": membership, "here": "members"})
    try:
        remove_member(instance=membership.instance, user=membership.user, now=clock.now(), actor=actor)
        messages.success(request, f"{membership.user.username} is no longer a member.")
    except ServiceError as refused:
        messages.error(request, refused.message)
    return redirect(_back(membership.instance))


def _chosen(request: HttpRequest, instances: list[Instance]) -> Instance | None:
    """The instance that the request names, else the first; another's does not exist for the reader."""
    wanted = request.GET.get("instance", "") or request.POST.get("instance", "")
    if not wanted:
        return next(iter(instances), None)
    found = next((each for each in instances if str(each.pk) == wanted), None)
    if found is None:
        raise Http404("There is no such instance, or none that you may see.")
    return found


def _membership(request: HttpRequest, ident: int) -> Membership:
    visible = Membership.objects.visible_to(reader_of(request)).select_related("instance", "user")
    found = visible.filter(pk=ident).first()
    if found is None:
        raise Http404("There is no such member.")
    return found


def _refused(request: HttpRequest, instance: Instance) -> HttpResponse:
    refusal = f"This needs the role {Role.MANAGER} in the instance {instance.name}."
    return render(request, "403.html", {"exception": refusal}, status=403)


def _back(instance: Instance) -> str:
    return f"{reverse('settings-members')}?instance={instance.pk}"
