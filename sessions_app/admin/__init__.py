"""Backends, jobs, sessions, decisions, charges and calibrations in the administration pages."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from quantumsvc.backends.models import Backend, CalibrationSet
from sessions_app.admin.backends import BackendAdmin
from sessions_app.admin.calibrations import (
    AlertAdmin,
    CalibrationPolicyAdmin,
    CalibrationRunAdmin,
    CalibrationSetAdmin,
)
from sessions_app.admin.charges import LedgerAdmin
from sessions_app.admin.decisions import DecisionAdmin
from sessions_app.admin.schedules import ScheduleAdmin
from sessions_app.admin.work import JobAdmin, SessionAdmin
from sessions_app.models import (
    BackendAlert,
    CalibrationPolicy,
    CalibrationRun,
    CalibrationSchedule,
    Decision,
    Job,
    LedgerLine,
    Session,
)

# The library's own pages edit and delete the doorbells' rows, which nobody needs to.
for library_model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(library_model):
        admin.site.unregister(library_model)

admin.site.register(Backend, BackendAdmin)
admin.site.register(CalibrationSet, CalibrationSetAdmin)
admin.site.register(Job, JobAdmin)
admin.site.register(Session, SessionAdmin)
admin.site.register(Decision, DecisionAdmin)
admin.site.register(LedgerLine, LedgerAdmin)
admin.site.register(CalibrationRun, CalibrationRunAdmin)
admin.site.register(CalibrationPolicy, CalibrationPolicyAdmin)
admin.site.register(BackendAlert, AlertAdmin)
admin.site.register(CalibrationSchedule, ScheduleAdmin)
