"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from config.web import bound_statements, load_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
bound_statements()
load_pages()
