"""Addresses of the reservations' pages. None ends with a slash."""

from django.urls import path

from reservations_app.pages import booking, calendar, ending, moving, window

urlpatterns = [
    path("reservations", calendar.reservations_page, name="reservations"),
    path("reservations/new", booking.new_reservation_page, name="reservation-new"),
    path("reservations/utilisation.csv", calendar.utilisation_file, name="reservations-utilisation"),
    path("reservations/<str:ident>", window.reservation_page, name="reservation"),
    path("reservations/<str:ident>/move", moving.move_reservation_page, name="reservation-move"),
    path("reservations/<str:ident>/cancel", ending.cancel_reservation_page, name="reservation-cancel"),
    path("reservations/<str:ident>/release", ending.release_reservation_page, name="reservation-release"),
]
