"""Messages that will not be sent any more, and the coupons that nobody saw."""

from django.db import connection, transaction

from notifications.choices import CouponStatus, MessageState
from notifications.models import Message

_CANCEL_COUPONS = f"""
UPDATE notifications_coupon coupon SET status = '{CouponStatus.CANCELLED}'
FROM notifications_recipient recipient
JOIN notifications_message message ON message.recipient_id = recipient.id
WHERE recipient.run_id = ANY(%s) AND recipient.coupon_id = coupon.id AND message.state = '{MessageState.CANCELLED}'
    AND coupon.uses = 0 AND coupon.status = '{CouponStatus.ISSUED}'
"""


@transaction.atomic
def cancel_messages(*, run_ids: list[int], kind: str, reason: str) -> int:
    """Cancel what the runs have not sent, with the unused coupons of it; returns how many messages."""
    planned = Message.objects.filter(run__in=run_ids, state=MessageState.PLANNED)
    cancelled = planned.update(state=MessageState.CANCELLED, error_kind=kind, error=reason)
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL_COUPONS, [run_ids])
    return cancelled
