"""Segments, offers, campaigns and deliveries in the admin."""

from notifications.admin import campaigns, delivery, offers, segments

__all__ = ["campaigns", "delivery", "offers", "segments"]
