from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """What leaves the service by itself: webhooks and mail."""

    name = "quantumsvc.notices"
    label = "notices"
    verbose_name = "Notices"
