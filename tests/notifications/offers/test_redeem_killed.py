"""A checkout whose process dies between reserve and commit: the reservation expires, and everything comes back."""

import os
import signal
import subprocess
import sys
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
from tests.factories import CouponFactory

CHECKOUT = """
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


def killed_checkout(coupon, transaction) -> None:
    """Reserve in a process of its own, and kill it: after the commit of the reservation, or within its transaction."""
    database = connection.settings_dict
    names = [str(database[name]) for name in ("NAME", "HOST", "PORT", "USER")]
    options = database.get("OPTIONS", {})
    names[1] = names[1] or str(options.get("host", ""))
    arguments = [*names, coupon.code, coupon.customer.external_id, transaction]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", CHECKOUT, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reserved\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


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
