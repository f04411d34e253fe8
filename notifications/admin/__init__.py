"""Segments, offers, campaigns and deliveries in the admin."""

from notifications.admin import campaigns, coupons, customer_sections, delivery, membership, offers, segments

__all__ = ["campaigns", "coupons", "customer_sections", "delivery", "membership", "offers", "segments"]
