"""Addresses of the runtime API, relative to wherever it is mounted. None ends with a slash."""

from django.urls import path

from sessions_app.api import backends, jobs, notifications, operating, sessions, usage

urlpatterns = [
    path("backends", backends.BackendsView.as_view()),
    path("backends/<str:name>/configuration", backends.ConfigurationView.as_view()),
    path("backends/<str:name>/properties", backends.PropertiesView.as_view()),
    path("backends/<str:name>/status", backends.StatusView.as_view()),
    path("backends/<str:name>/defaults", backends.DefaultsView.as_view()),
    path("backends/<str:name>/pause", operating.PauseView.as_view()),
    path("backends/<str:name>/resume", operating.ResumeView.as_view()),
    path("backends/<str:name>/drain", operating.DrainView.as_view()),
    path("backends/<str:name>/offline", operating.OfflineView.as_view()),
    path("backends/<str:name>/online", operating.OnlineView.as_view()),
    path("instance", usage.InstanceView.as_view()),
    path("instances/configuration", usage.InstanceConfigurationView.as_view()),
    path("instances/ledger", usage.LedgerView.as_view()),
    path("analytics/usage", usage.AnalyticsView.as_view()),
    path("analytics/usage_grouped", usage.GroupedAnalyticsView.as_view()),
    path("analytics/usage_grouped_by_date", usage.DailyAnalyticsView.as_view()),
    path("analytics/filters", usage.AnalyticsFiltersView.as_view()),
    path("instances/usage", backends.InstanceUsageView.as_view()),
    path("notifications", notifications.SubscriptionsView.as_view()),
    path("notifications/<str:ident>", notifications.SubscriptionView.as_view()),
    path("notifications/<str:ident>/test", notifications.SubscriptionTestView.as_view()),
    path("notifications/<str:ident>/deliveries", notifications.DeliveriesView.as_view()),
    path("sessions", sessions.SessionsView.as_view()),
    path("sessions/<str:ident>", sessions.SessionView.as_view()),
    path("sessions/<str:ident>/queue", sessions.SessionQueueView.as_view()),
    path("sessions/<str:ident>/extend", sessions.SessionExtendView.as_view()),
    path("sessions/<str:ident>/close", sessions.SessionCloseView.as_view()),
    path("jobs", jobs.JobsView.as_view()),
    path("jobs/<str:ident>", jobs.JobView.as_view()),
    path("jobs/<str:ident>/queue", jobs.QueueView.as_view()),
    path("jobs/<str:ident>/cancel", jobs.CancelView.as_view()),
    path("jobs/<str:ident>/requeue", operating.RequeueView.as_view()),
    path("jobs/<str:ident>/results", jobs.ResultsView.as_view()),
    path("jobs/<str:ident>/metrics", jobs.MetricsView.as_view()),
    path("jobs/<str:ident>/logs", jobs.LogsView.as_view()),
    path("jobs/<str:ident>/tags", jobs.TagsView.as_view()),
]
