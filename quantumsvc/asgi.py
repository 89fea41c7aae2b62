"""The ASGI application: HTTP through Django; WebSockets join here."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")

application = get_asgi_application()
