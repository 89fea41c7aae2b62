"""Just enough Django for the workers: their queue, and nothing of the product."""

import os

from quantumsvc.settings import Q_CLUSTER as FULL
from quantumsvc.settings import database_from_url

SECRET_KEY = os.environ["QUANTUMSVC_SECRET_KEY"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q"]
DATABASES = {"default": {**database_from_url(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": 600}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
Q_CLUSTER = {**FULL, "workers": 2}
