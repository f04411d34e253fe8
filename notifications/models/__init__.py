from notifications.models.campaign import Campaign, Variant
from notifications.models.delivery import Click, Link, Message, Suppression
from notifications.models.offer import Coupon, Offer, Redemption
from notifications.models.run import Recipient, Run
from notifications.models.segment import Segment
from notifications.models.trigger import Enrolment, Trigger

__all__ = [
    "Campaign",
    "Click",
    "Coupon",
    "Enrolment",
    "Link",
    "Message",
    "Offer",
    "Recipient",
    "Redemption",
    "Run",
    "Segment",
    "Suppression",
    "Trigger",
    "Variant",
]
