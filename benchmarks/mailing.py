"""A campaign's run ready to be sent, and (`python -m benchmarks.mailing`) a worker that sends it and reports."""

import json
import random
import sys
import time
from datetime import timedelta
from itertools import count as numbers_from
from typing import TYPE_CHECKING

import django
import psutil

if TYPE_CHECKING:
    from notifications.models import Run

CUSTOMERS_AT_ONCE = 5_000
ITEMS = 2_000
REMEMBER_AT = 10_000  # mails after which the memory is looked at first
_plans = numbers_from()
_FILLER = "<p>Prices and offers hold while stock lasts; see the terms in our shop for what is left out.</p>\n"


def plan_messages(count: int) -> "Run":
    """A run whose `count` messages are all due: customers, consents, coupons, four items each, messages."""
    from django.conf import settings
    from django.utils import timezone

    from catalog.models import Item
    from notifications.choices import CampaignStatus, OfferType, RunStatus
    from notifications.content.starter import starter_template
    from notifications.models import Campaign, Offer, Run, Segment, Variant

    now = timezone.now()
    plan = next(_plans)
    items = Item.objects.bulk_create(
        Item(
            external_id=f"mail-{plan}-{n}",
            title=f"Porcelain teapot no. {n}",
            price=f"{n % 90 + 5}.50",
            currency=settings.SHOP_CURRENCY,
            url=f"https://shop.example/p/{n}",
        )
        for n in range(ITEMS)
    )
    offer = Offer.objects.create(
        name=f"Mailing {plan}",
        type=OfferType.SPEND_SAVE,
        value=5,
        minimum_spend=30,
        currency=settings.SHOP_CURRENCY,
        valid_days=14,
    )
    segment = Segment.objects.create(
        name=f"Mailing {plan}", rule={"field": "profile.order_count", "op": ">=", "value": 0}
    )
    campaign = Campaign.objects.create(
        name=f"Mailing {plan}", segment=segment, offer=offer, status=CampaignStatus.RUNNING
    )
    html = starter_template().replace("</body>", f"<div>{_FILLER * 4}</div></body>")
    variant = Variant.objects.create(campaign=campaign, subject="{{ customer.first_name }}, £5 for you", html=html)
    run = Run.objects.create(campaign=campaign, scheduled_at=now, started_at=now, status=RunStatus.SENDING)
    for first in range(0, count, CUSTOMERS_AT_ONCE):
        _plan(run, variant, offer, items, [f"{plan}-{n}" for n in range(first, min(count, first + CUSTOMERS_AT_ONCE))])
    return run


def _plan(run, variant, offer, items, numbers) -> None:  # noqa: ANN001
    from django.db import connection
    from django.utils import timezone

    from notifications.choices import RecipientStatus
    from notifications.models import Coupon, Message, Recipient
    from notifications.offers.codes import generate_code
    from users.choices import Channel
    from users.encryption import lookup_hash
    from users.models import Consent, Customer

    now, chance = timezone.now(), random.Random(numbers[0])
    customers = Customer.objects.bulk_create(
        Customer(
            external_id=f"mail-{n}",
            first_name=f"Ada{n.partition('-')[2]}",
            email=(email := f"customer-{n}@example.com"),
            email_hash=lookup_hash(email),
            language="en",
        )
        for n in numbers
    )
    Consent.objects.bulk_create(
        Consent(customer=each, channel=Channel.EMAIL, granted=True, source="bench", recorded_at=now - timedelta(days=1))
        for each in customers
    )
    coupons = Coupon.objects.bulk_create(
        Coupon(
            code=generate_code(),
            offer=offer,
            customer=each,
            run=run,
            issued_at=now,
            valid_from=now,
            valid_until=now + timedelta(days=14),
        )
        for each in customers
    )
    picks = [[each.pk for each in chance.sample(items, 4)] for _ in customers]
    recipients = Recipient.objects.bulk_create(
        Recipient(
            run=run,
            customer=customer,
            variant=variant,
            offer=offer,
            coupon=coupon,
            arm="A",
            propensity=0.9,
            status=RecipientStatus.PLANNED,
            send_at=now,
            decided_at=now,
            item_ids=shown,
            reason_item_ids=[shown[0], None, None, None],
        )
        for customer, coupon, shown in zip(customers, coupons, picks, strict=True)
    )
    Message.objects.bulk_create(
        Message(recipient=each, run=run, customer=each.customer, channel=Channel.EMAIL, due_at=now)
        for each in recipients
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def main() -> None:
    """Load, say so, wait for a line, send everything that is due as a Celery worker does, print what it took."""
    django.setup()
    from notifications.delivery.outbox import send_due
    from notifications.models import Message

    worker, rss = psutil.Process(), [0]
    send_due(seconds=0)  # whatever is imported late
    total = Message.objects.filter(state="planned").count()
    print("ready", flush=True)
    sys.stdin.readline()
    started, cpu = time.perf_counter(), time.process_time()
    while send_due(seconds=1):
        if not rss[0] and total - Message.objects.filter(state="planned").count() >= REMEMBER_AT:
            rss = [worker.memory_info().rss]
    figures = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    print(json.dumps(figures | {"rss": [rss[0], worker.memory_info().rss]}), flush=True)


if __name__ == "__main__":
    main()
