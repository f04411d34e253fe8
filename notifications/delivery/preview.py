"""A campaign as one real customer would get it, before it is launched; and a mail of that to a member of staff."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone, translation

from notifications.campaigns.audience import decision_parameters, decision_sql
from notifications.campaigns.triggers.defaults import trigger_of
from notifications.channels import delivery_channel
from notifications.channels.base import Address, Envelope, Mailing
from notifications.content.errors import ContentError
from notifications.content.render import compile_content
from notifications.decisions.arms import campaign_arms
from notifications.delivery.context import Addressee, Contexts
from notifications.delivery.sample import dearer
from notifications.models import Campaign, Run, Variant
from notifications.offers.issue import OfferNotIssuableError, coupon_validity
from notifications.offers.money import known_language
from notifications.segments import compile_rule
from users.models import Customer
from users.privacy.masking import mask_text

SAMPLE_CODE = "SAMPLE-CODE"
TEST_TOKEN = "apropos-test"  # noqa: S105 - tells a test from a run's mails
RANDOM_EXAMPLES = 3
STAND_INS = 2  # items that stand for the cart, the order, or whatever a triggered message is about

_EXAMPLES = """
WITH matched AS MATERIALIZED ({segment}), customer AS (
    SELECT c.id, c.external_id, c.first_name, c.language
    FROM matched JOIN users_customer c ON c.id = matched.customer_id
    WHERE c.external_id IS NOT NULL
)
(SELECT 'random', external_id FROM customer ORDER BY random() LIMIT {random})
UNION ALL (SELECT 'no_name', external_id FROM customer WHERE first_name = '' LIMIT 1)
UNION ALL (SELECT 'no_recommendation', external_id FROM customer WHERE NOT EXISTS (
    SELECT FROM recommendations_recommendation r WHERE r.customer_id = customer.id AND r.item_ids <> '{{}}') LIMIT 1)
UNION ALL (SELECT 'other_language', external_id FROM customer
    WHERE split_part(lower(language), '-', 1) <> ALL (%s) LIMIT 1)
"""


@dataclass(frozen=True)
class Preview:
    """What would be sent to one customer, and what was decided about them. `problem` says why nothing can be shown."""

    customer: Customer
    variant: Variant
    refusal: str
    is_held_out: bool
    send_at: datetime
    subject: str = ""
    html: str = ""
    text: str = ""
    preview_text: str = ""
    problem: str = ""


class _Straight(Contexts):
    """Links lead straight to their destination: nothing is stored, and nobody is unsubscribed.

    What lets a customer enter a triggered campaign has not happened yet; recommended items stand in its place.
    """

    def build(self, addressee: Addressee) -> dict[str, Any]:
        context = super().build(addressee)
        if trigger_of(self.run.campaign).is_scheduled:
            return context
        lines = [
            {**item, "reason": "", "quantity": 1, "was": dearer(item["price"])} for item in context["items"][:STAND_INS]
        ]
        return {**context, "trigger": {"items": lines, "coupon": context["coupon"]}}

    def tracked(self, addressee: Addressee, url: str) -> str:
        return url

    def unsubscribe_url(self, addressee: Addressee) -> str:
        return settings.SHOP_URL

    def _store_links(self, item_ids: Iterable[int]) -> None:
        return


def example_customers(campaign: Campaign) -> list[tuple[str, str]]:
    """Kind and shop's id of customers worth a look: three random ones of the audience, and its edge cases."""
    segment = compile_rule(campaign.segment.rule)
    spoken = {variant.language.lower().split("-")[0] for variant in campaign.variants.all()}
    sql = _EXAMPLES.format(segment=segment.sql, random=RANDOM_EXAMPLES)
    languages = sorted(spoken - {""} or {settings.LANGUAGE_CODE.split("-")[0], ""})
    with connection.cursor() as cursor:
        cursor.execute(sql, [*segment.params, languages])
        return [(str(kind), str(external_id)) for kind, external_id in cursor.fetchall()]


def preview_campaign(campaign: Campaign, *, customer: Customer) -> Preview:
    """What `customer` would get now; the name is masked. Raises ValueError when the campaign has no variant."""
    arms = campaign_arms(campaign)
    at = max(campaign.scheduled_at or timezone.now(), timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            decision_sql("SELECT %(customer)s::bigint AS customer_id", campaign)
            + "SELECT coalesce(c.refusal, ''), c.held_out, c.send_at, coalesce(c.item_ids, '{}'), "
            + "coalesce(c.reason_item_ids, '{}'), slice.variant_id "
            + f"FROM decision c {arms.sql(customer='c', draw='c.draw')}",
            {**decision_parameters(campaign, at=at), **arms.parameters(), "customer": customer.pk},
        )
        refusal, is_held_out, send_at, items, reasons, variant_id = cursor.fetchone()
    variant = campaign.variants.select_related("campaign").get(pk=variant_id)
    language = variant.language or customer.language or settings.LANGUAGE_CODE
    addressee = Addressee(
        *(0, customer.pk, variant_id, mask_text(customer.first_name), language, customer.country, items, reasons),
        coupon_code=SAMPLE_CODE if campaign.offer else None,
        coupon_until=_coupon_end(campaign, send_at),
        offer_id=campaign.offer_id,
    )
    found = (customer, variant, refusal, is_held_out, send_at)
    try:
        return Preview(*found, *_render(campaign, variant, addressee))
    except ContentError as error:
        return Preview(*found, problem=str(error))


def _render(campaign: Campaign, variant: Variant, addressee: Addressee) -> tuple[str, str, str, str]:
    """Subject, HTML, text and preview text; of a push message its title and text."""
    contexts = _Straight(Run(campaign=campaign), says_points=variant.says_points)
    contexts.prepare([addressee])
    content = compile_content(**variant.parts())
    with translation.override(known_language(addressee.language)):
        context = contexts.build(addressee)
        if not variant.is_mail:
            notice = content.render_notice(context)
            return notice.title, "", notice.body, ""
        mail = content.render(context)
        return mail.subject, str(mail.html), str(mail.text), content.render_preview_text(context)


def _coupon_end(campaign: Campaign, issued_at: datetime) -> datetime | None:
    if campaign.offer is None:
        return None
    try:
        return coupon_validity(offer=campaign.offer, issued_at=issued_at)[1]
    except OfferNotIssuableError:
        return campaign.offer.valid_until


def send_test(preview: Preview, *, address: str) -> None:
    """Mail the preview to a member of staff over the campaign's channel. Raises DeliveryError when it is not taken."""
    envelope = Envelope(
        message_id=secrets.randbelow(2**31),
        address=Address(address),
        subject=f"[Test] {preview.subject}",
        html=(preview.html,),
        text=(preview.text,),
        unsubscribe_url=settings.SHOP_URL,
    )
    mailing = Mailing(run_id=0, campaign_id=preview.variant.campaign_id, token=TEST_TOKEN)
    with delivery_channel(preview.variant.campaign.channel)(mailing) as channel:
        for receipt in channel.deliver([envelope]):
            if receipt.error is not None:
                raise receipt.error
