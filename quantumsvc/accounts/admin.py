"""Accounts in the administration pages. Keys can be seen and revoked there, never read or made."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from quantumsvc import clock
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.services import revoke_key

# Django's admin classes are generic for the type checker only.
if TYPE_CHECKING:
    UserBase = UserAdmin[User]
    MembershipBase = admin.TabularInline[Membership, Instance]
    InstanceBase = admin.ModelAdmin[Instance]
    ApiKeyBase = admin.ModelAdmin[ApiKey]
else:
    UserBase, MembershipBase = UserAdmin, admin.TabularInline
    InstanceBase = ApiKeyBase = admin.ModelAdmin


@admin.register(User)
class AccountAdmin(UserBase):
    list_display = ("username", "email", "is_active", "is_operator", "is_staff")
    list_filter = ("is_active", "is_operator", "is_staff")
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Service", {"fields": ("is_operator", "time_zone")}))


class MembershipInline(MembershipBase):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)


@admin.register(Instance)
class InstanceAdmin(InstanceBase):
    list_display = ("name", "account", "plan", "shares", "is_active")
    list_filter = ("plan", "is_active", "region")
    search_fields = ("name", "account", "crn")
    # The CRN is what clients have stored, and archiving sets two fields at once: neither is edited by hand.
    readonly_fields = ("crn", "account", "region", "is_active", "archived_at", "created_at")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Instance | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ApiKeyBase):
    list_display = ("name", "user", "prefix", "created_at", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("name", "user__username", "prefix")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return [field.name for field in ApiKey._meta.fields if field.name != "digest"]

    @admin.action(description="Revoke the chosen keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        now = clock.now()
        for key in queryset:
            revoke_key(key=key, now=now)
