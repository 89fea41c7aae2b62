"""Addresses of the pages. None ends with a slash."""

from django.urls import path

from sessions_app.pages import actions, backends, connect, jobs, sessions

urlpatterns = [
    path("", jobs.jobs_page, name="jobs"),
    path("jobs/<str:ident>", jobs.job_page, name="job"),
    path("jobs/<str:ident>/result", jobs.result_file, name="job-result"),
    path("jobs/<str:ident>/log", jobs.log_file, name="job-log"),
    path("jobs/<str:ident>/cancel", actions.cancel_job_page, name="job-cancel"),
    path("sessions", sessions.sessions_page, name="sessions"),
    path("sessions/<str:ident>", sessions.session_page, name="session"),
    path("sessions/<str:ident>/close", actions.close_session_page, name="session-close"),
    path("sessions/<str:ident>/cancel", actions.cancel_session_page, name="session-cancel"),
    path("backends", backends.backends_page, name="backends"),
    path("connect", connect.connect_page, name="connect"),
]
