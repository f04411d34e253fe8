"""The admin of the notifications' app."""

from notifications.admin import campaigns, delivery

__all__ = ["campaigns", "delivery"]
