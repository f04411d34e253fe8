"""Rows for tests, valid by default; a test names only what it is about."""

from datetime import timedelta
from decimal import Decimal

import factory
from django.utils import timezone

from catalog.models import Category, Item
from notifications.choices import OfferType
from notifications.models import Coupon, Offer, Segment
from notifications.offers.codes import generate_code
from users.models import Customer


class CategoryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Category

    external_id = factory.Sequence(lambda n: f"category-{n}")
    name = factory.LazyAttribute(lambda category: category.external_id.title())


class ItemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Item

    external_id = factory.Sequence(lambda n: f"item-{n}")
    title = factory.Sequence(lambda n: f"Item {n}")
    price = Decimal("9.99")
    currency = "GBP"


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Customer

    external_id = factory.Sequence(lambda n: f"customer-{n}")
    email = factory.LazyAttribute(lambda customer: f"{customer.external_id}@example.com")


class OfferFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Offer

    name = factory.Sequence(lambda n: f"Offer {n}")
    type = OfferType.SPEND_SAVE
    value = Decimal("5.00")
    minimum_spend = Decimal("30.00")
    currency = "GBP"
    valid_days = 14


class CouponFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Coupon

    code = factory.LazyFunction(generate_code)
    offer = factory.SubFactory(OfferFactory)
    customer = factory.SubFactory(CustomerFactory)
    issued_at = factory.LazyFunction(timezone.now)
    valid_from = factory.SelfAttribute("issued_at")
    valid_until = factory.LazyAttribute(lambda coupon: coupon.issued_at + timedelta(days=14))


class SegmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Segment

    name = factory.Sequence(lambda n: f"Segment {n}")
    rule = factory.LazyFunction(lambda: {"field": "profile.order_count", "op": ">=", "value": 1})
