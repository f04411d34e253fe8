"""How old an event may be that is taken in: no older than those that retention keeps."""

from datetime import UTC, datetime

from django.conf import settings

from catalog.validation import Refused


def events_kept_from(now: datetime) -> datetime | None:
    """First moment (UTC) of the oldest month of events that is kept, or None when all are."""
    months = settings.EVENTS_KEEP_MONTHS
    if not months:
        return None
    this = now.astimezone(UTC)
    index = this.year * 12 + this.month - 1 - months
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def check_kept(occurred_at: datetime, now: datetime) -> None:
    """Refuse an event that retention would remove at once: it may be a retry of one that was counted and removed."""
    kept_from = events_kept_from(now)
    if kept_from is not None and occurred_at < kept_from:
        raise Refused("too_old", f"occurred_at lies before {kept_from:%Y-%m}, from when on events are kept.")
