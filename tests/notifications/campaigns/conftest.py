import pytest

from tests.factories import (
    CampaignFactory,
    ConsentFactory,
    CustomerFactory,
    ItemFactory,
    OfferFactory,
    RecommendationFactory,
    SegmentFactory,
    VariantFactory,
)

RULE = {"field": "customer.country", "op": "=", "value": "GB"}


@pytest.fixture
def items(db):
    return ItemFactory.create_batch(4)


@pytest.fixture
def make_customer(items):
    """A customer of the segment who can be reached and has recommendations."""

    def make(*, consent=True, recommended=True, **fields):
        customer = CustomerFactory(**({"country": "GB"} | fields))
        if consent is not None:
            ConsentFactory(customer=customer, granted=consent)
        if recommended:
            RecommendationFactory(
                customer=customer,
                item_ids=[item.pk for item in items],
                reason_item_ids=[items[3].pk, None, None, None],
            )
        return customer

    return make


@pytest.fixture
def campaign(db):
    """A campaign that is ready to be launched once its segment has somebody in it."""
    campaign = CampaignFactory(segment=SegmentFactory(rule=RULE), offer=OfferFactory(), hold_out_percent=20)
    VariantFactory(campaign=campaign)
    return campaign
