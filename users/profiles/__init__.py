"""One profile row per customer, computed set-based from events and orders."""

from users.profiles.refresh import refresh_due_profiles, refresh_profiles, refresh_standing

__all__ = ["refresh_due_profiles", "refresh_profiles", "refresh_standing"]
