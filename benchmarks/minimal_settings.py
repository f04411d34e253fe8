"""Settings of the peer: ours, without everything that a minimal endpoint has no use for."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.minimal"
WSGI_APPLICATION = None
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None}
