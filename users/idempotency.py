"""The same request twice has one effect and one answer, by the key that the caller sends with it.

The record, the effect and the answer are one transaction: after a crash there are all three or none, never a key
without its answer. A duplicate that arrives while the first is still at work waits for it at the unique key, then gets
its answer. The semantics are those of Stripe's `Idempotency-Key` (https://docs.stripe.com/api/idempotent_requests).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import orjson
from django.db import connection, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from catalog.idempotency import Answer, KeyReusedError
from users.models import ApiKey, IdempotencyRecord
from users.privacy.registry import mentions

KEEP = timedelta(days=2)  # a client that still retries after two days is not retrying the same request


@transaction.atomic
def answer_once(*, api_key: ApiKey, key: str, request_hash: str, answer: Callable[[], Answer]) -> Answer:
    """What `answer` returned the first time that this API key sent `key`; it is called only then.

    What `answer` raises is raised, rolls everything back, and leaves the key unused. Its body must be plain JSON.
    Raises KeyReusedError when the key came before with another request.
    """
    record_id = _claim(api_key, key, request_hash)
    if record_id is None:
        record = IdempotencyRecord.objects.get(api_key=api_key, key=key)
        if record.request_hash != request_hash:
            raise KeyReusedError("This Idempotency-Key was used before with another request; use a new key.")
        return Answer(record.status or 0, record.response, replayed=True)
    given = answer()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_idempotencyrecord SET status = %s, response = %s WHERE id = %s",
            [given.status, orjson.dumps(given.body).decode(), record_id],
        )
    return given


def _claim(api_key: ApiKey, key: str, request_hash: str) -> int | None:
    """The id of a new record; None when there is one, whose transaction is then over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users_idempotencyrecord (api_key_id, key, request_hash, created_at) "
            "VALUES (%s, %s, %s, %s) ON CONFLICT (api_key_id, key) DO NOTHING RETURNING id",
            [api_key.pk, key, request_hash, timezone.now()],
        )
        row = cursor.fetchone()
    return row and row[0]


def forget_answers_with(*, texts: Sequence[str]) -> int:
    """Delete the answers that mention one of `texts`, in any case; returns how many. Both columns are read whole."""
    pattern = mentions(texts)
    found = Q(key__iregex=pattern) | Q(answer_text__iregex=pattern)
    records = IdempotencyRecord.objects.annotate(answer_text=Cast("response", TextField())).filter(found)
    return records.delete()[0]


def forget_answers() -> int:
    """Delete the answers older than `KEEP`; returns how many. Called by the periodic turn."""
    return IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEEP).delete()[0]
