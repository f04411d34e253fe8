"""Several coupons on one order, and the limits that orders share."""

from decimal import Decimal

import pytest

from notifications.choices import CouponStatus, OfferType, Refusal, Stacking
from notifications.models import OfferUse, PointsAccount, Redemption, Tier
from notifications.offers.cart import Cart, CartLine
from notifications.offers.redeem import reserve, validate
from notifications.offers.refusals import Refused
from notifications.offers.settle import commit, release
from tests.factories import CouponFactory, CustomerFactory, OfferFactory

pytestmark = pytest.mark.django_db
CART = Cart.of_lines(lines=[CartLine("mug", 4, Decimal(25))], currency="GBP")


@pytest.fixture
def customer():
    return CustomerFactory()


def coupon_of(customer, type_=OfferType.PERCENT, value=10, stacking=Stacking.STACKABLE, **terms):
    more = {"minimum_spend": 0, "budget": Decimal(100), **terms}
    return CouponFactory(customer=customer, offer=OfferFactory(type=type_, value=value, stacking=stacking, **more))


def on(coupon, order_id="A", **more):
    return {"code": coupon.code, "order_id": order_id, "customer_id": coupon.customer.external_id, **more}


def refusal_of(call, **arguments):
    with pytest.raises(Refused) as refused:
        call(**arguments)
    return refused.value.refusal


def reserved(coupon):
    coupon.offer.refresh_from_db()
    return coupon.offer.reserved


def test_the_second_coupon_reprices_the_first_and_both_books_hold_it(customer):
    fixed = coupon_of(customer, OfferType.FIXED_AMOUNT, 20)
    percent = coupon_of(customer)
    assert reserve(**on(fixed, cart=CART)).amount == 20
    quote = validate(**on(percent, cart=CART))
    assert {code: share.discount for code, share in quote.together.items()} == {fixed.code: 20, percent.code: 10}
    special = coupon_of(customer, OfferType.LIMITED_PRICE, 0, item_prices={"mug": "15.00"})
    reserve(**on(percent, cart=CART))
    assert (reserved(fixed), reserved(percent)) == (20, 10)
    reserve(**on(special, cart=CART))
    assert [reserved(one) for one in (special, percent, fixed)] == [40, 6, 20]
    assert sum(Redemption.objects.values_list("amount", flat=True)) == 66
    for one in (fixed, percent, special):
        commit(**on(one))
    assert [reserved(one) for one in (special, percent, fixed)] == [0, 0, 0]
    assert percent.offer.committed == 6


def test_codes_that_are_only_on_the_cart_are_priced_together(customer):
    percent, special = coupon_of(customer), coupon_of(customer, OfferType.LIMITED_PRICE, 0, item_prices={"mug": "15"})
    assert validate(**on(percent, cart=CART, other_codes=[special.code])).discount == 6
    assert not Redemption.objects.exists()


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({}, {}, True),
        ({"stacking_group": "a"}, {"stacking_group": "b"}, True),
        ({"stacking_group": "a"}, {"stacking_group": "a"}, False),
        ({"stacking": Stacking.EXCLUSIVE}, {}, False),
        ({}, {"stacking": Stacking.EXCLUSIVE}, False),
    ],
)
def test_stacking_rules(customer, first, second, together):
    reserve(**on(coupon_of(customer, **first), cart=CART))
    other = coupon_of(customer, **second)
    if together:
        assert reserve(**on(other, cart=CART)).amount == 9
    else:
        assert refusal_of(reserve, **on(other, cart=CART)) == Refusal.NOT_STACKABLE
        assert refusal_of(validate, **on(other, cart=CART)) == Refusal.NOT_STACKABLE
        assert reserve(**on(other, "B", cart=CART)).amount == 10


def test_two_coupons_of_one_offer_are_never_on_one_order(customer):
    one = coupon_of(customer)
    other = CouponFactory(customer=customer, offer=one.offer)
    reserve(**on(one, cart=CART))
    assert refusal_of(reserve, **on(other, cart=CART)) == Refusal.NOT_STACKABLE


def test_limits_of_the_offer_and_of_the_customer(customer):
    offer = OfferFactory(total_limit=3, customer_limit=2, minimum_spend=0)
    mine = [CouponFactory(offer=offer, customer=customer) for _ in range(3)]
    for number in (0, 1):
        reserve(**on(mine[number], f"{number}", cart=CART))
    for call in (validate, reserve):
        assert refusal_of(call, **on(mine[2], "2", cart=CART)) == Refusal.CUSTOMER_LIMIT
    assert OfferUse.objects.get().uses == 2
    release(**on(mine[0], "0"))
    reserve(**on(mine[2], "2", cart=CART))
    reserve(**on(CouponFactory(offer=offer), "3", cart=CART))
    for call in (validate, reserve):
        assert refusal_of(call, **on(CouponFactory(offer=offer), "4", cart=CART)) == Refusal.OFFER_LIMIT
    offer.refresh_from_db()
    assert offer.redeemed == 3


def test_an_offer_of_a_tier_is_for_its_members_and_those_above(customer):
    silver, gold = (Tier.objects.create(name=name, rank=rank, threshold=1) for rank, name in enumerate(("S", "G"), 1))
    coupon = coupon_of(customer, minimum_tier=gold)
    assert refusal_of(reserve, **on(coupon, cart=CART)) == Refusal.TIER_REQUIRED
    account = PointsAccount.objects.create(customer=customer, tier=silver)
    assert refusal_of(reserve, **on(coupon, cart=CART)) == Refusal.TIER_REQUIRED
    account.tier = gold
    account.save()
    assert reserve(**on(coupon, cart=CART)).amount == 10


def test_points_are_given_with_the_order_and_taken_back_with_it(customer):
    coupon = coupon_of(customer, OfferType.POINTS, 200)
    held = reserve(**on(coupon, cart=CART))
    assert (held.amount, held.cost, held.points) == (0, Decimal("2.00"), 200)
    commit(**on(coupon))
    commit(**on(coupon))
    assert PointsAccount.objects.get(customer=customer).balance == 200
    release(**on(coupon))
    assert PointsAccount.objects.get(customer=customer).balance == 0


def test_a_gift_costs_its_worth(customer):
    coupon = coupon_of(customer, OfferType.GIFT, 8, reward_items=["cap"], budget=Decimal(10))
    held = reserve(**on(coupon, cart=CART))
    assert (held.amount, held.cost, held.gifts) == (0, 8, [{"item_id": "cap", "quantity": 1}])
    other = CouponFactory(offer=coupon.offer)
    assert refusal_of(reserve, **on(other, "B", cart=CART)) == Refusal.BUDGET_EXHAUSTED


def test_nothing_to_take_off_is_refused(customer):
    coupon = coupon_of(customer, OfferType.FREE_SHIPPING, 0)
    assert refusal_of(reserve, **on(coupon, cart=CART)) == Refusal.NOTHING_TO_DISCOUNT
    coupon.refresh_from_db()
    assert (coupon.uses, coupon.status) == (0, CouponStatus.ISSUED)
