from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions_app"
    label = "sessions_app"
    verbose_name = "Jobs and sessions"

    def ready(self) -> None:
        """Register the checks of the settings, and follow what happens to windows."""
        from quantumsvc import checks  # noqa: F401
        from reservations_app.events import changed, ending
        from sessions_app.services.edges import follow, note_first_job

        changed.connect(follow, dispatch_uid="sessions follow windows")
        ending.connect(note_first_job, dispatch_uid="jobs tell whether a window was used")
