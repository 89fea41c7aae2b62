"""Windows, series, policies and calendars' addresses in the administration pages."""

from django.contrib import admin

from reservations_app.admin.feeds import FeedAdmin
from reservations_app.admin.policies import PolicyAdmin
from reservations_app.admin.series import SeriesAdmin
from reservations_app.admin.windows import WindowAdmin
from reservations_app.models import CalendarFeed, ReservationPolicy, Series, Window

admin.site.register(Window, WindowAdmin)
admin.site.register(Series, SeriesAdmin)
admin.site.register(ReservationPolicy, PolicyAdmin)
admin.site.register(CalendarFeed, FeedAdmin)
