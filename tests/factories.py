"""Rows for tests, valid by default; a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import factory
from django.utils import timezone

from catalog.models import Category, Item
from notifications.choices import OfferType, TriggerKind
from notifications.models import (
    Campaign,
    Coupon,
    Enrolment,
    Message,
    Offer,
    Recipient,
    Run,
    Segment,
    Trigger,
    Variant,
)
from notifications.offers.codes import generate_code
from recommendations.models import ModelVersion, Prediction, Recommendation, TrainingRun
from users.choices import Channel
from users.models import Consent, Customer, Order

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


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
    bought_before = factory.LazyAttribute(lambda row: [False] * len(row.item_ids))
    scored_at = NOW


class TriggerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Trigger

    campaign = factory.SubFactory(CampaignFactory)
    kind = TriggerKind.RECURRING


class EnrolmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Enrolment

    campaign = factory.SubFactory(CampaignFactory)
    customer = factory.SubFactory(CustomerFactory)
    occurred_at = NOW
    entered_at = NOW
    due_at = NOW


class PredictionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Prediction

    customer = factory.SubFactory(CustomerFactory)
    model_version = factory.SubFactory(ModelVersionFactory)
    click, cart, purchase, churn = 0.6, 0.3, 0.1, 0.2
    expected_value = Decimal("4.20")
    currency = "GBP"
    computed_at = NOW
