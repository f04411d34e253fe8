import pytest

from notifications.models import Offer

TERMS = {"name": "We miss you", "type": "spend_save", "value": "5.00", "minimum_spend": "30.00", "valid_days": 14}


def test_an_offer_is_created_read_and_listed(api):
    created = api.post("/api/v1/offers/", TERMS | {"budget": "1000.00"})
    assert created.status_code == 201
    assert created.json()["description"] == "£5.00 off when you spend £30.00"
    assert created.json()["currency"] == "GBP"
    one = api.get(f"/api/v1/offers/{created.json()['id']}/").json()
    assert one == created.json() == api.get("/api/v1/offers/").json()["results"][0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"value": "0"}, "value"),
        ({"type": "percent", "value": "150"}, "value"),
        ({"type": "lottery"}, "type"),
        ({"minimum_spend": "4.00"}, "minimum_spend"),
        ({"valid_days": None}, "valid_days"),
        ({"valid_from": "2026-03-02T00:00:00Z", "valid_until": "2026-03-01T00:00:00Z"}, "valid_until"),
        ({"currency": "pound"}, "currency"),
        ({"name": ""}, "name"),
    ],
)
def test_faulty_terms_are_named_at_their_field(api, change, field):
    answer = api.post("/api/v1/offers/", TERMS | change)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Offer.objects.exists()


def test_a_taken_name_is_a_field_error(api):
    api.post("/api/v1/offers/", TERMS)
    assert list(api.post("/api/v1/offers/", TERMS).json()) == ["name"]


def test_the_books_of_an_offer_cannot_be_written(api):
    created = api.post("/api/v1/offers/", TERMS | {"committed": "99.00", "reserved": "99.00"}).json()
    assert (created["committed"], created["reserved"]) == ("0.00", "0.00")
