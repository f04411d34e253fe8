"""ASGI entry point, for servers that prefer it."""

import os

from django.core.asgi import get_asgi_application

from config.web import bound_statements, load_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
bound_statements()
load_pages()
