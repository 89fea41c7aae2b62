from django.apps import AppConfig


class BackendsConfig(AppConfig):
    name = "quantumsvc.backends"
    label = "backends"
    verbose_name = "Backends"
