"""Addresses of the pages about accounts. None ends with a slash."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from quantumsvc.accounts.pages import keys, members, profile, signing_in

urlpatterns = [
    path("login", signing_in.LimitedLoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("settings", profile.profile_page, name="settings"),
    path("settings/password", profile.password_page, name="settings-password"),
    path("settings/keys", keys.keys_page, name="settings-keys"),
    path("settings/keys/<int:ident>/revoke", keys.revoke_page, name="settings-key-revoke"),
    path("settings/members", members.members_page, name="settings-members"),
    path("settings/members/<int:ident>/role", members.role_page, name="settings-member-role"),
    path("settings/members/<int:ident>/remove", members.remove_page, name="settings-member-remove"),
]
