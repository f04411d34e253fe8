"""What a customer's page shows of this app: messages and coupons."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from notifications.models import Coupon, Message
from users.customer_sections import customer_section
from users.models import Customer

SHOWN = 5


@customer_section(title=_("Messages"), template="notifications/admin/customer_messages.html")
def messages(customer: Customer) -> dict[str, Any]:
    """The latest messages with what became of them."""
    found = Message.objects.filter(customer=customer).select_related("run__campaign")
    return {"messages": found.order_by("-sent_at", "-pk")[:SHOWN]}


@customer_section(title=_("Coupons"), template="notifications/admin/customer_coupons.html")
def coupons(customer: Customer) -> dict[str, Any]:
    """The latest coupons."""
    return {"coupons": Coupon.objects.filter(customer=customer).select_related("offer").order_by("-pk")[:SHOWN]}
