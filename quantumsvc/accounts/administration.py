from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """The framework's administration, for operators of the platform."""

    default_site = "quantumsvc.accounts.admin_site.OperatorSite"
