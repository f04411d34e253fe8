"""Promise 4 under real threads, each with a connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F

from notifications.choices import RedemptionState, Refusal
from notifications.models import Offer, OfferUse, Redemption
from notifications.offers.cart import Cart
from notifications.offers.redeem import reserve
from notifications.offers.refusals import Refused
from notifications.offers.settle import commit, release
from tests.factories import CouponFactory, CustomerFactory, OfferFactory
from users.models import Customer

pytestmark = pytest.mark.django_db(transaction=True)
CART = Cart(Decimal("40.00"), "GBP")
CLIENTS = 50


def _outcomes(calls: list[Callable[[], object]]) -> Counter[str]:
    """Run all calls at once; count `ok` and the refusals. Any other error fails the test."""
    start = threading.Barrier(len(calls))
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def client(call: Callable[[], object]) -> None:
        start.wait()
        try:
            call()
            outcome = "ok"
        except Refused as refused:
            outcome = str(refused.refusal)
        except Exception as error:
            outcome = repr(error)
        finally:
            connection.close()
        with lock:
            outcomes[outcome] += 1

    threads = [threading.Thread(target=client, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _redeem(code: str, customer_id: str, order_id: str) -> None:
    reserve(code=code, order_id=order_id, customer_id=customer_id, cart=CART)
    commit(code=code, order_id=order_id, customer_id=customer_id)


def test_one_single_use_coupon_pays_exactly_once_for_fifty_orders():
    coupon = CouponFactory()
    owner = coupon.customer.external_id
    calls = [lambda n=n: _redeem(coupon.code, owner, f"order-{n}") for n in range(CLIENTS)]
    assert _outcomes(calls) == {"ok": 1, Refusal.LIMIT_REACHED: CLIENTS - 1}
    coupon.refresh_from_db()
    coupon.offer.refresh_from_db()
    assert (coupon.uses, coupon.offer.committed, coupon.offer.reserved) == (1, Decimal("5.00"), 0)


def test_a_budget_for_ten_pays_exactly_ten_of_fifty_coupons():
    offer = OfferFactory(budget=Decimal("52.00"))
    coupons = CouponFactory.create_batch(CLIENTS, offer=offer)
    calls = [lambda c=c: _redeem(c.code, c.customer.external_id, f"order-{c.pk}") for c in coupons]
    assert _outcomes(calls) == {"ok": 10, Refusal.BUDGET_EXHAUSTED: CLIENTS - 10}
    offer.refresh_from_db()
    assert (offer.committed, offer.reserved) == (Decimal("50.00"), 0)
    assert sum(coupon.uses for coupon in offer.coupons.all()) == 10


def test_fifty_repeats_of_the_same_order_are_one_redemption():
    coupon = CouponFactory()
    calls = [lambda: _redeem(coupon.code, coupon.customer.external_id, "order-1")] * CLIENTS
    assert _outcomes(calls) == {"ok": CLIENTS}
    assert Redemption.objects.get().state == RedemptionState.COMMITTED


def test_commits_and_releases_at_once_keep_the_books():
    offer = OfferFactory(budget=Decimal("50.00"))
    coupons = CouponFactory.create_batch(10, offer=offer)
    for coupon in coupons:
        reserve(code=coupon.code, order_id=f"order-{coupon.pk}", customer_id=coupon.customer.external_id, cart=CART)
    calls = [
        lambda c=c, step=step: step(code=c.code, order_id=f"order-{c.pk}", customer_id=c.customer.external_id)
        for c in coupons
        for step in (commit, release, release)
    ]
    outcomes = _outcomes(calls)
    assert set(outcomes) <= {"ok", str(Refusal.NOT_RESERVED)}
    offer.refresh_from_db()
    committed = Redemption.objects.filter(state=RedemptionState.COMMITTED)
    assert offer.reserved == 0
    assert offer.committed == 5 * committed.count()
    assert sum(coupon.uses for coupon in offer.coupons.all()) == committed.count()


def _one_round(offer_of_ten: Offer, owners: list[Customer], number: object) -> None:
    """One single-use coupon and one budget for ten, each wanted by fifty at once."""
    single = CouponFactory(customer=owners[0])
    owner = single.customer.external_id
    calls = [lambda n=n: _redeem(single.code, owner, f"{number}-{n}") for n in range(CLIENTS)]
    assert _outcomes(calls) == {"ok": 1, Refusal.LIMIT_REACHED: CLIENTS - 1}
    Offer.objects.filter(pk=offer_of_ten.pk).update(budget=F("committed") + 52)
    coupons = [CouponFactory(offer=offer_of_ten, customer=each) for each in owners]
    calls = [lambda c=c: _redeem(c.code, c.customer.external_id, f"{number}-of-{c.pk}") for c in coupons]
    assert _outcomes(calls) == {"ok": 10, Refusal.BUDGET_EXHAUSTED: CLIENTS - 10}


def _rounds(numbers: range) -> None:
    offer, owners = OfferFactory(), CustomerFactory.create_batch(CLIENTS)
    for number in numbers:
        _one_round(offer, owners, number)
    offer.refresh_from_db()
    assert (offer.committed, offer.reserved, offer.redeemed) == (50 * len(numbers), 0, 10 * len(numbers))


@pytest.mark.soak
@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_rounds_end_the_same(hundred):
    _rounds(range(100 * hundred, 100 * hundred + 100))


def test_three_rounds_end_the_same():
    _rounds(range(3))


def test_a_limit_for_ten_and_one_a_customer_hold_under_fifty_clients():
    offer = OfferFactory(total_limit=10, customer_limit=1)
    owners = CustomerFactory.create_batch(25)
    coupons = [CouponFactory(offer=offer, customer=owners[n % 25]) for n in range(CLIENTS)]
    outcomes = _outcomes([lambda c=c: _redeem(c.code, c.customer.external_id, f"order-{c.pk}") for c in coupons])
    assert outcomes["ok"] == 10
    assert set(outcomes) <= {"ok", str(Refusal.OFFER_LIMIT), str(Refusal.CUSTOMER_LIMIT)}
    assert OfferUse.objects.filter(offer=offer, uses=1).count() == 10
    assert not OfferUse.objects.filter(offer=offer, uses__gt=1).exists()


def test_two_coupons_of_one_order_reserved_at_once_neither_deadlock_nor_take_too_much():
    customer = CustomerFactory()
    offers = OfferFactory.create_batch(4, stacking="stackable", type="percent", value=50, minimum_spend=0)
    coupons = [CouponFactory(offer=offer, customer=customer) for offer in offers]
    calls = [
        lambda c=c, n=n: reserve(code=c.code, order_id=f"order-{n}", customer_id=customer.external_id, cart=CART)
        for c, n in zip(coupons * 5, [*range(5)] * 4, strict=True)
    ]
    outcomes = _outcomes(calls)
    assert set(outcomes) <= {"ok", str(Refusal.LIMIT_REACHED)}
    assert outcomes["ok"] >= 4
    for offer in offers:
        offer.refresh_from_db()
    held = Redemption.objects.filter(state=RedemptionState.RESERVED)
    assert sum(offer.reserved for offer in offers) == sum(one.cost for one in held)
