"""What this app holds of a customer. Decisions, deliveries and redemptions stay for the reports, without texts."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from notifications.choices import CouponStatus, MessageState
from notifications.models import Approval, CampaignChange, Click, InboxMessage, Message, Segment, Suppression
from users.idempotency import forget_answers_with
from users.privacy.registry import Person, blank, delete, fields, register
from users.privacy.retention import Rule, days_before, register_rule
from users.privacy.rotation import register_hash_column

# A code stands in its customer's mailbox. Its coupon and the orders that used it stay connected under another one.
_ERASE_COUPONS = f"""
WITH retired AS (
    UPDATE notifications_coupon AS coupon SET code = 'ERASED-' || coupon.id,
        status = CASE status WHEN '{CouponStatus.ISSUED}' THEN '{CouponStatus.CANCELLED}' ELSE status END
    FROM (SELECT id, code FROM notifications_coupon WHERE customer_id = ANY(%(ids)s) FOR UPDATE) AS known
    WHERE coupon.id = known.id RETURNING coupon.code AS code, known.code AS former
), orders AS (
    UPDATE users_order SET coupon_code = retired.code FROM retired
    WHERE users_order.customer_id = ANY(%(ids)s) AND upper(users_order.coupon_code) = retired.former
)
SELECT former FROM retired
"""

_ERASE_REDEMPTIONS = """
UPDATE notifications_redemption AS redemption SET order_external_id = 'erased-redemption-' || redemption.id
FROM notifications_coupon AS coupon
WHERE coupon.id = redemption.coupon_id AND coupon.customer_id = ANY(%(ids)s)
"""

# The mark `erased` keeps a worker that is sending right now from writing the texts back (`delivery.record`).
_ERASE_MESSAGES = f"""
UPDATE notifications_message SET subject = '', provider_id = '', error = '',
    state = CASE state WHEN '{MessageState.PLANNED}' THEN '{MessageState.CANCELLED}' ELSE state END,
    error_kind = CASE WHEN state IN ('{MessageState.PLANNED}', '{MessageState.SENDING}') THEN 'erased'
        ELSE error_kind END
WHERE customer_id = ANY(%(ids)s)
"""


def register_holdings() -> None:
    """Declare this app's tables, those that others refer to first."""
    register(
        "notifications.Coupon",
        section="coupons",
        rows=fields(
            "notifications.Coupon",
            *("code", "status", "issued_at", "valid_from", "valid_until", "uses"),
            offer="offer__name",
        ),
        erase=_erase_coupons,
    )
    register(
        "notifications.Redemption",
        section="redemptions",
        rows=fields(
            "notifications.Redemption",
            *("state", "amount", "currency", "order_total", "reserved_at", "committed_at", "released_at"),
            customer="coupon__customer",
            code="coupon__code",
            order_id="order_external_id",
        ),
        erase=lambda person: _execute(_ERASE_REDEMPTIONS, person),
    )
    register(
        "notifications.OfferUse",
        section="offer_uses",
        rows=fields("notifications.OfferUse", "uses", offer="offer__name"),
        erase=delete("notifications.OfferUse"),
    )
    _register_membership()
    register(
        "notifications.Recipient",
        section="decisions",
        rows=fields(
            "notifications.Recipient",
            *("decided_at", "status", "suppression", "arm", "propensity", "item_ids", "send_at"),
            campaign="run__campaign__name",
        ),
        erase=blank("notifications.Recipient", item_ids=[], reason_item_ids=[]),
    )
    register(
        "notifications.Enrolment",
        section="enrolments",
        rows=fields(
            "notifications.Enrolment",
            *("occurred_at", "due_at", "state", "reason", "items", "details"),
            campaign="campaign__name",
        ),
        erase=delete("notifications.Enrolment"),
    )
    register(
        "notifications.Message",
        section="messages",
        rows=fields(
            "notifications.Message",
            *("channel", "state", "due_at", "sent_at", "subject", "error", "first_clicked_at"),
            campaign="run__campaign__name",
        ),
        erase=lambda person: _execute(_ERASE_MESSAGES, person),
    )
    register(
        "notifications.Feedback",
        section="feedback",
        rows=fields("notifications.Feedback", "kind", "channel", "domain", "status", "detail", "occurred_at"),
        erase=blank("notifications.Feedback", detail="", customer_id=None),
    )
    register(
        "notifications.InboxMessage",
        section="inbox",
        rows=fields(
            "notifications.InboxMessage",
            *("title", "body", "url", "created_at", "expires_at", "read_at", "dismissed_at"),
        ),
        erase=delete("notifications.InboxMessage"),
    )
    register(
        "notifications.Click",
        section="clicks",
        rows=fields("notifications.Click", "clicked_at", "user_agent", customer="message__customer", url="link__url"),
        erase=blank("notifications.Click", customer="message__customer", user_agent=""),
    )
    register(
        "notifications.TopicRefusal",
        section="refused_topics",
        rows=fields("notifications.TopicRefusal", "refused_at", "source", topic="topic__name"),
        erase=delete("notifications.TopicRefusal"),
    )
    register("notifications.Suppression", section="suppressions", rows=_suppressions, erase=_erase_suppressions)
    register("notifications.Segment", erase=_erase_segments)
    register("notifications.Approval", erase=_erase_repeated(Approval))
    register("notifications.CampaignChange", erase=_erase_repeated(CampaignChange))
    register_hash_column("notifications_suppression", "address_hash")


