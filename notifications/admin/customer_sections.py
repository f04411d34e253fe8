"""What a customer's page shows of this app: messages, coupons and membership."""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from notifications.choices import TierBasis
from notifications.membership.standing import standing_of
from notifications.models import Coupon, Message, PointsEntry
from notifications.offers.money import format_money
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


@customer_section(title=_("Membership"), template="notifications/admin/customer_membership.html")
def membership(customer: Customer) -> dict[str, Any]:
    """Points, tier, what is missing for the next one, and the latest of the ledger."""
    standing = standing_of(customer)
    if standing.next_tier is not None and standing.next_tier.basis == TierBasis.POINTS:
        points = int(standing.missing)
        missing = ngettext("%(n)d point", "%(n)d points", points) % {"n": points}
    else:
        missing = format_money(standing.missing, settings.SHOP_CURRENCY, get_language() or "")
    entries = PointsEntry.objects.filter(customer=customer).order_by("-at", "-pk")[:SHOWN]
    return {"standing": standing, "missing": missing, "entries": entries}
