"""Back-pressure: when the database is behind, callers are asked to come back instead of piling up.

A process lets a few requests store rows at a time (`API_INGEST_SLOTS`); a web server should have more threads than
that, so that pages and links are served meanwhile. The others wait briefly for a slot and are then sent away with 429
and `Retry-After`. Statements of the web server have a time-out (`WEB_STATEMENT_TIMEOUT`), so a database that hangs
frees the slots again. Nothing is counted outside the process, so a process that is killed leaves no slot taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.conf import settings
from rest_framework.exceptions import Throttled

WAIT = 2.0  # seconds that a request waits for a slot
RETRY_AFTER = 2  # seconds

_slots = BoundedSemaphore(settings.API_INGEST_SLOTS)


@contextmanager
def ingest_slot() -> Iterator[None]:
    """The right to store rows. Raises Throttled when too many are at it."""
    if not _slots.acquire(timeout=WAIT):
        raise Throttled(RETRY_AFTER, "The database is behind. Nothing of this request was stored; send it again.")
    try:
        yield
    finally:
        _slots.release()
