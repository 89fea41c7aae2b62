"""Addresses of the old clients' runtime API, relative to where it is mounted. None ends with a slash."""

from django.urls import path

from sessions_app.api import backends, jobs, sessions, usage
from sessions_app.legacy import views
from sessions_app.legacy.callers import ByBackend, ByBody, ByJob, BySession, InInstance

BY_BACKEND, BY_JOB = {"authentication_classes": (ByBackend,)}, {"authentication_classes": (ByJob,)}
BY_SESSION, BY_BODY = {"authentication_classes": (BySession,)}, {"authentication_classes": (ByBody,)}

# Beside the login.
account_urlpatterns = [
    path(
        "Network/<str:hub>/Groups/<str:group>/Projects/<str:project>/devices/v/1",
        views.OldDevicesView.as_view(),
    ),
]

urlpatterns = [
    path("backends", backends.BackendsView.as_view(authentication_classes=(InInstance,))),
    path("backends/<str:name>/configuration", backends.ConfigurationView.as_view(**BY_BACKEND)),
    path("backends/<str:name>/properties", backends.PropertiesView.as_view(**BY_BACKEND)),
    path("backends/<str:name>/status", backends.StatusView.as_view(**BY_BACKEND)),
    path("backends/<str:name>/defaults", views.OldDefaultsView.as_view()),
    path("usage", views.UsageView.as_view()),
    path("instance", usage.InstanceView.as_view(authentication_classes=(InInstance,))),
    path("sessions", sessions.SessionsView.as_view(**BY_BODY)),
    path("sessions/<str:ident>", sessions.SessionView.as_view(**BY_SESSION)),
    path("sessions/<str:ident>/close", sessions.SessionCloseView.as_view(**BY_SESSION)),
    path("jobs", views.OldJobsView.as_view()),
    path("jobs/<str:ident>", views.OldJobView.as_view()),
    path("jobs/<str:ident>/cancel", jobs.CancelView.as_view(**BY_JOB)),
    path("jobs/<str:ident>/results", jobs.ResultsView.as_view(**BY_JOB)),
    path("jobs/<str:ident>/interim_results", jobs.InterimResultsView.as_view(**BY_JOB)),
    path("jobs/<str:ident>/metrics", jobs.MetricsView.as_view(**BY_JOB)),
    path("jobs/<str:ident>/logs", jobs.LogsView.as_view(**BY_JOB)),
    path("jobs/<str:ident>/tags", jobs.TagsView.as_view(**BY_JOB)),
]
