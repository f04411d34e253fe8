"""All settings, read from the environment (and from `.env` beside manage.py). `.env.example` lists every variable."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab

from config.admin_theme import ADMIN_THEME

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# Secrets. Empty by default: commands that need none still run, and whatever needs one fails with a clear error.
SECRET_KEY = env.str("SECRET_KEY", default="")
PII_KEYS: list[str] = env.list("PII_KEYS", default=[])
PII_LOOKUP_KEY = env.str("PII_LOOKUP_KEY", default="")

DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Pages that may send to the tracking API from a browser. Write keys are public, and no cookie is read.
TRACKING_ORIGINS: list[str] = env.list("TRACKING_ORIGINS", default=["*"])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")

SHOP_NAME = env.str("SHOP_NAME", default="My shop")
SHOP_URL = env.str("SHOP_URL", default=BASE_URL).rstrip("/")
SHOP_CURRENCY = env.str("SHOP_CURRENCY", default="EUR")
MESSAGE_COSTS = env.dict("MESSAGE_COSTS", default={})  # in it, of one message by channel: email=0.0004,webhook=0.04
SHOP_ADDRESS = env.str("SHOP_ADDRESS", default="")
# Membership: what one point is worth, in the shop's currency, and for how many days points are kept (0: for good).
POINT_VALUE = Decimal(env.str("POINT_VALUE", default="0.01"))
POINTS_KEEP_DAYS = env.int("POINTS_KEEP_DAYS", default=365)
SHOP_OPENED = date.fromisoformat(opened) if (opened := env.str("SHOP_OPENED", default="")) else None

# Cleaning: how far is too far, and what no person does. See docs/data-quality.md.
OUTLIER_Z = env.float("OUTLIER_Z", default=6)
BOT_EVENTS_PER_MINUTE = env.int("BOT_EVENTS_PER_MINUTE", default=300)
BOT_ENTROPY_BITS = env.float("BOT_ENTROPY_BITS", default=2)
QUALITY_SAMPLE_DAYS = env.int("QUALITY_SAMPLE_DAYS", default=14)
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=2 * 1024**3)
IMPORT_KEEP_DAYS = env.int("IMPORT_KEEP_DAYS", default=7)

# Campaigns: whether they need approval, from how many recipients on by a second person too (0: never), and the hours in
# which nobody is written to, in the customer's own time zone (empty: none). See docs/campaigns.md.
CAMPAIGN_APPROVALS = env.bool("CAMPAIGN_APPROVALS", default=not DEMO)
SECOND_APPROVAL_ABOVE = env.int("SECOND_APPROVAL_ABOVE", default=10_000)
QUIET_HOURS = env.str("QUIET_HOURS", default="" if DEMO else "21:00-08:00")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "catalog",
    "users",
    "recommendations",
    "notifications",
    *(["demo"] if DEMO else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres:///apropos")}
DATABASES["default"]["ENGINE"] = "config.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=3_600)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
WEB_STATEMENT_TIMEOUT = env.int("WEB_STATEMENT_TIMEOUT", default=15_000)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "users.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# How long what is kept; 0 keeps it for good.
EVENTS_KEEP_MONTHS = env.int("EVENTS_KEEP_MONTHS", default=0)
ACCESS_LOG_KEEP_DAYS = env.int("ACCESS_LOG_KEEP_DAYS", default=3 * 365)
MESSAGE_TEXTS_KEEP_DAYS = env.int("MESSAGE_TEXTS_KEEP_DAYS", default=365)
DEVICES_KEEP_DAYS = env.int("DEVICES_KEEP_DAYS", default=270)  # what FCM calls stale
ERASED_REFUSE_DAYS = env.int("ERASED_REFUSE_DAYS", default=30)

# Kombu names a Unix socket differently from redis-py; the operator gives one URL.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "recommendations.tasks.train_model": {"queue": "gpu"},
    "recommendations.tasks.train_again": {"queue": "gpu"},
    "notifications.tasks.send_due_messages": {"queue": "send"},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "notifications.tasks.tick", "schedule": 5.0, "options": {"expires": 5}},
    "keep-membership": {"task": "notifications.tasks.keep_membership", "schedule": 60.0, "options": {"expires": 60}},
    # What leaves the window of a tier.
    "evaluate-tiers": {"task": "notifications.tasks.evaluate_all_tiers", "schedule": crontab("40", "1")},
    "make-partitions": {"task": "users.tasks.make_event_partitions", "schedule": 6 * 3600.0},
    "forget-old-answers": {"task": "users.tasks.forget_old_answers", "schedule": 6 * 3600.0},
    "apply-retention": {"task": "users.tasks.apply_retention", "schedule": 24 * 3600.0},
    "refresh-due-profiles": {"task": "users.tasks.refresh_due_profiles", "schedule": 60.0, "options": {"expires": 60}},
    "refresh-standing": {"task": "users.tasks.refresh_standing", "schedule": crontab("10", "1")},
    # What the catalogue changed since: prices, brands, categories.
    "refresh-all-profiles": {
        "task": "users.tasks.refresh_all_profiles",
        "schedule": crontab(day_of_week=0, hour=2, minute=10),
    },
    # Models grow old: train again on Sundays, score everybody every night, and who has news every quarter of an hour.
    "train-again": {"task": "recommendations.tasks.train_again", "schedule": crontab("30", "2", day_of_week=0)},
    "score-everybody": {"task": "recommendations.tasks.score_everybody_again", "schedule": crontab("10", "4")},
    "score-changed": {
        "task": "recommendations.tasks.score_changed_customers",
        "schedule": 900.0,
        "options": {"expires": 900},
    },
    "mark-bots": {"task": "users.tasks.mark_recent_bots", "schedule": 3600.0},
    "judge-prices": {"task": "users.tasks.judge_prices", "schedule": 24 * 3600.0},
    "resume-imports": {"task": "users.tasks.resume_imports", "schedule": 30.0, "options": {"expires": 30}},
    "forget-imports": {"task": "users.tasks.forget_old_imports", "schedule": 6 * 3600.0},
}

if env.str("BOUNCE_MAILBOX_URL", default=""):
    CELERY_BEAT_SCHEDULE["read-bounces"] = {
        "task": "notifications.tasks.read_bounces",
        "schedule": 120.0,
        "options": {"expires": 120},
    }

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale", BASE_DIR / "config" / "theme_locale"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(VAR_DIR / "media"))()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG or DEMO

vars().update(env.email_url("EMAIL_URL", default="smtp://127.0.0.1:1025"))
# Messages a minute that a channel or a mail domain gets at most: email=60000,gmail.com=6000
SEND_RATES = env.dict("SEND_RATES", default={})
EMAIL_TIMEOUT = env.float("EMAIL_TIMEOUT", default=20)
# Only where the mail server does not sign itself. The key is RSA in PEM; in .env its line ends are written \n.
DKIM_DOMAIN = env.str("DKIM_DOMAIN", default="")
DKIM_SELECTOR = env.str("DKIM_SELECTOR", default="")
DKIM_PRIVATE_KEY = env.str("DKIM_PRIVATE_KEY", default="", multiline=True)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"{SHOP_NAME} <offers@example.com>")

# Bounces and complaints: webhooks of mail providers (django-anymail's settings as JSON; without `WEBHOOK_SECRET` there
# are none), and a mailbox that reports come to.
ANYMAIL: dict[str, Any] = env.json("ANYMAIL", default={})
BOUNCE_MAILBOX_URL = env.str("BOUNCE_MAILBOX_URL", default="")
# Where the DKIM keys of the sender's domain are published, for the page of deliverability.
DKIM_SELECTORS: list[str] = env.list("DKIM_SELECTORS", default=[])
TRACK_OPENS = env.bool("TRACK_OPENS", default=True)

# Web push: `python manage.py make_vapid_key`, once; push services want to know whom to write to (RFC 8292).
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default="")
VAPID_SUBJECT = env.str("VAPID_SUBJECT", default=BASE_URL)
FCM_CREDENTIALS = env.str("FCM_CREDENTIALS", default="")  # path of a service account's JSON key
FCM_URL = env.str("FCM_URL", default="https://fcm.googleapis.com")
APNS_KEY_FILE = env.str("APNS_KEY_FILE", default="")  # path of the .p8 file
APNS_KEY_ID = env.str("APNS_KEY_ID", default="")
APNS_TEAM_ID = env.str("APNS_TEAM_ID", default="")
APNS_TOPIC = env.str("APNS_TOPIC", default="")  # the app's bundle id
APNS_URL = env.str("APNS_URL", default="https://api.push.apple.com")
WEBHOOK_URL = env.str("WEBHOOK_URL", default="")
WEBHOOK_SECRET = env.str("WEBHOOK_SECRET", default="")
# Whether addresses that others name may lead into private networks. Never in production.
ALLOW_PRIVATE_TARGETS = env.bool("ALLOW_PRIVATE_TARGETS", default=False)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["users.api.authentication.HasScope"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["users.api.parsers.BoundedJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["users.api.throttling.ApiKeyThrottle"],
    "EXCEPTION_HANDLER": "users.api.errors.handle_exception",
    "DEFAULT_PAGINATION_CLASS": "users.api.pagination.ByIdPagination",
    "PAGE_SIZE": 100,
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# Requests a minute for one API key (0: no limit), the largest body, and how many requests of one process may store rows
# at a time: fewer than the web server has threads per process.
API_RATE_LIMIT = env.int("API_RATE_LIMIT", default=12_000)
API_MAX_BODY_BYTES = env.int("API_MAX_BODY_BYTES", default=5_000_000)
API_INGEST_SLOTS = env.int("API_INGEST_SLOTS", default=3)

SPECTACULAR_SETTINGS = {
    "TITLE": "Apropos API",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "tryItOutEnabled": True},
    "DESCRIPTION": (
        "Customers, items, events and orders in; recommendations and coupons out.\n\n"
        "Send the key that `python manage.py create_api_key NAME --scope server` printed as "
        "`Authorization: Bearer <key>`."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "users.api.schema.document_errors",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
}

UNFOLD = {**ADMIN_THEME, "SITE_SUBHEADER": SHOP_NAME}

# Behind a proxy that terminates TLS, set BASE_URL to the https address.
if BASE_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 30 * 24 * 3600

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
