from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.choices import OfferType
from notifications.models import Offer
from notifications.offers.calculate import discount
from notifications.offers.cart import Cart, CartLine
from notifications.offers.money import minor_unit

amounts = st.decimals("0.01", "99999.99", places=2)
currencies = st.sampled_from(["GBP", "EUR", "JPY", "KWD"])


def offer(type_: OfferType = OfferType.SPEND_SAVE, value: str = "5", **terms) -> Offer:
    return Offer(type=type_, value=Decimal(value), **{"currency": "GBP", "minimum_spend": Decimal(0), **terms})


def cart(total: str, currency: str = "GBP") -> Cart:
    return Cart(Decimal(total), currency)


@st.composite
def offers_and_carts(draw):
    type_ = draw(st.sampled_from(OfferType.values))
    terms = offer(
        type_,
        str(draw(st.decimals("0.01", "100", places=2) if type_ == OfferType.PERCENT else amounts)),
        minimum_spend=draw(st.just(Decimal(0)) | amounts),
        maximum_discount=draw(st.none() | amounts),
        currency=draw(currencies),
    )
    return terms, Cart(draw(amounts), terms.currency)


@pytest.mark.parametrize(
    ("terms", "total", "expected"),
    [
        (offer(value="5", minimum_spend=Decimal(30)), "30.00", "5.00"),
        (offer(value="5", minimum_spend=Decimal(30)), "29.99", "0"),
        (offer(OfferType.FIXED_AMOUNT, "10"), "7.50", "7.50"),
        (offer(OfferType.PERCENT, "15"), "0.10", "0.02"),  # 0.015, halves up
        (offer(OfferType.PERCENT, "33.33"), "10.05", "3.35"),  # 3.349665
        (offer(OfferType.PERCENT, "50", maximum_discount=Decimal(20)), "100.00", "20.00"),
        (offer(OfferType.PERCENT, "100"), "12.34", "12.34"),
    ],
)
def test_worked_examples(terms, total, expected):
    assert discount(terms, cart(total)) == Decimal(expected)


def test_yen_have_no_cents():
    terms = offer(OfferType.PERCENT, "15", currency="JPY")
    assert discount(terms, cart("990", "JPY")) == Decimal(149)  # 148.5


@given(offers_and_carts())
def test_never_negative_never_above_the_total_nor_the_maximum_and_always_payable(case):
    terms, basket = case
    off = discount(terms, basket)
    assert 0 <= off <= basket.total
    assert terms.maximum_discount is None or off <= terms.maximum_discount
    assert off % minor_unit(basket.currency) == 0


@given(offers_and_carts())
def test_nothing_below_the_minimum_spend(case):
    terms, basket = case
    if basket.total < terms.minimum_spend:
        assert discount(terms, basket) == 0


@given(st.decimals("0.01", "100", places=2), amounts)
def test_a_percentage_is_within_half_a_cent_of_the_exact_value(percent, total):
    off = discount(offer(OfferType.PERCENT, str(percent)), cart(str(total)))
    assert abs(off - total * percent / 100) <= Decimal("0.005")


@given(offers_and_carts(), amounts)
def test_spending_more_never_saves_less(case, extra):
    terms, basket = case
    assert discount(terms, Cart(basket.total + extra, basket.currency)) >= discount(terms, basket)


@given(st.lists(st.builds(CartLine, st.text(min_size=1), st.integers(1, 50), amounts), min_size=1), st.randoms())
def test_the_order_of_lines_is_irrelevant(lines, random):
    shuffled = random.sample(lines, len(lines))
    terms = offer(OfferType.PERCENT, "12.5")
    assert discount(terms, Cart.of_lines(lines=lines, currency="GBP")) == discount(
        terms, Cart.of_lines(lines=shuffled, currency="GBP")
    )


def test_another_currency_is_an_error():
    with pytest.raises(ValueError, match="GBP"):
        discount(offer(), cart("50", "EUR"))
