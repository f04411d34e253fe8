"""Every type of offer on whole carts: worked examples, and what holds for all of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.choices import OfferType, Refusal
from notifications.models import Offer
from notifications.offers.calculate import price_cart, unmet_condition
from notifications.offers.cart import Cart, CartLine, allocate, line_amounts
from notifications.offers.money import minor_unit

CURRENCIES = ["GBP", "JPY", "KWD"]
ITEMS = ["mug", "pen", "bag", "cap"]


def offer(type_, value="0", **terms) -> Offer:
    amounts = {
        name: Decimal(terms.pop(name)) for name in ("minimum_spend", "maximum_discount") if terms.get(name) is not None
    }
    return Offer(type=type_, value=Decimal(value), currency=terms.pop("currency", "GBP"), **amounts, **terms)


def cart(*lines, currency="GBP", **more) -> Cart:
    made = [CartLine(item, quantity, Decimal(price)) for item, quantity, price in lines]
    return Cart.of_lines(lines=made, currency=currency, **more)


def give(terms, basket):
    (share,) = price_cart(basket, [terms])
    return share


BASKET = cart(("mug", 2, "10.00"), ("pen", 1, "5.00"), ("bag", 3, "20.00"))  # 85.00
MUGS = {"include": {"items": ["mug"]}}
STEPS = [{"spend": "60", "save": "12"}, {"spend": "100", "save": "25"}]


@pytest.mark.parametrize(
    ("terms", "discount", "lines"),
    [
        (offer(OfferType.PERCENT, "10"), "8.50", ["2.00", "0.50", "6.00"]),
        (offer(OfferType.PERCENT, "10", scope={"include": {"items": ["mug", "pen"]}}), "2.50", ["2.00", "0.50", "0"]),
        (offer(OfferType.PERCENT, "10", scope={"exclude": {"items": ["bag"]}}), "2.50", ["2.00", "0.50", "0"]),
        (offer(OfferType.FIXED_AMOUNT, "10"), "10.00", ["2.35", "0.59", "7.06"]),
        (offer(OfferType.SPEND_SAVE, "5", minimum_spend="30", steps=STEPS), "12", ["2.82", "0.71", "8.47"]),
        (offer(OfferType.LIMITED_PRICE, item_prices={"bag": "15.00", "pen": "6"}), "15.00", ["0", "0", "15.00"]),
        (
            offer(OfferType.LIMITED_PRICE, item_prices={"bag": "15", "mug": "9"}, maximum_quantity=4),
            "16.00",
            ["1", "0", "15"],
        ),
        (offer(OfferType.BUY_X_GET_Y, "100", buy_quantity=2, get_quantity=1), "15.00", ["10.00", "5.00", "0"]),
        (
            offer(OfferType.BUY_X_GET_Y, "50", buy_quantity=2, get_quantity=1, maximum_quantity=1),
            "2.50",
            ["0", "2.50", "0"],
        ),
        (
            offer(OfferType.BUY_X_GET_Y, "100", buy_quantity=2, get_quantity=1, reward_items=["pen"]),
            "5.00",
            ["0", "5.00", "0"],
        ),
        (offer(OfferType.GIFT, "8", reward_items=["cap"]), "0", ["0", "0", "0"]),
        (offer(OfferType.POINTS, "200"), "0", ["0", "0", "0"]),
    ],
)
def test_worked_examples(terms, discount, lines):
    share = give(terms, BASKET)
    assert share.discount == Decimal(discount)
    assert list(share.lines) == [*map(Decimal, lines), 0]


def test_gifts_points_and_shipping():
    assert give(offer(OfferType.GIFT, "8", reward_items=["cap"], get_quantity=2), BASKET).gifts == (("cap", 2),)
    assert give(offer(OfferType.POINTS, "200"), BASKET).points == 200
    shipped = cart(("mug", 1, "10.00"), shipping=Decimal("4.90"))
    share = give(offer(OfferType.FREE_SHIPPING), shipped)
    assert (share.discount, share.shipping, sum(share.lines)) == (Decimal("4.90"), Decimal("4.90"), 0)
    assert give(offer(OfferType.FREE_SHIPPING, maximum_discount="3"), shipped).discount == 3


def test_categories_and_brands():
    mug = CartLine("mug", 1, Decimal(10), brand="Acme", categories=frozenset({"kitchen", "home"}))
    basket = Cart.of_lines(lines=[mug, CartLine("pen", 1, Decimal(5))], currency="GBP")
    for scope in ({"categories": ["home"]}, {"brands": ["Acme"]}, {"categories": ["garden"], "items": ["mug"]}):
        assert give(offer(OfferType.PERCENT, "10", scope={"include": scope}), basket).discount == 1
    both = {"include": {"categories": ["home"]}, "exclude": {"brands": ["Acme"]}}
    assert unmet_condition(offer(OfferType.PERCENT, "10", scope=both), basket) == Refusal.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("terms", "basket", "refusal"),
    [
        (offer(OfferType.PERCENT, "10", minimum_quantity=7), BASKET, Refusal.MINIMUM_QUANTITY),
        (offer(OfferType.PERCENT, "10", minimum_quantity=6), BASKET, None),
        (offer(OfferType.PERCENT, "10", minimum_spend="85.01"), BASKET, Refusal.MINIMUM_SPEND),
        (
            offer(OfferType.PERCENT, "10", minimum_spend="30", scope={"include": {"items": ["mug"]}}),
            BASKET,
            Refusal.MINIMUM_SPEND,
        ),
        (offer(OfferType.PERCENT, "10", scope={"include": {"items": ["cap"]}}), BASKET, Refusal.OUT_OF_SCOPE),
        (offer(OfferType.LIMITED_PRICE, item_prices={"mug": "1"}), Cart(Decimal(50), "GBP"), Refusal.LINES_NEEDED),
        (
            offer(OfferType.PERCENT, "10", scope={"include": {"items": ["mug"]}}),
            Cart(Decimal(50), "GBP"),
            Refusal.LINES_NEEDED,
        ),
    ],
)
def test_conditions(terms, basket, refusal):
    assert unmet_condition(terms, basket) == refusal


def test_several_offers_are_applied_in_the_fixed_order_to_what_is_left():
    percent = offer(OfferType.PERCENT, "10")
    special = offer(OfferType.LIMITED_PRICE, item_prices={"bag": "10"})
    fixed = offer(OfferType.FIXED_AMOUNT, "5")
    shares = {share.offer.type: share.discount for share in price_cart(BASKET, [fixed, percent, special])}
    assert shares == {"limited_price": 30, "percent": Decimal("5.50"), "fixed_amount": 5}


def test_a_total_that_differs_from_its_lines_is_what_counts():
    lines = (CartLine("mug", 1, Decimal(10)), CartLine("pen", 1, Decimal(5)))
    assert line_amounts(Cart(Decimal(12), "GBP", lines)) == [8, 4, 0]
    assert line_amounts(Cart(Decimal(20), "GBP", lines)) == [10, 5, 5]
    half = offer(OfferType.PERCENT, "50")
    assert give(half, Cart(Decimal(20), "GBP", lines)).lines == (5, Decimal("2.50"), Decimal("2.50"))
    only_mugs = offer(OfferType.PERCENT, "50", scope={"include": {"items": ["mug"]}})
    assert give(only_mugs, Cart(Decimal(20), "GBP", lines)).discount == 5


@st.composite
def amounts(draw, currency, top=500):
    coin = minor_unit(currency)
    return draw(st.integers(1, int(top / coin))) * coin


@st.composite
def carts(draw, currency):
    line = st.builds(CartLine, st.sampled_from(ITEMS), st.integers(1, 6), amounts(currency))
    shipping = draw(st.just(Decimal(0)) | amounts(currency, 20))
    return Cart.of_lines(lines=draw(st.lists(line, min_size=1, max_size=6)), currency=currency, shipping=shipping)


@st.composite
def offers(draw, currency):
    type_ = draw(st.sampled_from(OfferType.values))
    percent = type_ in (OfferType.PERCENT, OfferType.BUY_X_GET_Y)
    value = draw(st.decimals("0.5", "100", places=2)) if percent else draw(amounts(currency))
    spend = draw(st.just(Decimal(0)) | amounts(currency))
    names = st.lists(st.sampled_from(ITEMS), max_size=3, unique=True)
    return Offer(
        type=type_,
        value=value,
        currency=currency,
        minimum_spend=spend,
        minimum_quantity=draw(st.integers(0, 4)),
        maximum_discount=draw(st.none() | amounts(currency)),
        maximum_quantity=draw(st.none() | st.integers(1, 5)),
        buy_quantity=draw(st.integers(1, 3)),
        get_quantity=draw(st.integers(1, 2)),
        reward_items=draw(names),
        item_prices={item: str(draw(amounts(currency, 50))) for item in draw(names)},
        scope={"include": {"items": draw(names)}, "exclude": {"items": draw(names)}},
        steps=[{"spend": str(spend + 10), "save": str(value + 1)}] if type_ == OfferType.SPEND_SAVE else [],
    )


@st.composite
def cases(draw):
    currency = draw(st.sampled_from(CURRENCIES))
    return draw(carts(currency)), draw(st.lists(offers(currency), min_size=1, max_size=4))


@given(cases())
def test_nobody_is_paid_and_every_part_adds_up(case):
    basket, all_offers = case
    shares = price_cart(basket, all_offers)
    worth = line_amounts(basket)
    for share in shares:
        assert share.discount == sum(share.lines) + share.shipping
        assert share.discount >= 0
        assert share.offer.maximum_discount is None or share.discount <= share.offer.maximum_discount
        assert all(part >= 0 and part % minor_unit(basket.currency) == 0 for part in share.lines)
    assert sum(share.shipping for share in shares) <= basket.shipping
    for place, most in enumerate(worth):
        assert sum(share.lines[place] for share in shares) <= most
    assert sum(share.discount for share in shares) <= basket.total + basket.shipping


@given(cases(), st.randoms(use_true_random=False))
def test_neither_the_order_of_lines_nor_that_of_offers_matters(case, random):
    basket, all_offers = case
    for number, one in enumerate(all_offers, start=1):
        one.pk = number
    mixed = Cart.of_lines(
        lines=random.sample(basket.lines, len(basket.lines)), currency=basket.currency, shipping=basket.shipping
    )
    told = [(share.offer.pk, share.discount, share.gifts, share.points) for share in price_cart(basket, all_offers)]
    again = price_cart(mixed, random.sample(all_offers, len(all_offers)))
    assert [(share.offer.pk, share.discount, share.gifts, share.points) for share in again] == told
    assert basket.fingerprint == mixed.fingerprint


@given(cases(), st.integers(1, 50))
def test_a_higher_cap_or_a_further_step_never_gives_less(case, more):
    basket, (one, *_others) = case
    before = give(one, basket).discount
    if one.maximum_discount is not None:
        one.maximum_discount += more
        assert give(one, basket).discount >= before
    if one.type == OfferType.SPEND_SAVE:
        last = one.steps[-1]
        one.steps = [*one.steps, {"spend": str(Decimal(last["spend"]) + 1), "save": str(Decimal(last["save"]) + more)}]
        assert give(one, basket).discount >= before


@given(st.sampled_from(CURRENCIES), st.data())
def test_an_allocation_sums_exactly_and_is_within_a_coin_of_its_share(currency, data):
    coin = minor_unit(currency)
    weights = data.draw(st.lists(st.integers(0, 10_000).map(lambda n: n * coin), min_size=1, max_size=8))
    amount = data.draw(st.integers(0, int(sum(weights) / coin))) * coin
    parts = allocate(amount, weights, currency, caps=weights)
    if sum(weights):
        assert sum(parts) == amount
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - amount * weight / sum(weights)) < coin
            assert part <= weight
