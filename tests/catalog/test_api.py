import pytest
from rest_framework.test import APIClient

from users.api_keys import create_api_key
from users.choices import ApiScope


@pytest.mark.django_db
def test_items_come_in_and_read_back():
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='shop', scope=ApiScope.SERVER)[1]}")
    mug = {"external_id": "i 1/a", "title": "Mug", "price": 4.5, "currency": "GBP", "category": "kitchen"}
    assert client.post("/api/v1/items/", [mug, {"external_id": "i2"}]).json()["refused"][0]["reason"] == "missing_title"
    body = client.get("/api/v1/items/i 1/a/").json()
    assert (body["title"], body["price"], body["category"]) == ("Mug", "4.50", "kitchen")
    assert [row["external_id"] for row in client.get("/api/v1/items/").json()["results"]] == ["i 1/a"]


def test_the_schema_describes_every_endpoint_and_the_docs_page_needs_no_cdn(client):
    schema = client.get("/api/schema/", HTTP_ACCEPT="application/json").content.decode()
    for path in ("/api/v1/items/", "/api/v1/events/", "/api/v1/orders/", "/api/v1/customers/"):
        assert path in schema
    page = client.get("/api/docs/").content.decode()
    assert "cdn" not in page
    assert "drf_spectacular_sidecar" in page
