"""What this app holds of a customer, table by table: what is exported, what is deleted, what stays and counts."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from users.choices import EventType
from users.idempotency import forget_answers_with
from users.models import Customer, Event, Order, Profile, QualitySample
from users.privacy.registry import CHUNK, Person, delete, fields, mentions, register

# What belongs to an order is kept for the books; where somebody looked is kept for nobody.
KEPT_EVENTS = (EventType.PURCHASE, EventType.REFUND)

_ERASE_EVENTS = """
WITH gone AS (DELETE FROM users_event WHERE customer_id = ANY(%(ids)s) AND type <> ALL(%(kept)s) RETURNING 1),
made_anonymous AS (
    UPDATE users_event SET message_id = gen_random_uuid(), context = NULL, value = NULL
    WHERE customer_id = ANY(%(ids)s) AND type = ANY(%(kept)s) RETURNING 1
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM made_anonymous)
"""

# The shop's number of an order leads to its buyer in the shop's own books. Codes that are not our coupons may, too.
_ERASE_ORDER_CHANGES = """
DELETE FROM users_orderchange WHERE order_ref IN (SELECT external_id FROM users_order WHERE customer_id = ANY(%(ids)s))
"""
_ERASE_ORDERS = """
UPDATE users_order SET external_id = 'erased-' || id, fingerprint = '',
    coupon_code = CASE WHEN coupon_code LIKE 'ERASED-%%' THEN coupon_code ELSE '' END
WHERE customer_id = ANY(%(ids)s)
"""


def register_holdings() -> None:
    """Declare this app's tables, those that others refer to first."""
    register("users.Customer", section="identities", rows=_identities, erase=_erase_customers)
    register(
        "users.Consent",
        section="consents",
        rows=fields("users.Consent", "channel", "purpose", "granted", "source", "text_version", "recorded_at"),
        erase=delete("users.Consent"),
    )
    register(
        "users.Device",
        section="devices",
        rows=fields(
            "users.Device",
            *("channel", "platform", "language", "created_at", "last_seen_at", "disabled_at", "disabled_reason"),
            token="address",  # noqa: S106 - the name in the file
        ),
        erase=delete("users.Device"),
    )
    register("users.Profile", section="profile", rows=_profiles, erase=delete("users.Profile"))
    register("users.ProfileDue", erase=delete("users.ProfileDue", customer="customer_id"))
    register(
        "users.BotMark",
        section="bot_marks",
        rows=fields("users.BotMark", "reason", "actions", "per_minute", "entropy", "marked_at", "cleared_at"),
        erase=delete("users.BotMark"),
    )
    register(
        "users.Order",
        section="orders",
        rows=fields(
            "users.Order",
            *("placed_at", "status", "total", "discount", "refunded", "currency", "coupon_code"),
            order_id="external_id",
        ),
        erase=lambda person: _execute(_ERASE_ORDERS, person),
    )
    register(
        "users.OrderChange", erase=lambda person: _execute(_ERASE_ORDER_CHANGES, person)
    )  # its order tells as much
    register("users.Event", section="events", rows=_events, erase=_erase_events)
    register(
        "users.CustomerAccess",
        section="accesses",
        rows=fields("users.CustomerAccess", "at", "action", "actor_kind", "detail"),
        erase=lambda person: 0,  # it holds nothing personal, and proves the erasure itself
    )
    register("users.IdempotencyRecord", erase=_erase_answers)
    register("users.QualitySample", erase=_erase_samples)
    register("admin.LogEntry", erase=_erase_admin_log)


def _execute(sql: str, person: Person) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(person.ids)})
        return cursor.rowcount


def _identities(person: Person) -> Iterator[dict[str, Any]]:
    names = (
        *("external_id", "anonymous_id", "email", "phone", "first_name", "last_name", "birth_date", "language"),
        *("country", "time_zone", "attributes", "created_at", "updated_at", "erased_at"),
    )
    yield from Customer.objects.filter(pk__in=person.ids).order_by("pk").values(*names)


def _erase_customers(person: Person) -> int:
    return Customer.objects.filter(pk__in=person.ids).update(
        **dict.fromkeys(("email", "email_hash", "phone", "first_name", "last_name"), ""),
        **dict.fromkeys(("language", "country", "time_zone"), ""),
        **dict.fromkeys(("external_id", "anonymous_id", "birth_date", "described_at")),
        attributes={},
        merged_into=None,
        erased_at=timezone.now(),
    )


def _profiles(person: Person) -> Iterator[dict[str, Any]]:
    """Whatever columns a profile has: all of them are about the person."""
    names = [field.attname for field in Profile._meta.concrete_fields if field.name != "customer"]
    yield from Profile.objects.filter(pk__in=person.ids).values(*names)


def _events(person: Person) -> Iterator[dict[str, Any]]:
    names = ("occurred_at", "received_at", "item_title", "item_id", "order_id", "quantity", "price", "currency")
    paths = ("item__title", "item__external_id", "order__external_id", "quantity", "price", "currency")
    events = Event.objects.filter(customer__in=person.ids).order_by("occurred_at", "id")
    for kind, *values, value, context in events.values_list(
        "type", "occurred_at", "received_at", *paths, "value", "context"
    ).iterator(chunk_size=CHUNK):
        named = dict(zip(names, values, strict=True))
        yield {"type": EventType(kind).code, **named, "value": value, "context": context}


def _erase_events(person: Person) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ERASE_EVENTS, {"ids": list(person.ids), "kept": [int(kind) for kind in KEPT_EVENTS]})
        return int(cursor.fetchone()[0])


def _erase_answers(person: Person) -> int:
    """Answers that name the person go; what they answered is safe without them, because the ids are refused now."""
    orders = Order.objects.filter(customer__in=person.ids).values_list("external_id", flat=True)
    return forget_answers_with(texts=[*person.texts, *person.names, *orders])


def _erase_samples(person: Person) -> int:
    """Examples of refused rows show ids; whoever was erased is no example any more."""
    named = mentions([*person.texts, *person.names])
    return QualitySample.objects.filter(Q(reference__iregex=named) | Q(value__iregex=named)).delete()[0]


def _erase_admin_log(person: Person) -> int:
    """The admin's history keeps who did what to which row, without the texts."""
    own = Q(content_type=ContentType.objects.get_for_model(Customer), object_id__in=[str(pk) for pk in person.ids])
    named = Q(object_repr__iregex=mentions(person.texts)) | Q(change_message__iregex=mentions(person.texts))
    return LogEntry.objects.filter(own | named).update(object_repr="", change_message="")
