"""Customers in: what the shop knows of them, and what they consented to."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow, json_text
from users.encryption import encrypt, lookup_hash
from users.ingestion import quality
from users.ingestion.cleaning import mend_customers, note_refusal
from users.ingestion.descriptions import merged_columns
from users.ingestion.inputs import CustomerInput
from users.ingestion.staging import stage
from users.ingestion.validate import check_customer
from users.privacy.consents import ConsentStatement, add_consents
from users.privacy.tombstones import again_if_erased, find_erased

BATCH = 5_000  # customers in memory at once

_DETAILS = ("email", "phone", "first_name", "last_name", "birth_date", "language", "country", "time_zone")

_TABLE = "customer_staging"
_COLUMNS = (
    *(("customer_ref", "text"), ("anonymous_ref", "text"), ("email", "text"), ("email_hash", "text")),
    *(("phone", "text"), ("first_name", "text"), ("last_name", "text"), ("birth_date", "date"), ("language", "text")),
    *(("country", "text"), ("time_zone", "text"), ("attributes", "jsonb"), ("described_at", "timestamptz")),
)
# An empty field says nothing, so it leaves what is stored; an erased customer stays erased.
_UPSERT = f"""
INSERT INTO users_customer AS stored ({{id_column}}, email, email_hash, phone, first_name, last_name, birth_date,
                                      language, country, time_zone, attributes, described_at, created_at, updated_at)
SELECT {{ref}}, email, email_hash, phone, first_name, last_name, birth_date, language, country, time_zone,
       coalesce(attributes, '{{{{}}}}'), least(described_at, now()), now(), now()
FROM pg_temp.customer_staging WHERE {{ref}} IS NOT NULL ORDER BY {{ref}}
ON CONFLICT ({{id_column}}) DO UPDATE SET
    {merged_columns(stored="stored", said="excluded")}
WHERE stored.erased_at IS NULL
"""

# Where a customer or visitor was joined to another one, its descriptions go there.
_JOINED_TO = """
SELECT known.external_id, known.anonymous_id, joined.external_id
FROM users_customer AS known JOIN users_customer AS joined ON joined.id = known.merged_into_id
WHERE known.external_id = ANY(%s) OR known.anonymous_id = ANY(%s)
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


@again_if_erased
def _ingest_batch(batch: list[CustomerInput], *, offset: int, source: str) -> IngestResult | None:
    result = IngestResult()
    erased = find_erased(
        customer_ids=(customer.external_id for customer in batch),
        anonymous_ids=(customer.anonymous_id for customer in batch),
    )
    tally = Tally(source)
    good: list[CustomerInput] = []
    for index, customer in enumerate(mend_customers(batch, tally), start=offset):
        try:
            check_customer(customer)
            erased.check(customer.external_id, customer.anonymous_id)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            note_refusal(tally, customer, result.refused[-1])
            continue
        good.append(customer)
    with transaction.atomic():
        if not erased.hold():
            return None
        people = _fold(good)
        result.duplicates += len(good) - len(people)
        if people:
            stage(_TABLE, _COLUMNS, [_row(customer) for customer in people])
            for id_column, ref in (("external_id", "customer_ref"), ("anonymous_id", "anonymous_ref")):
                with connection.cursor() as cursor:
                    cursor.execute(_UPSERT.format(id_column=id_column, ref=ref))
                    result.accepted += cursor.rowcount
            _add_consents(people)
        tally.taken = result.accepted
        tally.rows["duplicate_customer"] += result.duplicates
        quality.save_tally(tally)
    return result


def _fold(customers: list[CustomerInput]) -> list[CustomerInput]:
    """One description for each person, in the order of their times: later fields win, empty ones say nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            _JOINED_TO,
            [
                [customer.external_id for customer in customers if customer.external_id],
                [customer.anonymous_id for customer in customers if not customer.external_id],
            ],
        )
        joined = cursor.fetchall()
    by_external_id = {external_id: into for external_id, _, into in joined}
    by_anonymous_id = {anonymous_id: into for _, anonymous_id, into in joined}
    folded: dict[tuple[str, str], CustomerInput] = {}
    now = timezone.now()
    for customer in sorted(customers, key=lambda customer: customer.described_at or now):
        if customer.external_id:
            who = (by_external_id.get(customer.external_id, customer.external_id), "")
        else:
            into = by_anonymous_id.get(customer.anonymous_id)
            who = (into, "") if into else ("", customer.anonymous_id)
        known = folded.get(who) or CustomerInput(external_id=who[0], anonymous_id=who[1])
        folded[who] = _folded(known, customer)
    return list(folded.values())


def _folded(known: CustomerInput, said: CustomerInput) -> CustomerInput:
    """`known`, with what is said later of the same person."""
    given = {name: value for name in _DETAILS if (value := getattr(said, name))}
    return replace(
        known,
        **given,
        attributes={**(known.attributes or {}), **(said.attributes or {})} or None,
        consents=tuple(dict.fromkeys(known.consents + said.consents)),
        described_at=said.described_at,
    )


def _row(customer: CustomerInput) -> tuple[Any, ...]:
    """The customer as a row of `_COLUMNS`."""
    return (
        *(customer.external_id or None, customer.anonymous_id or None, encrypt(customer.email)),
        *(lookup_hash(customer.email), encrypt(customer.phone), customer.first_name, customer.last_name),
        *(customer.birth_date, customer.language, customer.country, customer.time_zone),
        *(json_text(customer.attributes, "attributes"), customer.described_at),
    )


def _add_consents(people: list[CustomerInput]) -> None:
    now = timezone.now()
    add_consents(
        statements=[
            ConsentStatement(
                customer_id=customer.external_id,
                anonymous_id=customer.anonymous_id,
                channel=consent.channel,
                purpose=consent.purpose,
                granted=consent.granted,
                source=consent.source,
                text_version=consent.text_version,
                recorded_at=consent.recorded_at or now,
            )
            for customer in people
            for consent in customer.consents
        ]
    )
