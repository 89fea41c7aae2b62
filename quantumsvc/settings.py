"""Settings of the whole service. Everything an operator may change is read from the environment here.

``QUANTUMSVC_DATA`` names the folder that holds the embedded database, the secret key and the
sockets; the rest has defaults that suit one machine.
"""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from quantumsvc.hosting import folders

BASE_DIR = Path(__file__).resolve().parent.parent


def env_bool(name: str, default: bool) -> bool:
    """``1``, ``true``, ``yes`` and ``on`` are true, whatever the case."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def env_int(name: str, default: int) -> int:
    """A whole number from the environment."""
    return int(os.environ.get(name) or default)


def env_list(name: str, default: str) -> list[str]:
    """Comma-separated words."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def env_secret(name: str, file: Path) -> str:
    """The variable, else the file ``NAME_FILE`` points to, else ``file``, which is made when missing."""
    if value := os.environ.get(name):
        return value
    path = Path(os.environ.get(f"{name}_FILE") or file)
    if not path.exists():
        folders.make_private(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as target:
            target.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def default_data_dir() -> Path:
    """Where a machine keeps such data: ``/var/lib`` for root, the user's state folder otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/quantumsvc")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "quantumsvc"


def database_from_url(url: str) -> dict[str, Any]:
    """Django's database entry for ``postgresql://user:password@host:port/name?option=value``.

    ``host`` may be given as an option, which is how a unix socket's folder is named.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL must begin with postgresql://, the only database this service uses")
    # Only what quantumsvc.statements asks for is prepared; with None, Django's default, nothing ever is.
    # It is planned once: its statements go by index whatever their parameters are, and planning the
    # longest of them takes more time than running it.
    options: dict[str, Any] = {
        "prepare_threshold": 1_000_000,
        "options": "-c plan_cache_mode=force_generic_plan",
        **dict(parse_qsl(parts.query)),
    }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "quantumsvc",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


DEFAULT_DATA_DIR = default_data_dir().resolve()
DATA_DIR = Path(os.environ.get("QUANTUMSVC_DATA") or DEFAULT_DATA_DIR).resolve()
RUN_DIR = folders.run_dir(DATA_DIR)
PORT = env_int("QUANTUMSVC_PORT", 8000)
PUBLIC_URL = os.environ.get("QUANTUMSVC_PUBLIC_URL") or f"http://127.0.0.1:{PORT}"
DEBUG = env_bool("QUANTUMSVC_DEBUG", False)
SECRET_KEY = env_secret("QUANTUMSVC_SECRET_KEY", DATA_DIR / "secret-key")
ALLOWED_HOSTS = env_list("QUANTUMSVC_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver")
CSRF_TRUSTED_ORIGINS = env_list("QUANTUMSVC_TRUSTED_ORIGINS", "")

INSTALLED_APPS = [
    "quantumsvc.accounts.administration.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "django_htmx",
    "django_q",
    "quantumsvc.accounts",
    "quantumsvc.backends",
    "quantumsvc.notices",
    "reservations_app",
    "sessions_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "quantumsvc.accounts.pages.PageMiddleware",
]

ROOT_URLCONF = "quantumsvc.urls"
ASGI_APPLICATION = "quantumsvc.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "quantumsvc.accounts.shell.frame",
            ]
        },
    }
]

# Every process that serves many threads uses the pool; a process that forks must not (children would
# share the pool's sockets), so the workers ask for plain persistent connections.
DATABASE_URL = os.environ.get("DATABASE_URL", "")
EMBEDDED_DATABASE = not DATABASE_URL
DATABASES = {"default": database_from_url(DATABASE_URL or folders.database_url(DATA_DIR))}
if env_bool("QUANTUMSVC_DB_POOL", False):
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 2,
        "max_size": env_int("QUANTUMSVC_DB_POOL_SIZE", 24),
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "quantumsvc.formats"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"

