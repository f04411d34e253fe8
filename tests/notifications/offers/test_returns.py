"""Goods come back: the customer gets what was paid for them, and the budget gets its part, exact to the cent."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.choices import CouponStatus, OfferType, Refusal
from notifications.models import Redemption
from notifications.offers.cart import Cart, CartLine
from notifications.offers.redeem import reserve
from notifications.offers.refusals import Refused
from notifications.offers.settle import commit, take_back
from tests.factories import CouponFactory

pytestmark = pytest.mark.django_db
LINES = [CartLine("mug", 3, Decimal("9.99")), CartLine("pen", 7, Decimal("1.05"))]  # 37.32


def used(cart, **terms):
    coupon = CouponFactory(**{f"offer__{name}": value for name, value in terms.items()}, offer__minimum_spend=0)
    order = {"code": coupon.code, "order_id": "A", "customer_id": coupon.customer.external_id}
    reserve(**order, cart=cart)
    commit(**order)
    return coupon, order


def committed(coupon):
    coupon.refresh_from_db()
    coupon.offer.refresh_from_db()
    return coupon.offer.committed


def test_a_part_comes_back_in_proportion():
    coupon, order = used(Cart.of_lines(lines=LINES, currency="GBP"), type=OfferType.PERCENT, value=10)
    assert committed(coupon) == Decimal("3.73")
    returned = take_back(**order, lines=[("mug", 1)])
    assert (returned.goods, returned.discount, returned.refund) == (Decimal("9.99"), Decimal("1.00"), Decimal("8.99"))
    assert committed(coupon) == Decimal("2.73")
    assert (coupon.uses, coupon.status) == (1, CouponStatus.REDEEMED)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.permutations(["mug"] * 3 + ["pen"] * 7), st.integers(1, 3700))
def test_piece_by_piece_returns_sum_to_the_whole_and_free_the_coupon(order_of_returns, cents):
    value = Decimal(cents) / 100
    coupon, order = used(Cart.of_lines(lines=LINES, currency="GBP"), type=OfferType.FIXED_AMOUNT, value=value)
    returns = [take_back(**order, lines=[(item, 1)]) for item in order_of_returns]
    assert sum(one.goods for one in returns) == Decimal("37.32")
    assert sum(one.discount for one in returns) == value
    assert sum(one.refund for one in returns) == Decimal("37.32") - value
    assert all(one.discount >= 0 and one.refund >= 0 for one in returns)
    assert committed(coupon) == 0
    assert (coupon.uses, coupon.status) == (0, CouponStatus.ISSUED)
    assert Redemption.objects.filter(coupon=coupon).get().state == "released"


def test_an_order_without_lines_names_the_amount():
    coupon, order = used(Cart(Decimal("30.00"), "GBP"), type=OfferType.FIXED_AMOUNT, value=10)
    parts = [take_back(**order, amount=Decimal(amount)) for amount in ("10.00", "10.00", "10.00")]
    assert [part.discount for part in parts] == [Decimal("3.33"), Decimal("3.34"), Decimal("3.33")]
    assert committed(coupon) == 0


@pytest.mark.parametrize(
    ("returned", "refusal"),
    [
        ({"lines": [("mug", 4)]}, Refusal.RETURN_TOO_LARGE),
        ({"lines": [("cap", 1)]}, Refusal.RETURN_TOO_LARGE),
        ({"amount": Decimal(5)}, Refusal.LINES_NEEDED),
        ({"lines": [("mug", 1)], "order_id": "B"}, Refusal.NOT_COMMITTED),
        ({"lines": [("mug", 1)], "customer_id": "somebody else"}, Refusal.NOT_YOURS),
    ],
)
def test_what_was_not_bought_does_not_come_back(returned, refusal):
    coupon, order = used(Cart.of_lines(lines=LINES, currency="GBP"), type=OfferType.FIXED_AMOUNT, value=10)
    with pytest.raises(Refused) as refused:
        take_back(**order | returned)
    assert refused.value.refusal == refusal
    assert committed(coupon) == 10
