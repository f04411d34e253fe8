from decimal import Decimal

import pytest

from notifications.choices import CouponStatus, RedemptionState
from notifications.models import Coupon, Redemption
from tests.factories import CouponFactory
from users.api_keys import create_api_key
from users.choices import ApiScope


@pytest.fixture
def coupon(db) -> Coupon:
    return CouponFactory()


def body(coupon, **changes):
    order = {"order_id": "A-1", "customer_id": coupon.customer.external_id, "currency": "GBP", "total": "40.00"}
    return order | changes


def post(api, coupon, step, data=None, key="key"):
    headers = {"Idempotency-Key": f"{key}-{step}"} if key else {}
    return api.post(f"/api/v1/coupons/{coupon.code}/{step}/", data or body(coupon), headers=headers)


def test_a_checkout_validates_reserves_and_commits(api, coupon):
    quote = post(api, coupon, "validate", key=None)
    assert quote.status_code == 200
    assert quote.json() | {"valid_until": ""} == {
        "code": coupon.code,
        "discount": "5.00",
        "shipping_discount": "0.00",
        "points": 0,
        "gifts": [],
        "line_discounts": [],
        "together": [{"code": coupon.code, "discount": "5.00"}],
        "currency": "GBP",
        "description": "£5.00 off when you spend £30.00",
        "valid_until": "",
    }
    reserved = post(api, coupon, "reserve")
    assert (reserved.status_code, reserved.json()["state"], reserved.json()["discount"]) == (200, "reserved", "5.00")
    committed = post(api, coupon, "commit")
    assert (committed.status_code, committed.json()["state"], committed.json()["order_id"]) == (200, "committed", "A-1")
    coupon.refresh_from_db()
    assert coupon.status == CouponStatus.REDEEMED


def test_an_abandoned_checkout_releases(api, coupon):
    post(api, coupon, "reserve")
    assert post(api, coupon, "release").json()["state"] == RedemptionState.RELEASED
    coupon.refresh_from_db()
    assert coupon.uses == 0


def test_lines_are_summed_where_no_total_is_sent(api, coupon):
    order = body(coupon, lines=[{"item_id": "x", "quantity": 4, "price": "10.50"}])
    del order["total"]
    assert post(api, coupon, "reserve", order).json()["order_total"] == "42.00"


@pytest.mark.parametrize(
    ("change", "status", "refusal"),
    [
        ({"total": "29.99"}, 422, "minimum_spend"),
        ({"customer_id": "nobody"}, 422, "not_yours"),
        ({"currency": "EUR"}, 422, "currency"),
    ],
)
def test_refusals_are_typed(api, coupon, change, status, refusal):
    answer = post(api, coupon, "reserve", body(coupon, **change))
    assert (answer.status_code, answer.json()["refusal"]) == (status, refusal)
    assert answer.json()["message"].endswith(".")


def test_a_used_coupon_and_a_missing_reservation_are_conflicts(api, coupon):
    missing = post(api, coupon, "commit")
    assert (missing.status_code, missing.json()["refusal"]) == (409, "not_reserved")
    post(api, coupon, "reserve")
    used = post(api, coupon, "reserve", body(coupon, order_id="A-2"), key="another")
    assert (used.status_code, used.json()["refusal"]) == (409, "limit_reached")


def test_an_unknown_code_is_refused_like_any_other(api, coupon):
    answer = api.post("/api/v1/coupons/NONSENSE/validate/", body(coupon))
    assert (answer.status_code, answer.json()["refusal"]) == (422, "not_found")


@pytest.mark.parametrize("step", ["reserve", "commit", "release"])
def test_changing_steps_need_an_idempotency_key(api, coupon, step):
    answer = post(api, coupon, step, key=None)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()
    assert not Redemption.objects.exists()


def test_a_retry_with_the_same_key_gets_the_same_answer(api, coupon):
    first = post(api, coupon, "reserve")
    again = post(api, coupon, "reserve")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert Redemption.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(api, coupon):
    post(api, coupon, "reserve")
    answer = post(api, coupon, "reserve", body(coupon, total="99.00"))
    assert answer.status_code == 422
    assert "new key" in answer.json()["detail"]
    assert Redemption.objects.get().order_total == Decimal("40.00")


def test_a_refusal_is_kept_under_its_key_too(api, coupon):
    Coupon.objects.update(status=CouponStatus.CANCELLED)
    assert post(api, coupon, "reserve").status_code == 422
    Coupon.objects.update(status=CouponStatus.ISSUED)
    assert post(api, coupon, "reserve").json()["refusal"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_id": ""}, "order_id"),
        ({"total": "-1.00"}, "total"),
        ({"total": None}, "total"),
        ({"total": "0.001"}, "total"),
        ({"currency": "pounds"}, "currency"),
        ({"lines": [{"item_id": "x", "quantity": 0, "price": "1.00"}]}, "lines"),
        ({"order_id": "a\x00b"}, "order_id"),
    ],
)
def test_a_bad_order_is_named_at_its_field_and_burns_no_key(api, coupon, change, field):
    answer = post(api, coupon, "reserve", body(coupon, **change))
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert post(api, coupon, "reserve").status_code == 200


def test_a_sum_of_lines_beyond_all_money_is_refused(api, coupon):
    order = body(coupon, lines=[{"item_id": "x", "quantity": 1_000_000, "price": "9999999999.99"}])
    del order["total"]
    assert list(post(api, coupon, "reserve", order).json()) == ["lines"]


def test_lists_and_details_do_not_query_per_row(api, django_assert_max_num_queries):
    coupons = CouponFactory.create_batch(5)
    with django_assert_max_num_queries(4):
        page = api.get("/api/v1/coupons/").json()
    assert [row["code"] for row in page["results"]] == [coupon.code for coupon in coupons]
    mine = api.get("/api/v1/coupons/", {"customer_id": coupons[2].customer.external_id}).json()["results"]
    assert [row["code"] for row in mine] == [coupons[2].code]
    assert api.get("/api/v1/coupons/", {"offer_id": "x"}).status_code == 400
    post(api, coupons[0], "reserve", body(coupons[0]))
    detail = api.get(f"/api/v1/coupons/{coupons[0].code.lower()}/").json()
    assert [redemption["order_id"] for redemption in detail["redemptions"]] == ["A-1"]
    assert api.get("/api/v1/coupons/nothing/").status_code == 404


@pytest.mark.django_db
def test_a_write_key_from_a_browser_cannot_touch_coupons(api, coupon):
    _row, key = create_api_key(name="browser", scope=ApiScope.WRITE)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert post(api, coupon, "reserve").status_code == 403
    assert api.get("/api/v1/coupons/").status_code == 403
    api.credentials()
    assert post(api, coupon, "reserve").status_code == 401
