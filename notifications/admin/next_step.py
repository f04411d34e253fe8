"""A link to what comes next, said beside the message that something was saved."""

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html


def offer_to_compose(request: HttpRequest, *, field: str, pk: int, text: str | Promise) -> None:
    """Lead whoever may add campaigns to a new one in which `field` is chosen already; not inside a pop-up."""
    if "_popup" in request.POST or not request.user.has_perm("notifications.add_campaign"):
        return
    url = f"{reverse('admin:notifications_campaign_add')}?{field}={pk}"
    messages.info(request, format_html('<a class="ap-link" href="{}">{} →</a>', url, text))
