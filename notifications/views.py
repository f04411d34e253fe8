"""What a shopper sees after following a link in a message."""

from contextlib import suppress

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from notifications.channels.webpush.vapid import public_key
from notifications.listening.links import record_click
from notifications.listening.opens import PIXEL, record_open
from notifications.listening.tokens import BadTokenError
from notifications.listening.topics import topic_choices
from notifications.listening.unsubscribe import (
    is_subscribed,
    preferences_customer,
    resubscribe,
    save_preferences,
    token_channel,
    unsubscribe,
)
from notifications.listening.unsubscribe import preferences as current_preferences
from notifications.offers.money import known_language
from users.choices import Channel
from users.models import Customer


@never_cache
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """To the stored destination; a token that we did not make leads to a friendly page, not elsewhere."""
    try:
        agent = request.headers.get("User-Agent", "")
        return HttpResponseRedirect(record_click(token=token, user_agent=agent, method=request.method or ""))
    except BadTokenError:
        return _unknown_link(request)


@never_cache
@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """Always the picture: a broken one would be seen."""
    with suppress(BadTokenError):
        if request.method == "GET":
            record_open(token=token, user_agent=request.headers.get("User-Agent", ""))
    return HttpResponse(PIXEL, content_type="image/gif")


@require_GET
def push_key(request: HttpRequest) -> JsonResponse:
    """The public key under which browsers subscribe, for pages of any origin."""
    try:
        answer = JsonResponse({"key": public_key()})
    except ImproperlyConfigured as error:
        answer = JsonResponse({"detail": str(error)}, status=503)
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


# Mail providers post here without cookies (RFC 8058), so there is no session to protect; the token is the secret.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the page and changes nothing; POST unsubscribes, or subscribes again where it says so."""
    try:
        if request.method != "POST":
            customer = preferences_customer(token=token)
        elif request.POST.get("action") == "subscribe":
            customer = resubscribe(token=token)
        elif request.POST.get("action") == "save":
            customer = save_preferences(token=token, granted=_ticked(request, "on"), shown=_ticked(request, "shown"))
        else:
            customer = unsubscribe(token=token)
    except BadTokenError:
        return _unknown_link(request)
    return _preferences_page(request, customer, token_channel(token=token))


def _preferences_page(request: HttpRequest, customer: Customer, channel: str) -> HttpResponse:
    with translation.override(known_language(customer.language)):
        choices, topics = current_preferences(customer=customer), topic_choices(customer=customer)
        context = {
            **_shop(),
            "subscribed": is_subscribed(customer=customer, channel=channel),
            "changed": request.method == "POST",
            "saved": request.POST.get("action") == "save",
            "address": masked(customer.email) if channel == Channel.EMAIL else Channel(channel).label,
            "choices": choices if len(choices) > 1 or topics else [],
            "topics": topics,
        }
        return render(request, "notifications/preferences.html", context)


def _ticked(request: HttpRequest, name: str) -> set[str]:
    return set(request.POST.getlist(name))


def _unknown_link(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/unknown_link.html", _shop(), status=404)


def _shop() -> dict[str, str]:
    return {"shop_name": settings.SHOP_NAME, "shop_url": settings.SHOP_URL}


def masked(address: str) -> str:
    """Enough of an address to be recognised by its owner, too little for anyone who was forwarded the mail."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}" if domain else ""
