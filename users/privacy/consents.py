"""The consent ledger: what each customer agreed to, per channel and purpose, since when and on what evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from users.models import Consent

# The ledger grows only when something changes, so that importing the same file twice adds nothing. A statement is
# compared with what held at its own time, because statements may arrive late.
_ADD = """
INSERT INTO users_consent (customer_id, channel, purpose, granted, source, text_version, recorded_at)
SELECT customer.id, stated.channel, stated.purpose, stated.granted, stated.source, stated.text_version,
       stated.recorded_at
FROM unnest(%(refs)s::text[], %(visitors)s::text[], %(channels)s::text[], %(purposes)s::text[],
            %(granted)s::boolean[], %(sources)s::text[], %(versions)s::text[], %(times)s::timestamptz[])
    AS stated (customer_ref, anonymous_ref, channel, purpose, granted, source, text_version, recorded_at)
JOIN users_customer AS named
    ON named.id = CASE stated.customer_ref
        WHEN '' THEN (SELECT id FROM users_customer WHERE anonymous_id = stated.anonymous_ref)
        ELSE (SELECT id FROM users_customer WHERE external_id = stated.customer_ref) END
JOIN users_customer AS customer ON customer.id = coalesce(named.merged_into_id, named.id)
LEFT JOIN LATERAL (
    SELECT granted, text_version FROM users_consent
    WHERE customer_id = customer.id AND channel = stated.channel AND purpose = stated.purpose
          AND recorded_at <= stated.recorded_at
    ORDER BY recorded_at DESC, id DESC LIMIT 1
) AS current ON TRUE
WHERE customer.erased_at IS NULL
  AND (current.granted IS DISTINCT FROM stated.granted
       OR (stated.text_version <> '' AND current.text_version <> stated.text_version))
ORDER BY customer.id
"""

# Whoever objected to profiling last, on whatever channel, and whoever was erased. Ids for `NOT IN`.
NOT_TO_LEARN_FROM = """
SELECT id FROM users_customer WHERE erased_at IS NOT NULL
UNION ALL
SELECT customer_id FROM (
    SELECT DISTINCT ON (customer_id) customer_id, granted FROM users_consent WHERE purpose = 'profiling'
    ORDER BY customer_id, recorded_at DESC, id DESC
) AS newest WHERE NOT granted
"""


@dataclass(frozen=True, slots=True)
class ConsentStatement:
    """What a customer agreed to or withdrew, and how we know. Where `customer_id`, the shop's id, is empty, it is the
    visitor `anonymous_id` who did."""

    customer_id: str
    channel: str
    purpose: str
    granted: bool
    source: str
    text_version: str
    recorded_at: datetime
    anonymous_id: str = ""


def add_consents(*, statements: Sequence[ConsentStatement]) -> int:
    """Add what is new to the ledger; returns how many entries. Unknown and erased customers are left out."""
    if not statements:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            {
                "refs": [each.customer_id for each in statements],
                "visitors": [each.anonymous_id for each in statements],
                "channels": [each.channel for each in statements],
                "purposes": [each.purpose for each in statements],
                "granted": [each.granted for each in statements],
                "sources": [each.source for each in statements],
                "versions": [each.text_version for each in statements],
                "times": [each.recorded_at for each in statements],
            },
        )
        return cursor.rowcount


def current_consents(*, customer_ids: Sequence[int]) -> dict[int, list[Consent]]:
    """The newest entry per channel and purpose of each customer, in one query."""
    newest = (
        Consent.objects.filter(customer__in=customer_ids)
        .order_by("customer_id", "channel", "purpose", "-recorded_at", "-id")
        .distinct("customer_id", "channel", "purpose")
    )
    found: dict[int, list[Consent]] = {customer_id: [] for customer_id in customer_ids}
    for consent in newest:
        found[consent.customer_id].append(consent)
    return found
