"""A small random shop, as plain Python values and as rows, and a reader of rules that knows nothing of SQL."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from catalog.models import Category, Item
from notifications.models import Campaign, Coupon, Message, Offer, Recipient, Redemption, Run, Segment
from recommendations.models import Prediction
from tests.factories import CampaignFactory, ModelVersionFactory
from users.choices import EventType
from users.ingestion.partitions import make_partitions, month_of
from users.models import Consent, Customer, Event, Order, Profile

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
PARENTS = {"drinks": None, "tea": "drinks", "green-tea": "tea", "mugs": None}
BRANDS = ["Ash", "Oak", ""]
COUNTRIES = ["GB", "FR", ""]
STAGES = ["", "new", "active", "loyal", "at_risk", "lapsed"]
KINDS = ["view", "purchase", "add_to_cart"]
CAMPAIGNS = ["Spring letter", "Summer letter"]
OFFERS = ["Ten off", "Gift"]
ATTRIBUTES = ["gold", "silver", "", 3, 3.5, 0, True, None, ["gold"]]


@dataclass
class Shopper:
    """One customer with everything that a rule can ask about."""

    id: int = 0
    external_id: str = ""
    country: str = ""
    birth_date: date | None = None
    has_phone: bool = False
    attributes: dict = field(default_factory=dict)
    is_gone: bool = False
    profile: dict | None = None
    prediction: dict | None = None
    events: list[tuple[str, datetime, str | None]] = field(default_factory=list)
    orders: list[tuple[datetime, str, Decimal, Decimal, str]] = field(default_factory=list)
    messages: list[tuple[str, str, datetime, bool]] = field(default_factory=list)
    consents: list[tuple[str, str, datetime, bool]] = field(default_factory=list)
    coupons: list[tuple[str, bool, bool]] = field(default_factory=list)


@dataclass
class SmallShop:
    """`items` are (category, brand, price, currency) by the shop's id; `segments` are rules by name."""

    shoppers: list[Shopper]
    items: dict[str, tuple[str | None, str, Decimal | None, str]]
    segments: dict[str, dict]


def make_shop(seed: int, size: int) -> SmallShop:
    """Draw a shop and store it."""
    draw = random.Random(seed)
    make_partitions({month_of(NOW - timedelta(days=days)) for days in range(0, 401, 20)})
    shop = SmallShop([_shopper(draw, n) for n in range(size)], _items(draw), {})
    _store_catalogue(shop)
    _store_customers(shop)
    _store_events(shop, draw)
    _store_messages(shop)
    _store_coupons(shop)
    return shop


def _items(draw: random.Random) -> dict:
    return {
        f"item-{n}": (
            draw.choice([*PARENTS, None]),
            draw.choice(BRANDS),
            draw.choice([None, Decimal(5), Decimal("19.99"), Decimal(50)]),
            draw.choice(["GBP", "GBP", "EUR"]),
        )
        for n in range(8)
    }


def _moment(draw: random.Random) -> datetime:
    """Often at the very edge of a window."""
    days = draw.choice([0, 1, 7, 30, 90, draw.randrange(400)])
    return NOW - timedelta(days=days, seconds=draw.choice([-1, 0, 1]) if days else 1)


def _shopper(draw: random.Random, number: int) -> Shopper:
    some = lambda values, most: [draw.choice(values) for _ in range(draw.randrange(most))]  # noqa: E731
    return Shopper(
        external_id=f"c{number}",
        country=draw.choice(COUNTRIES),
        birth_date=draw.choice([None, date(1980, 5, 1), date(2000, 1, 1)]),
        has_phone=draw.random() < 0.5,
        attributes={name: draw.choice(ATTRIBUTES) for name in ("tier", "size") if draw.random() < 0.7},
        is_gone=draw.random() < 0.1,
        profile=_profile(draw) if draw.random() < 0.8 else None,
        prediction=_prediction(draw) if draw.random() < 0.8 else None,
        events=[
            (draw.choice(KINDS), _moment(draw), draw.choice([None, *(f"item-{n}" for n in range(8))]))
            for _ in range(draw.randrange(6))
        ],
        orders=[
            (
                _moment(draw),
                draw.choice(["placed", "placed", "cancelled", "refunded"]),
                Decimal(draw.choice([10, 20, 30])),
                Decimal(draw.choice([0, 0, 10])),
                draw.choice(["GBP", "GBP", "EUR"]),
            )
            for _ in range(draw.randrange(4))
        ],
        messages=[
            (campaign, draw.choice(["sent", "sent", "failed", "planned"]), _moment(draw), draw.random() < 0.4)
            for campaign in some(CAMPAIGNS, 4)
        ],
        consents=[
            (draw.choice(["email", "webpush"]), draw.choice(["marketing", "profiling"]), moment, draw.random() < 0.6)
            for moment in sorted({_moment(draw) for _ in range(draw.randrange(4))})
        ],
        coupons=[(offer, draw.random() < 0.5, draw.random() < 0.5) for offer in some(OFFERS, 3)],
    )


