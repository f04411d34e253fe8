"""What must be right before a campaign is launched, and what deserves a second look. Each is one sentence that says the
way out.
"""

from datetime import datetime, timedelta
from typing import Self

from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.audience import AudiencePreview
from notifications.channels import delivery_channel
from notifications.content.check import check_content
from notifications.decisions.caps import caps_of
from notifications.models import Campaign, Offer, Variant
from notifications.offers.issue import OfferNotIssuableError, coupon_validity
from notifications.offers.liability import worst_case_liability
from notifications.segments import RuleError, count_segment

FARTHEST = timedelta(days=5 * 366)


class Finding(str):
    """A sentence that knows the `field` of the campaign it is about."""

    field: str

    def __new__(cls, text: object, *, field: str) -> Self:
        finding = super().__new__(cls, text)
        finding.field = field
        return finding


def composition_problems(*, scheduled_at: datetime | None, offer: Offer | None) -> dict[str, str]:
    """What cannot be meant in a campaign that is being composed, by field."""
    now, found = timezone.now(), {}
    if scheduled_at and scheduled_at < now:
        found["scheduled_at"] = _("This moment is over. Choose a later one, or leave it empty: at once.")
    elif scheduled_at and scheduled_at > now + FARTHEST:
        found["scheduled_at"] = _("This is more than five years away.")
    elif offer:
        try:
            coupon_validity(offer=offer, issued_at=scheduled_at or now)
        except OfferNotIssuableError as error:
            found["offer"] = str(error)
    return found


def launch_problems(campaign: Campaign, *, at: datetime) -> list[Finding]:
    """Everything that keeps `campaign` from being launched for the moment `at`; empty when it may go."""
    return [
        *_channel_problems(campaign),
        *_content_problems(campaign),
        *(_offer_problems(campaign.offer, at=at) if campaign.offer else []),
        *_audience_problems(campaign),
    ]


def launch_warnings(campaign: Campaign, preview: AudiencePreview) -> list[Finding]:
    """What does not keep `campaign` from being launched, but may not be meant."""
    found = []
    if preview.is_everyone:
        text = _("The segment “%(segment)s” matches every customer of the shop.") % {"segment": campaign.segment}
        found.append(Finding(text, field="segment"))
    if preview.matched and not preview.will_receive:
        found.append(Finding(_("Nobody would receive it; “Who gets it” says why."), field="segment"))
    if preview.liability is None:
        text = _("Nothing bounds what the coupons can cost: set a maximum discount or a budget on the offer.")
        found.append(Finding(text, field="offer"))
    if not campaign.hold_out_percent:
        text = _("Without a hold-out nobody will know whether it paid.")
        found.append(Finding(text, field="hold_out_percent"))
    if not caps_of(campaign):
        text = _("No frequency cap is switched on, so nothing limits how often a customer hears from you.")
        found.append(Finding(text, field="tags"))
    return found


def by_field(findings: list[Finding]) -> dict[str, list[str]]:
    """The sentences by the field that each is about."""
    found: dict[str, list[str]] = {}
    for finding in findings:
        found.setdefault(finding.field, []).append(str(finding))
    return found


def _channel_problems(campaign: Campaign) -> list[Finding]:
    try:
        delivery_channel(campaign.channel)
    except LookupError as error:
        return [Finding(error, field="channel")]
    return []


def _content_problems(campaign: Campaign) -> list[Finding]:
    variants = list(campaign.variants.order_by("pk"))
    if not variants:
        return [Finding(_("The campaign has no message. Add a variant with a subject and HTML."), field="variants")]
    return [
        Finding(
            _("Variant %(name)s, %(part)s: %(problem)s")
            % {"name": str(variant), "part": _field_name(part), "problem": problem},
            field=f"variants-{number}-{part}",
        )
        for number, variant in enumerate(variants)
        for part, problem in variant_problems(variant)
    ]


def variant_problems(variant: Variant) -> list[tuple[str, str]]:
    """What is wrong with a message: field and sentence. A notice's text is checked in place of a preview text."""
    missing = variant.missing_part()
    text = _("“%(field)s” is empty; this channel needs it.") % {"field": _field_name(missing)} if missing else ""
    fields = {} if variant.is_mail else {"preview_text": "body"}
    found = [(fields.get(each.part, each.part), each.in_its_field()) for each in check_content(**variant.parts())]
    return [(missing, text), *found] if missing else found


def _field_name(name: str) -> str:
    return str(Variant._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _offer_problems(offer: Offer, *, at: datetime) -> list[Finding]:
    try:
        coupon_validity(offer=offer, issued_at=at)
    except OfferNotIssuableError as error:
        return [Finding(error, field="offer")]
    if offer.budget is not None and worst_case_liability(offer, coupons=1) == 0:
        text = _("The budget of the offer “%(offer)s” is spent. Raise it, or choose another offer.") % {"offer": offer}
        return [Finding(text, field="offer")]
    return []


def _audience_problems(campaign: Campaign) -> list[Finding]:
    try:
        matched = count_segment(campaign.segment.rule)
    except RuleError as error:
        text = _("Segment “%(segment)s”: %(error)s") % {"segment": campaign.segment, "error": error}
        return [Finding(text, field="segment")]
    if matched == 0:
        text = _("The segment “%(segment)s” matches nobody. Widen its rule.") % {"segment": campaign.segment}
        return [Finding(text, field="segment")]
    return []
