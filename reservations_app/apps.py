from django.apps import AppConfig


class ReservationsConfig(AppConfig):
    name = "reservations_app"
    label = "reservations_app"
    verbose_name = "Reservations"
