"""Every type of offer by API: from its terms to a redeemed coupon and a return."""

import pytest
from django.utils import timezone

from notifications.models import Offer
from notifications.offers.issue import issue_coupon
from tests.factories import CustomerFactory, ItemFactory

BASKET = [
    {"item_id": "mug", "quantity": 2, "price": "10.00"},
    {"item_id": "pen", "quantity": 1, "price": "5.00"},
    {"item_id": "bag", "quantity": 3, "price": "20.00"},
]  # 85.00

# Terms, what they take off the basket with its shipping of 4.90, and what else they give.
EVERY_OFFER = {
    "percent": ({"type": "percent", "value": "10", "maximum_discount": "8.00"}, "8.00", {}),
    "fixed amount": ({"type": "fixed_amount", "value": "10.00"}, "10.00", {}),
    "spend and save, with steps": (
        {
            "type": "spend_save",
            "value": "5.00",
            "minimum_spend": "30.00",
            "steps": [{"spend": "60.00", "save": "12.00"}, {"spend": "100.00", "save": "25.00"}],
        },
        "12.00",
        {},
    ),
    "limited price": ({"type": "limited_price", "item_prices": {"bag": "15.00"}}, "15.00", {}),
    "buy two, get one": (
        {"type": "buy_x_get_y", "value": "100", "buy_quantity": 2, "get_quantity": 1, "reward_items": ["pen"]},
        "5.00",
        {},
    ),
    "free shipping": ({"type": "free_shipping"}, "4.90", {"shipping_discount": "4.90"}),
    "gift": (
        {"type": "gift", "value": "8.00", "reward_items": ["cap"]},
        "0.00",
        {"gifts": [{"item_id": "cap", "quantity": 1}]},
    ),
    "points": ({"type": "points", "value": "200"}, "0.00", {"points": 200}),
    "a scope": ({"type": "percent", "value": "10", "scope": {"include": {"items": ["mug"]}}}, "2.00", {}),
}


@pytest.mark.parametrize(("terms", "discount", "more"), EVERY_OFFER.values(), ids=EVERY_OFFER)
def test_an_offer_goes_from_its_terms_to_a_return(api, terms, discount, more):
    for item in ("mug", "pen", "bag", "cap"):
        ItemFactory(external_id=item)
    made = api.post("/api/v1/offers/", {"name": "Yours", "valid_days": 14, **terms})
    assert made.status_code == 201, made.json()
    assert made.json()["description"]
    customer = CustomerFactory()
    offer = Offer.objects.get(pk=made.json()["id"])
    code = issue_coupon(offer=offer, customer_id=customer.pk, issued_at=timezone.now()).code
    order = {"order_id": "A-1", "customer_id": customer.external_id}
    cart = order | {"currency": "GBP", "lines": BASKET, "shipping": "4.90"}

    def step(name, body, key):
        answer = api.post(f"/api/v1/coupons/{code}/{name}/", body, headers={"Idempotency-Key": key} if key else {})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    quote = step("validate", cart, None)
    given = {"shipping_discount": "0.00", "points": 0, "gifts": []} | more
    assert {"discount": quote["discount"], **{name: quote[name] for name in given}} == {"discount": discount, **given}
    assert step("reserve", cart, "1")["discount"] == discount
    assert step("commit", order, "2")["state"] == "committed"
    assert api.get(f"/api/v1/offers/{offer.pk}/").json()["redeemed"] == 1
    step("return", order | {"lines": [{name: line[name] for name in ("item_id", "quantity")} for line in BASKET]}, "3")
    books = api.get(f"/api/v1/offers/{offer.pk}/").json()
    assert (books["reserved"], books["redeemed"]) == ("0.00", 0)
