"""Customers in: what the shop knows of them, and what they consented to."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow, json_text
from users.encryption import encrypt, lookup_hash
from users.ingestion import quality
from users.ingestion.cleaning import mend_customers, note_refusal
from users.ingestion.inputs import CustomerInput
from users.ingestion.staging import stage
from users.ingestion.validate import check_customer

BATCH = 5_000  # customers in memory at once

_TABLE = "customer_staging"
_COLUMNS = (
    *(("customer_ref", "text"), ("email", "text"), ("email_hash", "text"), ("phone", "text"), ("first_name", "text")),
    *(("last_name", "text"), ("birth_date", "date"), ("language", "text"), ("country", "text"), ("time_zone", "text")),
    ("attributes", "jsonb"),
)
_CONSENT_TABLE = "consent_staging"
_CONSENT_COLUMNS = (
    *(("customer_ref", "text"), ("channel", "text"), ("purpose", "text"), ("granted", "boolean"), ("source", "text")),
    ("recorded_at", "timestamptz"),
)

# An empty field says nothing, so it leaves what is stored; an erased customer stays erased.
_UPSERT = """
INSERT INTO users_customer AS stored (external_id, email, email_hash, phone, first_name, last_name, birth_date,
                                      language, country, time_zone, attributes, created_at, updated_at)
SELECT customer_ref, email, email_hash, phone, first_name, last_name, birth_date, language, country, time_zone,
       coalesce(attributes, '{}'), now(), now()
FROM pg_temp.customer_staging ORDER BY customer_ref
ON CONFLICT (external_id) DO UPDATE SET
    email = CASE WHEN excluded.email = '' THEN stored.email ELSE excluded.email END,
    email_hash = CASE WHEN excluded.email = '' THEN stored.email_hash ELSE excluded.email_hash END,
    phone = CASE WHEN excluded.phone = '' THEN stored.phone ELSE excluded.phone END,
    first_name = coalesce(nullif(excluded.first_name, ''), stored.first_name),
    last_name = coalesce(nullif(excluded.last_name, ''), stored.last_name),
    birth_date = coalesce(excluded.birth_date, stored.birth_date),
    language = coalesce(nullif(excluded.language, ''), stored.language),
    country = coalesce(nullif(excluded.country, ''), stored.country),
    time_zone = coalesce(nullif(excluded.time_zone, ''), stored.time_zone),
    attributes = stored.attributes || excluded.attributes,
    updated_at = now()
WHERE stored.erased_at IS NULL
"""

# The ledger grows only when something changes, so that importing the same file twice adds nothing.
_ADD_CONSENTS = """
INSERT INTO users_consent (customer_id, channel, purpose, granted, source, recorded_at)
SELECT customer.id, staged.channel, staged.purpose, staged.granted, staged.source, staged.recorded_at
FROM pg_temp.consent_staging AS staged
JOIN users_customer AS customer ON customer.external_id = staged.customer_ref
LEFT JOIN LATERAL (
    SELECT granted FROM users_consent
    WHERE customer_id = customer.id AND channel = staged.channel AND purpose = staged.purpose
    ORDER BY recorded_at DESC, id DESC LIMIT 1
) AS current ON TRUE
WHERE current.granted IS DISTINCT FROM staged.granted AND customer.erased_at IS NULL
"""


def ingest_customers(*, customers: Iterable[CustomerInput], source: str) -> IngestResult:
    """Create or update customers, and add their statements of consent to the ledger; refuse the bad ones."""
    result = IngestResult()
    rows = iter(customers)
    offset = 0
    while batch := list(islice(rows, BATCH)):
        result.add(_ingest_batch(batch, offset=offset, source=source))
        offset += len(batch)
    return result


def _ingest_batch(batch: list[CustomerInput], *, offset: int, source: str) -> IngestResult:
    result = IngestResult()
    good: dict[str, CustomerInput] = {}
    tally = Tally(source)
    for index, customer in enumerate(mend_customers(batch, tally), start=offset):
        try:
            check_customer(customer)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            note_refusal(tally, customer, result.refused[-1])
            continue
        if customer.external_id in good:
            result.duplicates += 1
        good[customer.external_id] = customer  # the last description of a customer holds
    with transaction.atomic():
        if good:
            stage(_TABLE, _COLUMNS, [_row(customer) for customer in good.values()])
            with connection.cursor() as cursor:
                cursor.execute(_UPSERT)
                result.accepted += cursor.rowcount
            _add_consents(good)
        tally.taken = result.accepted
        tally.rows["duplicate_customer"] += result.duplicates
        quality.save_tally(tally)
    return result


def _row(customer: CustomerInput) -> tuple[Any, ...]:
    """The customer as a row of `_COLUMNS`."""
    return (
        *(customer.external_id, encrypt(customer.email), lookup_hash(customer.email), encrypt(customer.phone)),
        *(customer.first_name, customer.last_name, customer.birth_date, customer.language, customer.country),
        *(customer.time_zone, json_text(customer.attributes, "attributes")),
    )


def _add_consents(customers: dict[str, CustomerInput]) -> None:
    now = timezone.now()
    rows = [
        (ref, consent.channel, consent.purpose, consent.granted, consent.source, consent.recorded_at or now)
        for ref, customer in customers.items()
        for consent in customer.consents
    ]
    if rows:
        stage(_CONSENT_TABLE, _CONSENT_COLUMNS, rows)
        with connection.cursor() as cursor:
            cursor.execute(_ADD_CONSENTS)
