"""Reservations live here: windows of device time, and the policies and series that make them."""
