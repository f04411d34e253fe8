"""A checkout whose process dies between reserve and commit: the reservation expires, and everything comes back."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from notifications.choices import RedemptionState, Refusal
from notifications.models import Redemption
from notifications.offers.cart import Cart
from notifications.offers.expire import release_expired_reservations
from notifications.offers.redeem import RESERVATION_TIME, reserve
from notifications.offers.refusals import Refused
from notifications.offers.settle import commit
from tests.factories import CouponFactory, CustomerFactory, OfferFactory

CONDEMNED = "condemned"  # what the connections of a process that will be killed are called

CONNECT = """
import sys, time
import django
from django.conf import settings
import config.settings
config.settings.DATABASES["default"].update(NAME=sys.argv[1], HOST=sys.argv[2], PORT=sys.argv[3], USER=sys.argv[4])
django.setup()
from decimal import Decimal
from django.db import transaction
from notifications.offers.cart import Cart
from notifications.offers.redeem import reserve
"""
CHECKOUT = f"""{CONNECT}
def hold():
    reserve(code=sys.argv[5], order_id="A", customer_id=sys.argv[6], cart=Cart(Decimal(40), "GBP"))
    print("reserved", flush=True)
if sys.argv[7] == "open":
    with transaction.atomic():
        hold()
        time.sleep(60)
hold()
time.sleep(60)
"""


# Fifty clients in one process, each with a pause between its reservation and its commit.
CROWD = f"""{CONNECT}
import random, threading
from django.db import connection
from notifications.offers.refusals import Refused
from notifications.offers.settle import commit
def client(number, code, customer):
    order = dict(code=code, order_id=f"{{sys.argv[5]}}-{{number}}", customer_id=customer)
    try:
        reserve(**order, cart=Cart(Decimal(40), "GBP"))
        print("reserved", flush=True)
        time.sleep(random.random() / 5)
        commit(**order)
    except Refused:
        pass
    connection.close()
wanted = [line.split() for line in sys.argv[6].splitlines()]
threads = [threading.Thread(target=client, args=(n, *each)) for n, each in enumerate(wanted)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def killed_checkout(coupon, transaction) -> None:
    """Reserve in a process of its own, and kill it: after the commit of the reservation, or within its transaction."""
    kill_once_reserved(CHECKOUT, coupon.code, coupon.customer.external_id, transaction)


def kill_once_reserved(script: str, *arguments: str, after: float = 0) -> None:
    """Run `script` in a process of its own, and kill it `after` so many seconds since it first reserved something."""
    database = connection.settings_dict
    names = [str(database[name]) for name in ("NAME", "HOST", "PORT", "USER")]
    options = database.get("OPTIONS", {})
    names[1] = names[1] or str(options.get("host", ""))
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "PGAPPNAME": CONDEMNED}
    process = subprocess.Popen(
        [sys.executable, "-c", script, *names, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reserved\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    while _condemned():  # the server ends the statements that it is at before it notices
        time.sleep(0.05)


def _condemned() -> int:
    """Connections of the killed process that the server still has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [CONDEMNED],
        )
        return int(cursor.fetchone()[0])


def books(coupon):
    coupon.refresh_from_db()
    coupon.offer.refresh_from_db()
    return coupon.uses, coupon.offer.reserved, coupon.offer.committed, coupon.offer.redeemed


@pytest.mark.django_db(transaction=True)
def test_a_kill_after_the_reservation_gives_everything_back_in_time():
    coupon = CouponFactory(offer__budget=Decimal("5.00"))
    killed_checkout(coupon, "closed")
    assert books(coupon) == (1, 5, 0, 1)
    order = {"code": coupon.code, "order_id": "B", "customer_id": coupon.customer.external_id}
    with pytest.raises(Refused) as refused:
        reserve(**order, cart=Cart(Decimal(40), "GBP"))
    assert refused.value.refusal == Refusal.LIMIT_REACHED
    with time_machine.travel(timezone.now() + RESERVATION_TIME + timedelta(seconds=1), tick=False):
        assert release_expired_reservations() == 1
        assert books(coupon) == (0, 0, 0, 0)
        reserve(**order, cart=Cart(Decimal(40), "GBP"))
        commit(**order)
    assert books(coupon) == (1, 0, 5, 1)
    assert sorted(Redemption.objects.values_list("state", flat=True)) == [
        RedemptionState.COMMITTED,
        RedemptionState.RELEASED,
    ]


@pytest.mark.django_db(transaction=True)
def test_a_kill_within_the_reservation_leaves_nothing():
    coupon = CouponFactory(offer__budget=Decimal("5.00"))
    killed_checkout(coupon, "open")
    order = {"code": coupon.code, "order_id": "B", "customer_id": coupon.customer.external_id}
    reserve(**order, cart=Cart(Decimal(40), "GBP"))
    assert books(coupon) == (1, 5, 0, 1)
    assert Redemption.objects.get().order_external_id == "B"


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_fifty_clients_whose_process_is_killed_leave_exactly_one_and_exactly_ten():
    """Twenty rounds: a crowd dies at some moment, its reservations expire, and a second crowd takes what is left."""
    chance = random.Random(7)
    owners = CustomerFactory.create_batch(50)
    for number in range(20):
        single = CouponFactory(customer=owners[0])
        of_ten = OfferFactory(budget=Decimal("52.00"))
        coupons = [single] * 50 if number % 2 else [CouponFactory(offer=of_ten, customer=each) for each in owners]
        wanted = "\n".join(f"{coupon.code} {coupon.customer.external_id}" for coupon in coupons)
        kill_once_reserved(CROWD, f"{number}", wanted, after=chance.random() / 4)
        with time_machine.travel(timezone.now() + RESERVATION_TIME + timedelta(seconds=1), tick=False):
            release_expired_reservations()
            assert Redemption.objects.filter(state=RedemptionState.RESERVED).count() == 0
            for coupon in coupons:
                order = {
                    "code": coupon.code,
                    "order_id": f"again-{number}-{coupon.pk}",
                    "customer_id": coupon.customer.external_id,
                }
                with suppress(Refused):
                    reserve(**order, cart=Cart(Decimal(40), "GBP"))
                    commit(**order)
        assert books(coupons[0])[1:] == ((0, 5, 1) if number % 2 else (0, 50, 10))
        paid = Redemption.objects.filter(coupon__in=coupons, state=RedemptionState.COMMITTED).count()
        assert paid == (1 if number % 2 else 10)
