"""The demo's pages: what happened, the inbox of all shoppers, and the storefront that mails link to."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from catalog.models import Item
from demo.accounts import DEMO_USER, demo_password
from demo.folder import MAIL_DIR
from demo.mailbox import Mailbox, body_of, received_at, recipient_of
from demo.overview import overview
from users.choices import EventType
from users.models import Event

MAILS_PER_PAGE = 25
_SHOWN_HEADERS = ("From", "To", "Reply-To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_LOOPBACK = {"127.0.0.1", "::1"}

# The mail may show its own styles and pictures, and nothing else: no scripts, no forms, no frames.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: https:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    context = {"overview": overview(), "user_name": DEMO_USER, "password": demo_password()}
    return render(request, "demo/home.html", context)


@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    """One click to the admin as the demo's own user; only from this machine."""
    if request.META.get("REMOTE_ADDR") not in _LOOPBACK:
        raise Http404
    user = get_object_or_404(get_user_model(), username=DEMO_USER, is_active=True)
    login(request, user)
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
    return redirect(target if target and safe else reverse("admin:index"))


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    mailbox = Mailbox(MAIL_DIR)
    search = request.GET.get("q", "").strip()
    page = Paginator(mailbox.names(address=search), MAILS_PER_PAGE).get_page(request.GET.get("page"))
    mails = [mailbox.glance(name) for name in page.object_list]
    return render(request, "demo/inbox.html", {"page": page, "mails": mails, "search": search})


@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    try:
        message = Mailbox(MAIL_DIR).read(name)
    except FileNotFoundError:
        raise Http404 from None
    context = {
        "name": name,
        "subject": message["Subject"] or "",
        "recipient": recipient_of(name),
        "received_at": received_at(name),
        "headers": [(header, str(message[header])) for header in _SHOWN_HEADERS if message[header]],
        "plain": body_of(message, "plain"),
    }
    return render(request, "demo/mail.html", context)


@require_safe
@xframe_options_sameorigin
def mail_body(request: HttpRequest, name: str) -> HttpResponse:
    """The mail's own HTML, for the frame of the page above. Links open in a new tab."""
    try:
        message = Mailbox(MAIL_DIR).read(name)
    except FileNotFoundError:
        raise Http404 from None
    html = body_of(message, "html") or f"<p>{_('This mail has no HTML part.')}</p>"
    response = HttpResponse(f'<base target="_blank">{html}' if "<head>" not in html else _with_base(html))
    response["Content-Security-Policy"] = _MAIL_POLICY
    return response


def _with_base(html: str) -> str:
    return html.replace("<head>", '<head><base target="_blank">', 1)


@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """The storefront: what sold best in the last 30 days."""
    recent = Event.objects.filter(type=EventType.PURCHASE, occurred_at__gt=timezone.now() - timedelta(days=30))
    ranked = recent.values("item_id").annotate(buyers=Count("customer_id", distinct=True)).order_by("-buyers")[:24]
    ids = [row["item_id"] for row in ranked]
    items = Item.objects.in_bulk(ids)
    shown = [items[item_id] for item_id in ids if item_id in items]
    return render(request, "demo/shop.html", {"items": shown, "shop_name": settings.SHOP_NAME})


@require_safe
def product(request: HttpRequest, external_id: str) -> HttpResponse:
    item = get_object_or_404(Item, external_id=external_id)
    return render(request, "demo/product.html", {"item": item, "shop_name": settings.SHOP_NAME})
