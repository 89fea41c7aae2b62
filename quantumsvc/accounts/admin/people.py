"""Users, memberships and keys in the administration pages."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from quantumsvc import clock
from quantumsvc.accounts.admin.acts import Act, ActForm, Deed, ReasonGiven, reason_field
from quantumsvc.accounts.admin.base import OperatorAdmin, ReadOnlyInline, badge
from quantumsvc.accounts.admin.fields import ZoneField, choices, row_field
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.accounts.services import add_member, change_role, remove_member, revoke_key
from quantumsvc.accounts.system import USERNAME as SYSTEM
from quantumsvc.accounts.users import (
    PROFILE,
    activate_user,
    change_profile,
    create_user,
    deactivate_user,
    dismiss_operator,
    make_operator,
    set_password,
)


class Profile(ActForm):
    email = forms.EmailField(required=False)
    first_name = forms.CharField(required=False, max_length=150)
    last_name = forms.CharField(required=False, max_length=150)
    time_zone = ZoneField(initial="UTC", help_text="For the times of the pages.")


def _new_password(**kwargs: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(widget=widget, strip=False, **kwargs)


class Password(ActForm):
    password = _new_password(label="New password")
    again = _new_password(label="The same again")
    reason = reason_field(required=True)

    def clean_again(self) -> str:
        if self.cleaned_data["again"] != self.cleaned_data.get("password"):
            raise forms.ValidationError("The two are not the same.")
        return str(self.cleaned_data["again"])


class NewUser(Profile):
    field_order = ("username", "password", "again")
    username = forms.CharField(max_length=150)
    password = _new_password(required=False, help_text="Empty: they use API keys and can't sign in.")
    again = _new_password(label="The same again", required=False)

    clean_again = Password.clean_again


class NewMember(ActForm):
    instance = row_field(Instance.objects.filter(is_system=False, is_active=True), Membership.instance)
    user = row_field(User.objects.exclude(username=SYSTEM), Membership.user)
    role = forms.ChoiceField(choices=choices(Role))


class NewRole(ActForm):
    role = forms.ChoiceField(choices=choices(Role))
    reason = reason_field(required=False)


def _make_user(deed: Deed) -> str:
    profile = {name: deed.data[name] for name in PROFILE}
    user = create_user(
        username=deed.data["username"],
        password=deed.data["password"] or None,
        now=deed.now,
        actor=deed.actor,
        **profile,
    )
    return f"The user {user.username} was made. Make them a member of an instance next."


def _profile(deed: Deed) -> None:
    profile = {name: deed.data[name] for name in PROFILE}
    change_profile(user=deed.row, profile=profile, now=deed.now, actor=deed.actor)


def _password(deed: Deed) -> None:
    password = deed.data["password"]
    set_password(user=deed.row, password=password, now=deed.now, actor=deed.actor, reason=deed.reason)


def _on_user(service: Any) -> Any:
    return lambda deed: service(user=deed.row, now=deed.now, actor=deed.actor, reason=deed.reason)


def _unless_system(user: User, refused: bool, words: str) -> str:
    if user.username == SYSTEM:
        return "The system's own user can't be changed."
    return words if refused else ""


class UserMembershipsInline(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("instance", "role", "created_at")
    verbose_name_plural = "member of"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("instance")


class UserKeysInline(ReadOnlyInline):
    model = ApiKey
    fields = readonly_fields = ("name", "prefix", "created_at", "expires_at", "revoked_at", "last_used_at")
    show_change_link = True


class UserPage(OperatorAdmin):
    list_display = ("username", "email", "full_name", "state", "last_login", "date_joined")
    list_filter = ("is_active", "is_operator", "date_joined", "last_login")
    search_fields = ("username", "email", "first_name", "last_name")
    search_help_text = "User name, address or name."
    ordering = ("username",)
    fields = (
        "username", "email", "first_name", "last_name", "time_zone",
        "state", "last_login", "date_joined",
    )  # fmt: skip
    inlines = (UserMembershipsInline, UserKeysInline)
    acts = (
        Act(
            name="make", label="Add a user", makes=True, form=NewUser, do=_make_user,
            effects=("A new user, who is no member of any instance yet.",),
        ),
        Act(
            name="profile", label="Change name, address or zone", many=False, form=Profile, do=_profile,
            effects=("Their sign-in stays as it is.",),
            refusal=lambda row: _unless_system(row, False, ""),
            initial=lambda row: {name: getattr(row, name) for name in PROFILE},
        ),
        Act(
            name="password", label="Set a password", many=False, danger=True, form=Password, do=_password,
            effects=("Their old password ends at once, and so does every sign-in. Keys stay valid.",),
            refusal=lambda row: _unless_system(row, False, ""),
        ),
        Act(
            name="deactivate", label="Deactivate", danger=True, form=ReasonGiven,
            do=_on_user(deactivate_user),
            effects=(
                "They can't sign in, and their keys are refused from now on.",
                "Their jobs that wait keep their places without starting (S10).",
            ),
            refusal=lambda row: _unless_system(row, not row.is_active, "They are not active."),
        ),
        Act(
            name="activate", label="Activate", do=_on_user(activate_user),
            effects=("They can sign in again, and their keys are accepted.",),
            refusal=lambda row: _unless_system(row, row.is_active, "They are active."),
        ),
        Act(
            name="make_operator", label="Make an operator", many=False, danger=True, form=ReasonGiven,
            do=_on_user(make_operator),
            effects=("They see and change everything, of all instances, here and through the API.",),
            refusal=lambda row: _unless_system(row, row.is_operator, "They are an operator."),
        ),
        Act(
            name="dismiss_operator", label="Dismiss as operator", many=False, danger=True,
            form=ReasonGiven, do=_on_user(dismiss_operator),
            effects=("They keep what their memberships allow.",),
            refusal=lambda row: _unless_system(row, not row.is_operator, "They are no operator."),
        ),
    )  # fmt: skip

    @admin.display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="state", ordering="is_active")
    def state(self, user: User) -> str:
        if not user.is_active:
            return badge("not active", "cancelled")
        return badge("operator", "running") if user.is_operator else badge("active", "completed")


class MembershipAdmin(OperatorAdmin):
    list_display = ("user", "instance", "role", "created_at")
    list_filter = ("role", "instance__account")
    list_select_related = ("user", "instance")
    search_fields = ("user__username", "instance__name", "instance__account")
    search_help_text = "A user's or an instance's name, or an account."
    fields = ("user", "instance", "role", "created_at")
    acts = (
        Act(
            name="make", label="Add a member", makes=True, form=NewMember,
            do=lambda deed: add_member(
                instance=deed.data["instance"], user=deed.data["user"], role=Role(deed.data["role"]),
                now=deed.now, actor=deed.actor,
            ),
            effects=("Readers look, writers also run jobs and sessions, managers also manage members.",),
        ),
        Act(
            name="role", label="Change the role", form=NewRole,
            do=lambda deed: change_role(
                instance=deed.row.instance, user=deed.row.user, role=Role(deed.data["role"]),
                now=deed.now, actor=deed.actor, reason=deed.reason,
            ),
            effects=("It holds from their next request on. An instance keeps at least one manager.",),
            initial=lambda row: {"role": row.role} if row else {},
        ),
        Act(
            name="remove", label="Remove from the instance", danger=True,
            do=lambda deed: remove_member(
                instance=deed.row.instance, user=deed.row.user, now=deed.now, actor=deed.actor,
                reason=deed.reason,
            ),
            effects=(
                "They see the instance no more. Their jobs stay and run on.",
                "An instance keeps at least one manager.",
            ),
        ),
    )  # fmt: skip


class KeyState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return choices(("valid", "expired", "revoked"))

    def queryset(self, request: Any, queryset: Any) -> Any:
        gone = Q(expires_at__lte=clock.now())
        found = {
            "valid": queryset.filter(~gone | Q(expires_at__isnull=True), revoked_at__isnull=True),
            "expired": queryset.filter(gone, revoked_at__isnull=True),
            "revoked": queryset.filter(revoked_at__isnull=False),
        }
        return found.get(self.value() or "", queryset)


class ApiKeyAdmin(OperatorAdmin):
    list_display = ("name", "user", "prefix", "state", "created_at", "expires_at", "last_used_at")
    list_filter = (KeyState, "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "prefix")
    search_help_text = "A key's name or beginning, or its user's name."
    fields = ("name", "user", "prefix", "created_at", "expires_at", "revoked_at", "last_used_at")
    acts = (
        Act(
            name="revoke", label="Revoke", danger=True, form=ReasonGiven,
            do=lambda deed: revoke_key(key=deed.row, now=deed.now, actor=deed.actor, reason=deed.reason),
            effects=("It is refused at once, with every token it was exchanged for. This can't be undone.",),
            refusal=lambda row: "" if row.revoked_at is None else "It is revoked.",
        ),
    )  # fmt: skip

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return badge("revoked", "cancelled")
        return badge("valid", "completed") if key.is_valid_at(clock.now()) else badge("expired", "inactive")
