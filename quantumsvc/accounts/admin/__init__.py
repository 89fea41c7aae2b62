"""Accounts in the administration pages. Keys can be seen and revoked there, never read or made."""

from django.contrib import admin
from django.contrib.auth.models import Group

from quantumsvc.accounts.admin.history import AuditAdmin
from quantumsvc.accounts.admin.instances import InstanceAdmin
from quantumsvc.accounts.admin.people import ApiKeyAdmin, MembershipAdmin, UserPage
from quantumsvc.accounts.models import ApiKey, AuditEntry, Instance, Membership, User

# What a user may do comes from roles in instances and from being an operator; groups would say nothing.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)

admin.site.register(Instance, InstanceAdmin)
admin.site.register(User, UserPage)
admin.site.register(Membership, MembershipAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.register(AuditEntry, AuditAdmin)
