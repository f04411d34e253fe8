from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from notifications.choices import CouponStatus, OfferType, RedemptionState, Refusal
from notifications.models import Redemption
from notifications.offers.cart import Cart
from notifications.offers.codes import generate_code
from notifications.offers.expire import release_expired_reservations
from notifications.offers.redeem import RESERVATION_TIME, reserve, validate
from notifications.offers.refusals import Refused
from notifications.offers.settle import commit, release
from tests.factories import CouponFactory, CustomerFactory, OfferFactory

pytestmark = pytest.mark.django_db
CART = Cart(Decimal("40.00"), "GBP")


@pytest.fixture
def coupon():
    return CouponFactory(offer__budget=Decimal("10.00"))


def order(coupon, order_id="order-1", **changes):
    values = {"code": coupon.code, "order_id": order_id, "customer_id": coupon.customer.external_id, "cart": CART}
    return values | changes


def placed(coupon, order_id="order-1"):
    return {"code": coupon.code, "order_id": order_id, "customer_id": coupon.customer.external_id}


def books(coupon):
    """Uses, status, reserved and committed budget as they stand in the database."""
    coupon.refresh_from_db()
    coupon.offer.refresh_from_db()
    return coupon.uses, coupon.status, coupon.offer.reserved, coupon.offer.committed


def refusal_of(call, **arguments) -> Refusal:
    with pytest.raises(Refused) as refused:
        call(**arguments)
    assert str(refused.value)
    return refused.value.refusal


def test_validate_says_the_discount_and_changes_nothing(coupon):
    assert validate(**order(coupon)).discount == Decimal("5.00")
    assert books(coupon) == (0, CouponStatus.ISSUED, 0, 0)


def test_reserve_then_commit_moves_the_money_once(coupon):
    redemption = reserve(**order(coupon))
    assert (redemption.state, redemption.amount) == (RedemptionState.RESERVED, Decimal("5.00"))
    assert books(coupon) == (1, CouponStatus.ISSUED, Decimal("5.00"), 0)
    assert commit(**placed(coupon)).state == RedemptionState.COMMITTED
    assert books(coupon) == (1, CouponStatus.REDEEMED, 0, Decimal("5.00"))


def test_a_typed_code_is_understood(coupon):
    assert reserve(**order(coupon, code=coupon.code.lower().replace("-", " "))).coupon == coupon


@pytest.mark.parametrize("step", [reserve, commit, release])
def test_every_step_may_be_repeated(coupon, step):
    reserve(**order(coupon))
    if step is not reserve:
        step(**placed(coupon))
    before = books(coupon)
    arguments = order(coupon) if step is reserve else placed(coupon)
    assert step(**arguments) == step(**arguments) == Redemption.objects.get()
    assert books(coupon) == before


def test_release_gives_everything_back_and_the_coupon_can_be_used_again(coupon):
    reserve(**order(coupon))
    release(**placed(coupon))
    assert books(coupon) == (0, CouponStatus.ISSUED, 0, 0)
    reserve(**order(coupon))
    assert books(coupon)[0] == 1


def test_a_refund_after_commit_gives_the_budget_back(coupon):
    reserve(**order(coupon))
    commit(**placed(coupon))
    assert release(**placed(coupon)).state == RedemptionState.RELEASED
    assert books(coupon) == (0, CouponStatus.ISSUED, 0, 0)


def test_a_changed_cart_is_priced_anew_within_the_same_reservation():
    coupon = CouponFactory(
        offer__type=OfferType.PERCENT, offer__value=10, offer__minimum_spend=0, offer__budget=Decimal("10.00")
    )
    reserve(**order(coupon))
    assert reserve(**order(coupon, cart=Cart(Decimal("80.00"), "GBP"))).amount == Decimal("8.00")
    assert books(coupon)[2] == Decimal("8.00")
    too_much = order(coupon, cart=Cart(Decimal("101.00"), "GBP"))
    assert refusal_of(reserve, **too_much) == Refusal.BUDGET_EXHAUSTED
    assert books(coupon)[2] == Decimal("8.00")
    assert Redemption.objects.get().amount == Decimal("8.00")


def test_a_second_order_is_refused_while_the_first_holds_the_coupon(coupon):
    reserve(**order(coupon))
    for call in (validate, reserve):
        assert refusal_of(call, **order(coupon, "order-2")) == Refusal.LIMIT_REACHED
    assert validate(**order(coupon)).discount == Decimal("5.00")


