"""One profile row per customer, computed set-based from events and orders."""

from users.profiles.refresh import refresh_profiles

__all__ = ["refresh_profiles"]
