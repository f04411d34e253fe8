"""Back-pressure: when the database is behind, callers are asked to come back instead of piling up.

A process lets a few requests store rows at a time (`API_INGEST_SLOTS`); a web server should have more threads than
that, so that pages and links are served meanwhile. The others wait briefly for a slot and are then sent away with 429
and `Retry-After`. Who has a slot works under a time-out, so that a database that hangs frees it again. Nothing is
counted outside the process, so a process that is killed leaves no slot taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.conf import settings
from django.db import connection, transaction
from rest_framework.exceptions import Throttled

WAIT = 2.0  # seconds that a request waits for a slot
RETRY_AFTER = 2  # seconds
STATEMENT_TIMEOUT = 10_000  # milliseconds, waiting for locks included

_slots = BoundedSemaphore(settings.API_INGEST_SLOTS)


@contextmanager
def ingest_slot() -> Iterator[None]:
    """A transaction that may store rows. Raises Throttled when too many are at it."""
    if not _slots.acquire(timeout=WAIT):
        raise Throttled(RETRY_AFTER, "The database is behind. Nothing of this request was stored; send it again.")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [STATEMENT_TIMEOUT])
            yield
    finally:
        _slots.release()
