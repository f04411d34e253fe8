"""What a customer's page shows of this app: what would be recommended now."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from recommendations.serving import known_of, recommended_items
from users.customer_sections import customer_section
from users.models import Customer

SHOWN = 5


@customer_section(title=_("Recommended now"), template="recommendations/customer_recommendations.html")
def recommendations(customer: Customer) -> dict[str, Any]:
    """The best recommendations that can be shown today, with their reasons."""
    known = known_of(customer.pk)
    return {"recommended": recommended_items(known, count=SHOWN) if known else []}
