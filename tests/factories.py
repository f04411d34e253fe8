"""Factories of the models, shared by all tests."""

from datetime import UTC, datetime, timedelta

import factory

from catalog.models import Item
from notifications.choices import OfferType
from notifications.models import Campaign, Coupon, Message, Offer, Recipient, Run, Segment, Variant
from recommendations.models import ModelVersion, Recommendation, TrainingRun
from users.choices import Channel
from users.models import Consent, Customer, Order

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Customer

    external_id = factory.Sequence(lambda n: f"customer-{n}")
    email = factory.LazyAttribute(lambda customer: f"{customer.external_id}@example.com")
    first_name = "Ada"
    language = "en"
    country = "GB"


class ItemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Item

    external_id = factory.Sequence(lambda n: f"item-{n}")
    title = factory.Sequence(lambda n: f"Item {n}")
    price = "9.99"
    currency = "GBP"
    url = factory.LazyAttribute(lambda item: f"https://shop.example/items/{item.external_id}")


class ConsentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Consent

    customer = factory.SubFactory(CustomerFactory)
    channel = Channel.EMAIL
    granted = True
    source = "test"
    recorded_at = NOW - timedelta(days=30)


class OrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Order

    external_id = factory.Sequence(lambda n: f"order-{n}")
    customer = factory.SubFactory(CustomerFactory)
    placed_at = NOW
    total = "50.00"
    currency = "GBP"


class SegmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Segment

    name = factory.Sequence(lambda n: f"Segment {n}")
    rule = factory.LazyFunction(lambda: {"all": []})


class OfferFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Offer

    name = factory.Sequence(lambda n: f"Spend 30 save 5 ({n})")
    type = OfferType.SPEND_SAVE
    value = "5.00"
    minimum_spend = "30.00"
    currency = "GBP"
    valid_days = 14


class CampaignFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Campaign

    name = factory.Sequence(lambda n: f"Campaign {n}")
    segment = factory.SubFactory(SegmentFactory)
    item_count = 2


class VariantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Variant

    campaign = factory.SubFactory(CampaignFactory)
    subject = "Hello {{ customer.first_name }}"
    html = "<p>Hello {{ customer.first_name }}</p>"


class RunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Run

    campaign = factory.SubFactory(CampaignFactory)
    scheduled_at = NOW


class CouponFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Coupon

    code = factory.Sequence(lambda n: f"CODE{n:06}")
    offer = factory.SubFactory(OfferFactory)
    customer = factory.SubFactory(CustomerFactory)
    valid_from = NOW
    valid_until = NOW + timedelta(days=14)
    issued_at = NOW


class RecipientFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Recipient

    run = factory.SubFactory(RunFactory)
    customer = factory.SubFactory(CustomerFactory)
    status = "planned"
    arm = "A"
    propensity = 0.9
    send_at = NOW
    decided_at = NOW


class MessageFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Message

    recipient = factory.SubFactory(RecipientFactory)
    run = factory.SelfAttribute("recipient.run")
    customer = factory.SelfAttribute("recipient.customer")
    channel = Channel.EMAIL
    due_at = NOW


class TrainingRunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TrainingRun

    architecture = "popularity"


class ModelVersionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ModelVersion

    training_run = factory.SubFactory(TrainingRunFactory)
    architecture = "popularity"
    artefact = "models/test"


class RecommendationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Recommendation

    customer = factory.SubFactory(CustomerFactory)
    model_version = factory.SubFactory(ModelVersionFactory)
    item_ids = factory.LazyFunction(list)
    scores = factory.LazyAttribute(lambda row: [1.0] * len(row.item_ids))
    reason_item_ids = factory.LazyAttribute(lambda row: [None] * len(row.item_ids))
    scored_at = NOW
