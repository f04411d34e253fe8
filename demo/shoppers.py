"""Simulated shoppers. They read their mail, click its links over HTTP, and order through the REST API.

Everybody in the campaign, held out or not, buys on their own at the same base rate. Who got the mail may also click,
and who clicked may buy because of it, most of them with the coupon. Each shopper's choices follow from the seed and the
shopper's id alone, so a repetition behaves the same. Nothing here touches the database but to learn who took part.
"""

import random
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from catalog.models import Item
from demo.accounts import new_api_key
from demo.folder import MAIL_DIR
from demo.importing import CURRENCY
from demo.mailbox import Mailbox, body_of, recipient_of
from demo.progress import Bar
from demo.shop_client import ShopClient
from demo.state import State
from notifications.choices import RecipientStatus
from notifications.models import Recipient, Run
from users.choices import EventType
from users.models import Event
from users.profiles import refresh_profiles

SEED = 2026
BASE_RATE = 0.05  # buys anyway, in both arms
CLICK_RATE = 0.22  # of those who got the mail
BUY_AFTER_CLICK = 0.35
REDEEM_RATE = 0.8  # of those who buy after a click

_THREADS = 4
_CLICK_LINK = re.compile(r'href="([^"]+/t/c/[^"]+)"')
_CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b")


@dataclass(frozen=True)
class Shopper:
    """One customer of the run; `mail` names the mail in the sink, empty for the held-out arm."""

    customer_id: str
    mail: str


@dataclass(frozen=True)
class Plan:
    """What a shopper will do."""

    clicks: int
    buys: bool
    redeems: bool


@dataclass
class Deeds:
    """What all shoppers did."""

    clicks: int = 0
    orders: int = 0
    redemptions: int = 0
    customers: list[str] = field(default_factory=list)


def plan(shopper: Shopper, *, seed: int = SEED) -> Plan:
    """Draw what `shopper` does. The draw for buying anyway is the same one in both arms."""
    luck = random.Random(f"{seed}:{shopper.customer_id}")
    buys_anyway = luck.random() < BASE_RATE
    clicks = luck.choice((1, 1, 2)) if luck.random() < CLICK_RATE and shopper.mail else 0
    because_of_mail = luck.random() < BUY_AFTER_CLICK and clicks > 0
    redeems = luck.random() < REDEEM_RATE and because_of_mail
    return Plan(clicks, buys_anyway or because_of_mail, redeems)


def simulate(state: State, bar: Bar) -> str:
    """Let every shopper of the campaign's run act, a few at a time."""
    run = Run.objects.get(campaign_id=state["campaign"])
    shoppers = shoppers_of(run)
    shop = Shop(ShopClient(settings.BASE_URL, new_api_key()), run_id=run.pk, bestsellers=_bestsellers())
    deeds = Deeds()
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, done in enumerate(pool.map(shop.visit, shoppers), start=1):
            deeds.clicks += done.clicks
            deeds.orders += done.orders
            deeds.redemptions += done.redemptions
            deeds.customers += done.customers
            bar.show(f"{deeds.clicks} clicks, {deeds.orders} orders", done=number, total=len(shoppers))
    refresh_profiles()
    return f"{deeds.clicks:,} clicks, {deeds.orders:,} orders, {deeds.redemptions:,} coupons redeemed"


def shoppers_of(run: Run) -> list[Shopper]:
    """Everybody whom the run decided to write to or to hold out, with the mail that really arrived."""
    arrived = {recipient_of(name): name for name in Mailbox(MAIL_DIR).names()}
    people = Recipient.objects.filter(run=run, status__in=(RecipientStatus.PLANNED, RecipientStatus.HELD_OUT))
    return [
        Shopper(recipient.customer.external_id or "", arrived.get(recipient.customer.email, ""))
        for recipient in people.select_related("customer").order_by("customer_id")
        if recipient.status == RecipientStatus.HELD_OUT or recipient.customer.email in arrived
    ]


def _bestsellers() -> list[tuple[str, Decimal]]:
    """Ids and prices of the 200 items that most customers bought in the last quarter."""
    since = timezone.now() - timedelta(days=90)
    recent = Event.objects.filter(type=EventType.PURCHASE, occurred_at__gt=since)
    ranked = recent.values_list("item_id").annotate(buyers=Count("customer_id", distinct=True)).order_by("-buyers")
    items = Item.objects.in_bulk([item_id for item_id, _ in ranked[:200]])
    return [(item.external_id, item.price) for _, item in sorted(items.items()) if item.price]


class Shop:
    """The checkout that a shopper goes through."""

    def __init__(self, client: ShopClient, *, run_id: int, bestsellers: Sequence[tuple[str, Decimal]]) -> None:
        self.client = client
        self.run_id = run_id
        self.bestsellers = bestsellers
        self.mailbox = Mailbox(MAIL_DIR)

    def visit(self, shopper: Shopper) -> Deeds:
        """Do what was planned for one shopper."""
        planned = plan(shopper)
        code = ""
        if planned.clicks:
            code = self._click(shopper, planned.clicks)
        if not planned.buys:
            return Deeds(clicks=planned.clicks)
        redeemed = self._buy(shopper, code if planned.redeems else "")
        return Deeds(planned.clicks, 1, int(redeemed), [shopper.customer_id])

    def _click(self, shopper: Shopper, clicks: int) -> str:
        """Open some links of the mail; returns the coupon code that the mail shows."""
        message = self.mailbox.read(shopper.mail)
        links = list(dict.fromkeys(unescape(link) for link in _CLICK_LINK.findall(body_of(message, "html"))))
        luck = random.Random(f"{SEED}:links:{shopper.customer_id}")
        for link in luck.sample(links, min(clicks, len(links))):
            self.client.follow(link)
        found = _CODE.search(body_of(message, "plain"))
        return found[0] if found else ""

    def _buy(self, shopper: Shopper, code: str) -> bool:
        """Order a basket; with a code: reserve the coupon, place the order, commit. Says whether one was redeemed."""
        order_id = f"simulated-{self.run_id}-{shopper.customer_id}"
        lines = self._basket(shopper)
        order: dict[str, Any] = {
            "order_id": order_id,
            "customer_id": shopper.customer_id,
            "currency": CURRENCY,
            "lines": lines,
        }
        discount = "0"
        if code:
            path = f"/api/v1/coupons/{code}"
            reserved = self.client.post(f"{path}/reserve/", order, idempotency_key=f"{order_id}-reserve")
            discount = reserved["discount"]
        placed = order | {"placed_at": timezone.now().isoformat(), "discount": discount, "coupon_code": code}
        self.client.post("/api/v1/orders/", placed, idempotency_key=f"{order_id}-place")
        if code:
            whose = {"order_id": order_id, "customer_id": shopper.customer_id}
            self.client.post(f"{path}/commit/", whose, idempotency_key=f"{order_id}-commit")
        return bool(code)

    def _basket(self, shopper: Shopper) -> list[dict[str, Any]]:
        """A few bestsellers for at least 30; how they are drawn does not depend on the arm."""
        luck = random.Random(f"{SEED}:basket:{shopper.customer_id}")
        spend = Decimal(str(round(luck.uniform(30, 120), 2)))
        lines: list[dict[str, Any]] = []
        total = Decimal(0)
        for item_id, price in luck.sample(self.bestsellers, len(self.bestsellers)):
            quantity = luck.randint(1, 4)
            lines.append({"item_id": item_id, "quantity": quantity, "price": str(price)})
            total += price * quantity
            if total >= spend:
                break
        return lines
