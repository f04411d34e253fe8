"""The Celery application: three queues, and one short periodic turn that claims due work from the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("apropos")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
