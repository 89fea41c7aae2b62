"""Addresses of the API of reservations, relative to wherever it is mounted. None ends with a slash."""

from django.urls import path

from reservations_app.api import calendars, series, windows

urlpatterns = [
    path("backends/<str:name>/free-slots", calendars.FreeSlotsView.as_view()),
    path("reservations", windows.WindowsView.as_view()),
    path("reservations/utilisation", calendars.UtilisationView.as_view()),
    path("reservations/<str:ident>", windows.WindowView.as_view()),
    path("reservations/<str:ident>/cancel", windows.WindowCancelView.as_view()),
    path("reservations/<str:ident>/release", windows.WindowReleaseView.as_view()),
    path("reservation-series", series.SeriesListView.as_view()),
    path("reservation-series/<str:ident>", series.SeriesView.as_view()),
    path("reservation-series/<str:ident>/skip", series.SeriesSkipView.as_view()),
    path("reservation-series/<str:ident>/end", series.SeriesEndView.as_view()),
    path("calendar-feeds", calendars.FeedsView.as_view()),
    path("calendars/<str:secret>.ics", calendars.calendar),
]