def _profile(draw: random.Random) -> dict:
    hours = [draw.choice([0, 0, 1, 5]) for _ in range(24)] if draw.random() < 0.7 else []
    moment = lambda: draw.choice([None, _moment(draw)])  # noqa: E731
    return {
        "event_count": sum(hours),
        "active_hours": hours,
        "order_count": draw.randrange(4),
        "last_order_at": moment(),
        "revenue": Decimal(draw.choice([0, 10, 20])),
        "recency_quintile": draw.choice([None, 1, 3, 5]),
        "discount_affinity": draw.choice([None, 0.0, 0.25, 1.0]),
        "lifecycle": draw.choice(STAGES),
        "favourite_categories": draw.sample([*PARENTS], draw.randrange(3)),
    }


def _prediction(draw: random.Random) -> dict:
    return {
        "purchase": draw.choice([None, 0.0, 0.25, 0.5, draw.random()]),
        "churn": draw.choice([0.25, 1.0]),
        "expected_value": draw.choice([None, Decimal(0), Decimal(10), Decimal("20.50")]),
    }


def _store_catalogue(shop: SmallShop) -> None:
    for name, parent in PARENTS.items():
        Category.objects.create(
            external_id=name, name=name, parent=Category.objects.get(external_id=parent) if parent else None
        )
    for external_id, (category, brand, price, currency) in shop.items.items():
        Item.objects.create(
            external_id=external_id,
            title=external_id,
            brand=brand,
            price=price,
            currency=currency,
            category=Category.objects.get(external_id=category) if category else None,
        )


def _store_customers(shop: SmallShop) -> None:
    model = ModelVersionFactory()
    for shopper in shop.shoppers:
        row = Customer.objects.create(
            external_id=shopper.external_id,
            country=shopper.country,
            birth_date=shopper.birth_date,
            phone="123" if shopper.has_phone else "",
            attributes=shopper.attributes,
            erased_at=NOW if shopper.is_gone else None,
        )
        shopper.id = row.pk
        if shopper.profile is not None:
            Profile.objects.create(customer=row, refreshed_at=NOW, **shopper.profile)
        if shopper.prediction is not None:
            Prediction.objects.create(
                customer=row, currency="GBP", model_version=model, computed_at=NOW, **shopper.prediction
            )
        for channel, purpose, recorded_at, granted in shopper.consents:
            row.consents.create(
                channel=channel, purpose=purpose, granted=granted, source="test", recorded_at=recorded_at
            )
    assert Consent.objects.exists()


def _store_events(shop: SmallShop, draw: random.Random) -> None:
    items = dict(Item.objects.values_list("external_id", "pk"))
    for shopper in shop.shoppers:
        for kind, moment, item in shopper.events:
            Event.objects.create(
                message_id=UUID(int=draw.getrandbits(128)),
                customer_id=shopper.id,
                item_id=items.get(item),
                type=EventType.from_code(kind),
                occurred_at=moment,
                received_at=NOW,
            )
        for number, (placed_at, status, total, refunded, currency) in enumerate(shopper.orders):
            Order.objects.create(
                external_id=f"{shopper.external_id}-{number}",
                customer_id=shopper.id,
                placed_at=placed_at,
                status=status,
                total=total,
                refunded=refunded,
                currency=currency,
            )


def _store_messages(shop: SmallShop) -> None:
    for name in CAMPAIGNS:
        CampaignFactory(name=name, segment__name=f"Everybody of {name}")
    for shopper in shop.shoppers:
        for number, (name, state, sent_at, clicked) in enumerate(shopper.messages):
            run = Run.objects.get_or_create(
                campaign=Campaign.objects.get(name=name), scheduled_at=NOW - timedelta(minutes=number)
            )[0]
            recipient = Recipient.objects.create(
                run=run, customer_id=shopper.id, status="planned", arm="A", propensity=1, decided_at=NOW
            )
            Message.objects.create(
                recipient=recipient,
                run=run,
                customer_id=shopper.id,
                channel="email",
                state=state,
                due_at=sent_at,
                sent_at=sent_at if state == "sent" else None,
                first_clicked_at=NOW if clicked and state == "sent" else None,
            )


def _store_coupons(shop: SmallShop) -> None:
    for name in OFFERS:
        Offer.objects.create(name=name, type="fixed_amount", value=5, currency="GBP")
    for shopper in shop.shoppers:
        for number, (offer, is_valid, is_redeemed) in enumerate(shopper.coupons):
            coupon = Coupon.objects.create(
                code=f"{shopper.external_id}-{number}",
                offer=Offer.objects.get(name=offer),
                customer_id=shopper.id,
                issued_at=NOW,
                valid_from=NOW - timedelta(days=9),
                valid_until=NOW + timedelta(days=1 if is_valid else -1),
                uses=is_redeemed,
            )
            if is_redeemed:
                Redemption.objects.create(
                    coupon=coupon,
                    order_external_id="1",
                    state="committed",
                    amount=5,
                    order_total=9,
                    currency="GBP",
                    reserved_at=NOW,
                    expires_at=NOW,
                )


def keep_segments(shop: SmallShop, rules: dict[str, dict]) -> None:
    """Save rules under their names, for rules that refer to them."""
    shop.segments.update(rules)
    for name, rule in rules.items():
        Segment.objects.update_or_create(name=name, defaults={"rule": rule})
