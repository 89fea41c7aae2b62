"""As the service's other pages do: the largest unit first, all of the day's 24 hours, and seconds."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s"
