"""The same request twice has one effect and one answer, by the key that the caller sends with it.

The record, the effect and the answer are one transaction: after a crash there are all three or none, never a key
without its answer. A duplicate that arrives while the first is still at work waits for it at the unique key, then gets
its answer. The semantics are those of Stripe's `Idempotency-Key` (https://docs.stripe.com/api/idempotent_requests).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from users.models import ApiKey, IdempotencyRecord
from users.privacy.registry import mentions

KEY_LENGTH = 255
KEEP = timedelta(days=2)  # a client that still retries after two days is not retrying the same request


class KeyReusedError(ValueError):
    """The key came before with another request; the caller must use a new key per request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status with its JSON body; `replayed` when it was given before."""

    status: int
    body: Any
    replayed: bool = False


def fingerprint(*, method: str, path: str, body: Any) -> str:
    """SHA-256 of what makes a request the same request; the order of JSON keys does not count."""
    text = json.dumps([method, path, body], sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def answer_once(*, api_key: ApiKey, key: str, request_hash: str, answer: Callable[[], Answer]) -> Answer:
    """What `answer` returned the first time that this API key sent `key`; it is called only then.

    What `answer` raises is raised, rolls everything back, and leaves the key unused. Its body must be plain JSON.
    Raises KeyReusedError when the key came before with another request.
    """
    record, is_new = IdempotencyRecord.objects.get_or_create(
        api_key=api_key, key=key, defaults={"request_hash": request_hash}
    )
    if not is_new:
        if record.request_hash != request_hash:
            raise KeyReusedError("This Idempotency-Key was used before with another request; use a new key.")
        return Answer(record.status or 0, record.response, replayed=True)
    given = answer()
    record.status, record.response = given.status, given.body
    record.save(update_fields=["status", "response"])
    return given


def forget_answers_with(*, texts: Sequence[str]) -> int:
    """Delete the answers that mention one of `texts`, in any case; returns how many. Both columns are read whole."""
    pattern = mentions(texts)
    found = Q(key__iregex=pattern) | Q(answer_text__iregex=pattern)
    records = IdempotencyRecord.objects.annotate(answer_text=Cast("response", TextField())).filter(found)
    return records.delete()[0]


def forget_answers() -> int:
    """Delete the answers older than `KEEP`; returns how many. Called by the periodic turn."""
    return IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEEP).delete()[0]
