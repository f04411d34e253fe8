from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest


@pytest.fixture
def context() -> dict[str, Any]:
    """A full context as planning builds it."""
    items = [
        {
            "title": f"Item <{number}>",
            "price": Decimal("2.55"),
            "currency": "GBP",
            "url": f"https://shop.example.com/{number}?a=1&b=2",
            "image_url": "",
            "reason": "because you bought Tea cosy" if number == 1 else "",
        }
        for number in range(1, 5)
    ]
    return {
        "customer": {"first_name": "Anna", "language": "en", "country": "GB"},
        "shop": {"name": "Ash & Co", "url": "https://shop.example.com", "address": "12 Mill Lane", "currency": "GBP"},
        "items": items,
        "coupon": {
            "code": "7K2M-9QX4-TB3N-5VHC",
            "description": "£5.00 off when you spend £30.00",
            "minimum_spend": Decimal("30.00"),
            "value": Decimal("5.00"),
            "currency": "GBP",
            "valid_until": datetime(2026, 12, 5, 9, tzinfo=UTC),
        },
        "trigger": {"items": [{**items[0], "reason": "", "quantity": 2, "was": Decimal("3.20")}], "coupon": None},
        "points": {
            "balance": 1240,
            "expiring": 300,
            "expires_at": datetime(2026, 12, 31, 9, tzinfo=UTC),
            "tier": "Gold",
        },
        "links": {"preferences": "https://a.example.com/u/1/", "unsubscribe": "https://a.example.com/u/1/"},
        "campaign": {"name": "We miss you"},
    }
