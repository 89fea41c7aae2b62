from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, instances (the tenants), memberships and API keys."""

    name = "quantumsvc.accounts"
    label = "accounts"
    verbose_name = "Accounts"
