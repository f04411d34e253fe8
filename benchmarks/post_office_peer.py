"""Run by the peer's own Python: django-post_office sends MAILS finished mails in batches; prints its figures.

Arguments: port of the sink, how many mails, batch size, processes, file with the mail. DATABASE_URL is ours; its tables
get a schema of their own.
"""

import email
import json
import logging
import os
import sys
import time
from email import policy
from urllib.parse import parse_qs, unquote, urlsplit

import django
import psutil
from django.conf import settings

port, count, batch, processes = (int(argument) for argument in sys.argv[1:5])
path = sys.argv[5]
logging.disable(logging.INFO)  # a line a batch is nothing that we want to measure
url = urlsplit(os.environ["DATABASE_URL"])
query = parse_qs(url.query)
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path[1:]),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": query.get("host", [unquote(url.hostname or "")])[0],
            "PORT": url.port or "",
            "OPTIONS": {"options": "-c search_path=post_office"},
        }
    },
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=port,
    EMAIL_BACKEND="post_office.EmailBackend",
    POST_OFFICE={
        "BATCH_SIZE": batch,
        "THREADS_PER_PROCESS": 5,
        "LOG_LEVEL": 0,
        "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from post_office.mail import send_queued  # noqa: E402
from post_office.models import PRIORITY, STATUS, Email  # noqa: E402

with connection.cursor() as cursor:
    cursor.execute("CREATE SCHEMA IF NOT EXISTS post_office")
call_command("migrate", verbosity=0)
Email.objects.all().delete()
with open(path, "rb") as file:
    mail = email.message_from_binary_file(file, policy=policy.default)
html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))
Email.objects.bulk_create(
    Email(
        from_email="offers@example.com",
        to=[f"customer-{number}@example.com"],
        subject=mail["Subject"],
        message=text,
        html_message=html,
        status=STATUS.queued,
        priority=PRIORITY.medium,
    )
    for number in range(count)
)
worker, rss = psutil.Process(), []
started, cpu = time.perf_counter(), sum(os.times()[:4])
while Email.objects.filter(status=STATUS.queued).exists():
    connection.close()  # its processes are forks, and must not share this one
    send_queued(processes=processes)
    connection.close()  # they have closed what they inherited
    rss.append(worker.memory_info().rss)
sent = Email.objects.filter(status=STATUS.sent).count()
if sent != count:
    raise SystemExit(f"{sent} of {count} were sent")
figures = {"mails": count, "seconds": time.perf_counter() - started, "cpu": sum(os.times()[:4]) - cpu}
print(json.dumps(figures | {"rss": [rss[0], rss[-1]]}))
