"""Addresses of the pages. None ends with a slash."""

from django.urls import path

from sessions_app.pages import (
    actions,
    backend,
    backends,
    calibrations,
    connect,
    extending,
    job,
    limits,
    schedules,
    session,
    sessions,
    usage,
)
from sessions_app.pages.work import bulk, page

urlpatterns = [
    path("", page.jobs_page, name="jobs"),
    path("jobs/cancel", bulk.cancel_jobs_page, name="jobs-cancel"),
    path("jobs/<str:ident>", job.job_page, name="job"),
    path("jobs/<str:ident>/inputs", job.inputs_part, name="job-inputs"),
    path("jobs/<str:ident>/result", job.result_file, name="job-result"),
    path("jobs/<str:ident>/result.csv", job.result_table, name="job-result-table"),
    path("jobs/<str:ident>/log", job.log_file, name="job-log"),
    path("jobs/<str:ident>/cancel", actions.cancel_job_page, name="job-cancel"),
    path("sessions", sessions.sessions_page, name="sessions"),
    path("sessions/<str:ident>", session.session_page, name="session"),
    path("sessions/<str:ident>/extend", extending.extend_session_page, name="session-extend"),
    path("sessions/<str:ident>/close", actions.close_session_page, name="session-close"),
    path("sessions/<str:ident>/cancel", actions.cancel_session_page, name="session-cancel"),
    path("backends", backends.backends_page, name="backends"),
    path("backends/<str:name>", backend.backend_page, name="backend"),
    path("backends/<str:name>/qubits.csv", backend.qubits_file, name="backend-qubits"),
    path("backends/<str:name>/gates.csv", backend.gates_file, name="backend-gates"),
    path("usage", usage.usage_page, name="usage"),
    path("usage/limits", limits.limits_page, name="limits"),
    path("usage/wait", usage.wait_part, name="usage-wait"),
    path("usage.csv", usage.usage_file, name="usage-file"),
    path("backends/<str:name>/compare", calibrations.compare_page, name="calibration-compare"),
    path("backends/<str:name>/calibrate", calibrations.request_calibration_page, name="calibration-request"),
    path("calibrations", calibrations.calibrations_page, name="calibrations"),
    path("calibrations/<str:ident>", calibrations.calibration_page, name="calibration"),
    path("calibrations/<str:ident>/cancel", calibrations.cancel_calibration_page, name="calibration-cancel"),
    path("calibrations/alerts/<str:ident>/seen", calibrations.alert_seen_page, name="calibration-alert-seen"),
    path("calibrations/schedules/new", schedules.new_schedule_page, name="calibration-schedule-new"),
    path("calibrations/schedules/<str:ident>", schedules.schedule_page, name="calibration-schedule"),
    path(
        "calibrations/schedules/<str:ident>/delete",
        schedules.delete_schedule_page,
        name="calibration-schedule-delete",
    ),
    path("connect", connect.connect_page, name="connect"),
]
