"""What must be right before a campaign is launched. Each problem is one sentence that says the way out."""

from datetime import datetime

from django.utils.translation import gettext as _

from notifications.channels import delivery_channel
from notifications.content.check import check_content
from notifications.models import Campaign, Offer, Variant
from notifications.offers.issue import OfferNotIssuableError, coupon_validity
from notifications.offers.liability import worst_case_liability
from notifications.segments import RuleError, count_segment


def launch_problems(campaign: Campaign, *, at: datetime) -> list[str]:
    """Everything that keeps `campaign` from being launched for the moment `at`; empty when it may go."""
    return [
        *_channel_problems(campaign),
        *_content_problems(campaign),
        *(_offer_problems(campaign.offer, at=at) if campaign.offer else []),
        *_audience_problems(campaign),
    ]


def _channel_problems(campaign: Campaign) -> list[str]:
    try:
        delivery_channel(campaign.channel)
    except LookupError as error:
        return [str(error)]
    return []


def _content_problems(campaign: Campaign) -> list[str]:
    variants = list(campaign.variants.all())
    if not variants:
        return [_("The campaign has no message. Add a variant with a subject and HTML.")]
    return [
        _("Variant %(name)s: %(problem)s") % {"name": str(variant), "problem": problem}
        for variant in variants
        for problem in (*_missing_part(variant), *check_content(**variant.parts()))
    ]


def _missing_part(variant: Variant) -> list[str]:
    name = variant.missing_part()
    return [_("“%(field)s” is empty; this channel needs it.") % {"field": _field_name(name)}] if name else []


def _field_name(name: str) -> str:
    return str(Variant._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _offer_problems(offer: Offer, *, at: datetime) -> list[str]:
    try:
        coupon_validity(offer=offer, issued_at=at)
    except OfferNotIssuableError as error:
        return [str(error)]
    if offer.budget is not None and worst_case_liability(offer, coupons=1) == 0:
        return [
            _("The budget of the offer “%(offer)s” is spent. Raise it, or choose another offer.") % {"offer": offer}
        ]
    return []


def _audience_problems(campaign: Campaign) -> list[str]:
    try:
        matched = count_segment(campaign.segment.rule)
    except RuleError as error:
        return [_("Segment “%(segment)s”: %(error)s") % {"segment": campaign.segment, "error": error}]
    if matched == 0:
        return [_("The segment “%(segment)s” matches nobody. Widen its rule.") % {"segment": campaign.segment}]
    return []
