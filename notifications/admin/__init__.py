"""Segments, offers, campaigns and deliveries in the admin."""

from notifications.admin import campaigns, customer_sections, deliverability, delivery, offers, segments

__all__ = ["campaigns", "customer_sections", "deliverability", "delivery", "offers", "segments"]
