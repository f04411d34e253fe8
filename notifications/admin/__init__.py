"""Segments, offers, campaigns, membership and deliveries in the admin."""

from notifications.admin import (
    campaigns,
    caps,
    coupons,
    customer_sections,
    deliverability,
    delivery,
    membership,
    offers,
    segments,
    topics,
)

__all__ = [
    "campaigns",
    "caps",
    "coupons",
    "customer_sections",
    "deliverability",
    "delivery",
    "membership",
    "offers",
    "segments",
    "topics",
]