# The whole body of a job may be this large (bytes); Django's own 2.5 MB limit would refuse it first.
MAX_PAYLOAD_BYTES = env_int("QUANTUMSVC_MAX_PAYLOAD_BYTES", 50_000_000)
# What a payload may grow to when it is unpacked, and what a result may take (bytes).
MAX_INFLATED_BYTES = env_int("QUANTUMSVC_MAX_INFLATED_BYTES", 512_000_000)
MAX_RESULT_BYTES = env_int("QUANTUMSVC_MAX_RESULT_BYTES", 200_000_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_PAYLOAD_BYTES + 1_000_000

# Live pages: PostgreSQL's bells reach every web process by themselves; with Redis, one process forwards them.
REDIS_URL = os.environ.get("REDIS_URL", "")
CHANNEL_LAYERS: dict[str, Any] = {
    "default": (
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
        if REDIS_URL
        else {"BACKEND": "sessions_app.live.layer.NotifyChannelLayer"}
    )
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["quantumsvc.api.WireRenderer"],
    "DEFAULT_PARSER_CLASSES": ["quantumsvc.api.WireParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "quantumsvc.api.WireNegotiation",
    "DEFAULT_AUTHENTICATION_CLASSES": ["quantumsvc.api.WireAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "quantumsvc.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "quantumsvc.openapi.schema.WireSchema",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "quantumsvc",
    "DESCRIPTION": "A quantum job service. Every address below `/api/v1` is found below `/experimental` too,"
    " which the official client's resolver leaves alone.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "EXTERNAL_DOCS": {"description": "What each error code means", "url": "/docs/api#errors"},
    "DEFAULT_GENERATOR_CLASS": "quantumsvc.openapi.schema.Generator",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [],
}

# Threads that answer API calls in one web process; each may hold a database connection.
API_THREADS = env_int("QUANTUMSVC_API_THREADS", 8)

# How many calls a key may make in a minute, by each web process for itself; 0: as many as it likes.
RATE_LIMIT = env_int("QUANTUMSVC_RATE_LIMIT", 0)
# How many calls may wait for news of a job or session at once in one web process; a key, a tenth of them.
MAX_WAITING_CALLS = env_int("QUANTUMSVC_MAX_WAITING_CALLS", 1000)
# Other sites whose scripts may call the API from a browser (https://lab.example.org); * for all.
CORS_ORIGINS = env_list("QUANTUMSVC_CORS_ORIGINS", "")

# Whether clients from before the present platform are served: their login, addresses and primitives.
OLD_CLIENTS = env_bool("QUANTUMSVC_OLD_CLIENTS", False)

# Where the workers find the execution pool of this host.
EXECUTION_SOCKET = os.environ.get("QUANTUMSVC_EXECUTION_SOCKET") or str(RUN_DIR / "execution.sock")
# Whether backends whose driver options ask for it run in children that may open connections.
NETWORK_DRIVERS = env_bool("QUANTUMSVC_NETWORK_DRIVERS", False)
EXECUTION_NETWORK_SOCKET = str(RUN_DIR / "execution-network.sock")
WORKERS = env_int("QUANTUMSVC_WORKERS", 8)
# Threads that one simulation may use; more than one child at a time runs best with one each.
CHILD_THREADS = env_int("QUANTUMSVC_CHILD_THREADS", 1)

# The job table is the queue and decides on retries; django-q2 only carries doorbells, at most once.
Q_CLUSTER: dict[str, Any] = {
    "name": "quantumsvc",
    "workers": WORKERS,
    "orm": "default",
    "broker_class": "quantumsvc.hosting.broker.DoorbellBroker",
    "timeout": 86_400,
    "retry": 90_000,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 100,
    "daemonize_workers": False,
    "recycle": 10_000,
    "catch_up": False,
    "label": "Background tasks",
}

# Networks (10.0.0.0/8) and host names of the inside that webhooks may be sent to; public ones always may.
WEBHOOK_ALLOW = env_list("QUANTUMSVC_WEBHOOK_ALLOW", "")

# Without a mail server, mail is written to the log of the workers.
EMAIL_HOST = os.environ.get("QUANTUMSVC_EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = env_int("QUANTUMSVC_EMAIL_PORT", 25)
EMAIL_HOST_USER = os.environ.get("QUANTUMSVC_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("QUANTUMSVC_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = env_bool("QUANTUMSVC_EMAIL_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("QUANTUMSVC_EMAIL_FROM", "quantumsvc@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # These two tell of every step at level INFO.
    "loggers": {"qiskit": {"level": "WARNING"}, "django-q": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": os.environ.get("QUANTUMSVC_LOG_LEVEL", "INFO")},
}
