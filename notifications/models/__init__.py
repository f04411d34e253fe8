from notifications.models.approval import Approval, CampaignChange
from notifications.models.campaign import Campaign, Variant
from notifications.models.cap import FrequencyCap
from notifications.models.delivery import Click, Link, Message, Suppression
from notifications.models.feedback import DomainDay, Feedback
from notifications.models.inbox import InboxMessage
from notifications.models.membership import PointsAccount, PointsEntry, PointsRule, Progress, Tier, TierChange
from notifications.models.offer import Coupon, Offer, OfferUse, PoolCode, Redemption
from notifications.models.run import Recipient, Run, RunShard
from notifications.models.segment import Segment
from notifications.models.topic import Topic, TopicRefusal
from notifications.models.trigger import Enrolment, Trigger

__all__ = [
    "Approval",
    "Campaign",
    "CampaignChange",
    "Click",
    "Coupon",
    "DomainDay",
    "Enrolment",
    "Feedback",
    "FrequencyCap",
    "InboxMessage",
    "Link",
    "Message",
    "Offer",
    "OfferUse",
    "PointsAccount",
    "PointsEntry",
    "PointsRule",
    "PoolCode",
    "Progress",
    "Recipient",
    "Redemption",
    "Run",
    "RunShard",
    "Segment",
    "Suppression",
    "Tier",
    "TierChange",
    "Topic",
    "TopicRefusal",
    "Trigger",
    "Variant",
]
