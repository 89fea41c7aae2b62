from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions_app"
    label = "sessions_app"
    verbose_name = "Jobs and sessions"

    def ready(self) -> None:
        """Register the checks of the settings."""
        from quantumsvc import checks  # noqa: F401