def _register_membership() -> None:
    """Points and tiers are of no use without their customer."""
    register(
        "notifications.PointsAccount",
        section="points_account",
        rows=fields("notifications.PointsAccount", "balance", "tier_since", tier="tier__name"),
        erase=delete("notifications.PointsAccount"),
    )
    register(
        "notifications.PointsEntry",
        section="points",
        rows=fields("notifications.PointsEntry", "at", "kind", "points", "note", "expires_at"),
        erase=delete("notifications.PointsEntry"),
    )
    register(
        "notifications.TierChange",
        section="tier_changes",
        rows=fields("notifications.TierChange", "at", before="before__name", after="after__name"),
        erase=delete("notifications.TierChange"),
    )


def register_rules() -> None:
    """What a mail was about and which browser clicked is of no use later; that it was sent and clicked is."""
    register_rule(
        Rule(
            "texts of messages",
            days_before("MESSAGE_TEXTS_KEEP_DAYS"),
            lambda kept_from: (
                _old_messages(kept_from).count() + _old_clicks(kept_from).count() + _expired_inbox(kept_from).count()
            ),
            lambda kept_from: (
                _expired_inbox(kept_from).delete()[0]
                + _old_messages(kept_from).update(subject="", error="", provider_id="")
                + _old_clicks(kept_from).update(user_agent="")
            ),
        )
    )


def _expired_inbox(kept_from: datetime) -> QuerySet[InboxMessage]:
    return InboxMessage.objects.filter(expires_at__lt=kept_from)


def _old_messages(kept_from: datetime) -> QuerySet[Message]:
    texts = ~Q(subject="") | ~Q(error="") | ~Q(provider_id="")
    return Message.objects.filter(texts, created_at__lt=kept_from)


def _old_clicks(kept_from: datetime) -> QuerySet[Click]:
    return Click.objects.filter(clicked_at__lt=kept_from).exclude(user_agent="")


def _execute(sql: str, person: Person) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(person.ids)})
        return cursor.rowcount


def _erase_coupons(person: Person) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ERASE_COUPONS, {"ids": list(person.ids)})
        codes = [code for (code,) in cursor.fetchall()]
    forget_answers_with(texts=codes)
    return len(codes)


def _suppressions(person: Person) -> Iterator[dict[str, Any]]:
    for row in Suppression.objects.filter(address_hash__in=person.email_hashes):
        yield {"channel": row.channel, "reason": row.reason, "created_at": row.created_at}


def _erase_suppressions(person: Person) -> int:
    """Nothing is sent without consent, and none is left, so the address need not be remembered to be left alone."""
    return Suppression.objects.filter(address_hash__in=person.email_hashes).delete()[0]


def _erase_segments(person: Person) -> int:
    """A rule may name single customers by their id."""
    changed = 0
    for segment in Segment.objects.select_for_update():
        rule = _without(segment.rule, frozenset(person.texts))
        if rule != segment.rule:
            segment.rule = rule
            segment.save(update_fields=["rule", "updated_at"])
            changed += 1
    return changed


def _erase_repeated(model: type[Approval] | type[CampaignChange]) -> Callable[[Person], int]:
    """Of what was approved or changed: it repeats the rules of segments."""

    def erase(person: Person) -> int:
        texts, changed = frozenset(person.texts), 0
        for row in model._default_manager.select_for_update().iterator(chunk_size=100):
            content = _without(row.content, texts)
            if content != row.content:
                model._default_manager.filter(pk=row.pk).update(content=content)
                changed += 1
        return changed

    return erase


def _without(rule: Any, texts: frozenset[str]) -> Any:
    """The rule with every value that is one of `texts` replaced."""
    if isinstance(rule, dict):
        return {key: _without(value, texts) for key, value in rule.items()}
    if isinstance(rule, list):
        return [_without(value, texts) for value in rule]
    return "erased" if isinstance(rule, str) and rule in texts else rule
