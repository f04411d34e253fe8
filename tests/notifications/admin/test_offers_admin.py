from decimal import Decimal

import pytest
from django.urls import reverse

from notifications.choices import CouponStatus
from notifications.models import Offer
from notifications.offers.cart import Cart
from notifications.offers.redeem import reserve
from tests.factories import CouponFactory, OfferFactory

pytestmark = pytest.mark.django_db
TERMS = {
    "name": "Spring",
    "type": "spend_save",
    "value": "5.00",
    "minimum_spend": "30.00",
    "currency": "GBP",
    "valid_days": "14",
    "uses_per_coupon": "1",
}


def listed(client, model, search=""):
    page = client.get(reverse(f"admin:notifications_{model}_changelist"), {"q": search})
    assert page.status_code == 200
    return list(page.context["cl"].result_list)


def test_an_offer_is_made_and_faulty_terms_are_named_at_their_field(admin_client):
    url = reverse("admin:notifications_offer_add")
    refused = admin_client.post(url, TERMS | {"minimum_spend": "4.00"})
    assert list(refused.context["adminform"].form.errors) == ["minimum_spend"]
    admin_client.post(url, TERMS)
    assert Offer.objects.get().minimum_spend == Decimal(30)


def test_editing_an_offer_leaves_its_books_alone(admin_client):
    offer = OfferFactory(name="Spring", budget=Decimal(100))
    url = reverse("admin:notifications_offer_change", args=[offer.pk])
    form = admin_client.get(url).context["adminform"].form
    coupon = CouponFactory(offer=offer)
    reserve(code=coupon.code, order_id="1", customer_id=coupon.customer.external_id, cart=Cart(Decimal(50), "GBP"))
    assert form.instance.reserved == 0
    admin_client.post(url, TERMS | {"budget": "50.00"})
    offer.refresh_from_db()
    assert (offer.budget, offer.reserved) == (Decimal("50.00"), Decimal("5.00"))
    refused = admin_client.post(url, TERMS | {"budget": "4.00"})
    assert list(refused.context["adminform"].form.errors) == ["budget"]


def test_what_was_promised_in_issued_coupons_stays(admin_client):
    coupon = CouponFactory(offer__name="Spring")
    url = reverse("admin:notifications_offer_change", args=[coupon.offer_id])
    admin_client.post(url, TERMS | {"value": "1.00", "name": "Renamed"})
    coupon.offer.refresh_from_db()
    assert (coupon.offer.name, coupon.offer.value) == ("Renamed", Decimal("5.00"))


def test_the_list_shows_terms_and_budget(admin_client):
    OfferFactory(budget=Decimal(200), committed=Decimal(50), reserved=Decimal(20))
    page = admin_client.get(reverse("admin:notifications_offer_changelist")).content.decode()
    assert "£5.00 off when you spend £30.00" in page
    assert "for 14 days from issue" in page
    assert "£70.00 of £200.00" in page
    assert "width:25.00%" in page


def test_coupons_are_found_by_code_beginning_and_customer(admin_client):
    coupons = CouponFactory.create_batch(3)
    wanted = coupons[1]
    for search in (wanted.code, wanted.code.lower().replace("-", ""), wanted.code[:9], wanted.customer.external_id):
        assert listed(admin_client, "coupon", search) == [wanted]
    assert listed(admin_client, "coupon", "no such thing") == []
    assert len(listed(admin_client, "coupon")) == 3


def test_the_coupon_list_costs_the_same_for_many_rows(admin_client, django_assert_max_num_queries):
    CouponFactory.create_batch(30)
    with django_assert_max_num_queries(14):
        assert len(listed(admin_client, "coupon")) == 30


def test_coupons_and_redemptions_are_facts(admin_client):
    coupon = CouponFactory()
    redemption = reserve(
        code=coupon.code, order_id="A-1", customer_id=coupon.customer.external_id, cart=Cart(Decimal(50), "GBP")
    )
    assert listed(admin_client, "redemption", coupon.code) == [redemption]
    assert listed(admin_client, "redemption", coupon.customer.external_id) == [redemption]
    for model, pk in (("coupon", coupon.pk), ("redemption", redemption.pk)):
        assert admin_client.get(reverse(f"admin:notifications_{model}_change", args=[pk])).status_code == 200
        assert admin_client.get(reverse(f"admin:notifications_{model}_add")).status_code == 403


def test_selected_coupons_are_cancelled_but_not_those_used_up(admin_client):
    fresh, used = CouponFactory(), CouponFactory(status=CouponStatus.REDEEMED, uses=1)
    url = reverse("admin:notifications_coupon_changelist")
    admin_client.post(url, {"action": "cancel", "_selected_action": [fresh.pk, used.pk]})
    fresh.refresh_from_db()
    used.refresh_from_db()
    assert (fresh.status, used.status) == (CouponStatus.CANCELLED, CouponStatus.REDEEMED)
