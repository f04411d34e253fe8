"""Segments, offers, campaigns and their delivery in the admin."""

from notifications.admin import offers, segments

__all__ = ["offers", "segments"]
