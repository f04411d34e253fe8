"""Segments, offers, campaigns and deliveries in the admin."""

from notifications.admin import campaigns, caps, customer_sections, deliverability, delivery, offers, segments

__all__ = ["campaigns", "caps", "customer_sections", "deliverability", "delivery", "offers", "segments"]
