from datetime import UTC, datetime
from decimal import Decimal

import pytest

from notifications.offers.checks import check_terms
from notifications.offers.money import format_money
from notifications.offers.terms import create_offer, describe_offer
from tests.factories import OfferFactory

SOUND = {
    "name": "Spring",
    "type": "spend_save",
    "value": Decimal(5),
    "minimum_spend": Decimal(30),
    "currency": "GBP",
    "valid_days": 14,
}


def test_sound_terms_have_no_errors():
    assert check_terms(SOUND) == {}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"value": Decimal(0)}, "value", "above 0"),
        ({"type": "percent", "value": Decimal("100.01")}, "value", "above 100"),
        ({"value": Decimal("5.50"), "currency": "JPY"}, "value", "smaller unit"),
        ({"minimum_spend": Decimal(-1)}, "minimum_spend", "negative"),
        ({"minimum_spend": Decimal(5)}, "minimum_spend", "above what is saved"),
        ({"maximum_discount": Decimal(0)}, "maximum_discount", "above 0"),
        ({"budget": Decimal(-1)}, "budget", "negative"),
        ({"uses_per_coupon": 0}, "uses_per_coupon", "at least once"),
        ({"valid_days": None}, "valid_days", "Set an end"),
        ({"valid_days": 0}, "valid_days", "at least one day"),
        (
            {"valid_from": datetime(2026, 3, 2, tzinfo=UTC), "valid_until": datetime(2026, 3, 1, tzinfo=UTC)},
            "valid_until",
            "ends before it starts",
        ),
    ],
)
def test_each_fault_is_named_at_its_field(change, field, words):
    errors = check_terms(SOUND | change)
    assert list(errors) == [field]
    assert words in str(errors[field])


@pytest.mark.django_db
def test_an_offer_with_faulty_terms_is_not_created():
    with pytest.raises(ValueError, match="value: The value must be above 0"):
        create_offer(**SOUND | {"value": Decimal(-5)})
    assert create_offer(**SOUND).pk


@pytest.mark.parametrize(
    ("terms", "language", "text"),
    [
        ({}, "en", "£5.00 off when you spend £30.00"),
        ({}, "zh-hans", "满 £30.00 立减 £5.00"),
        ({"type": "percent", "value": Decimal("12.50"), "minimum_spend": 0}, "en", "12.5% off"),
        (
            {"type": "percent", "value": Decimal("10.00"), "maximum_discount": Decimal(20)},
            "en",
            "10% off when you spend £30.00, at most £20.00",
        ),
        ({"type": "fixed_amount", "minimum_spend": 0, "currency": "JPY", "value": Decimal(500)}, "en", "¥500 off"),
    ],
)
def test_terms_read_as_a_shopper_says_them(terms, language, text):
    assert describe_offer(OfferFactory.build(**terms), language) == text


@pytest.mark.parametrize(
    ("currency", "language", "text"),
    [
        ("GBP", "en", "£1,234.50"),
        ("EUR", "de-AT", "1.234,50\u00a0€"),
        ("CNY", "zh-CN", "¥1,234.50"),
        ("JPY", "en", "¥1,235"),
        ("CHF", "en", "CHF\u00a01,234.50"),
        ("GBP", "no such language", "£1,234.50"),
    ],
)
def test_money_is_written_as_its_reader_writes_it(currency, language, text):
    assert format_money(Decimal("1234.50"), currency, language) == text