def test_a_coupon_for_two_uses_pays_twice_and_not_thrice():
    coupon = CouponFactory(max_uses=2)
    for order_id in ("order-1", "order-2"):
        reserve(**order(coupon, order_id))
        commit(**placed(coupon, order_id))
    assert books(coupon)[:2] == (2, CouponStatus.REDEEMED)
    assert refusal_of(reserve, **order(coupon, "order-3")) == Refusal.LIMIT_REACHED


@pytest.mark.parametrize("call", [validate, reserve])
@pytest.mark.parametrize(
    ("coupon_terms", "order_terms", "refusal"),
    [
        ({}, {"code": generate_code()}, Refusal.NOT_FOUND),
        ({}, {"code": "no such thing"}, Refusal.NOT_FOUND),
        ({}, {"customer_id": "somebody else"}, Refusal.NOT_YOURS),
        ({"valid_from": timezone.now() + timedelta(days=1)}, {}, Refusal.NOT_YET_VALID),
        ({"issued_at": timezone.now() - timedelta(days=15)}, {}, Refusal.EXPIRED),
        ({"status": CouponStatus.CANCELLED}, {}, Refusal.CANCELLED),
        ({}, {"cart": Cart(Decimal("29.99"), "GBP")}, Refusal.MINIMUM_SPEND),
        ({"offer__minimum_spend": 0}, {"cart": Cart(Decimal(0), "GBP")}, Refusal.MINIMUM_SPEND),
        ({}, {"cart": Cart(Decimal("40.00"), "EUR")}, Refusal.CURRENCY),
        ({"uses": 1}, {}, Refusal.LIMIT_REACHED),
        ({"offer__budget": Decimal("4.99")}, {}, Refusal.BUDGET_EXHAUSTED),
    ],
)
def test_every_refusal_says_why_and_changes_nothing(call, coupon_terms, order_terms, refusal):
    coupon = CouponFactory(**coupon_terms)
    before = books(coupon)
    assert refusal_of(call, **order(coupon, **order_terms)) == refusal
    assert books(coupon) == before
    assert not Redemption.objects.exists()


@pytest.mark.parametrize("call", [commit, release])
def test_what_was_never_reserved_can_be_neither_committed_nor_released(coupon, call):
    assert refusal_of(call, **placed(coupon)) == Refusal.NOT_RESERVED


def test_only_the_owner_may_commit_and_release(coupon):
    reserve(**order(coupon))
    for call in (commit, release):
        assert refusal_of(call, **placed(coupon) | {"customer_id": "somebody else"}) == Refusal.NOT_YOURS


def test_a_coupon_of_a_merged_customer_belongs_to_the_customer_merged_into(coupon):
    survivor = CustomerFactory()
    coupon.customer.merged_into = survivor
    coupon.customer.save()
    assert reserve(**order(coupon, customer_id=survivor.external_id)).coupon == coupon


def test_a_reservation_that_nobody_commits_expires_and_gives_everything_back(coupon):
    reserve(**order(coupon))
    with time_machine.travel(timezone.now() + RESERVATION_TIME - timedelta(seconds=5), tick=False):
        assert release_expired_reservations() == 0
    with time_machine.travel(timezone.now() + RESERVATION_TIME + timedelta(seconds=5), tick=False):
        assert release_expired_reservations() == 1
        assert release_expired_reservations() == 0
        assert books(coupon) == (0, CouponStatus.ISSUED, 0, 0)
        assert refusal_of(commit, **placed(coupon)) == Refusal.NOT_RESERVED


def test_reserving_again_after_the_time_is_over_renews_the_reservation(coupon):
    reserve(**order(coupon))
    with time_machine.travel(timezone.now() + RESERVATION_TIME + timedelta(seconds=5), tick=False):
        reserve(**order(coupon))
        assert release_expired_reservations() == 0
        assert books(coupon) == (1, CouponStatus.ISSUED, Decimal("5.00"), 0)


def test_expiry_keeps_the_books_of_many_offers_and_leaves_the_committed_alone():
    offers = OfferFactory.create_batch(2, budget=Decimal("100.00"))
    coupons = [CouponFactory(offer=offers[number % 2], max_uses=2) for number in range(6)]
    for coupon in coupons:
        reserve(**order(coupon, f"order-1-of-{coupon.pk}"))
        reserve(**order(coupon, f"order-2-of-{coupon.pk}"))
    commit(**placed(coupons[0], f"order-2-of-{coupons[0].pk}"))
    with time_machine.travel(timezone.now() + 2 * RESERVATION_TIME, tick=False):
        assert release_expired_reservations() == 11
    assert [books(coupon)[0] for coupon in coupons] == [1, 0, 0, 0, 0, 0]
    assert [(books(coupon)[2:]) for coupon in coupons[:2]] == [(0, Decimal("5.00")), (0, 0)]
