"""A marketer composes a nested rule without writing a line of it."""

import pytest
from django.urls import reverse

from notifications.models import Segment
from tests.factories import CategoryFactory, ConsentFactory, CustomerFactory, SegmentFactory
from users.models import Profile, User

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop():
    CategoryFactory(external_id="k1", name="Green tea")
    CategoryFactory(external_id="k2", name="Mugs")
    for number in range(4):
        customer = CustomerFactory(country="GB" if number else "FR")
        Profile.objects.create(customer=customer, order_count=number, refreshed_at="2026-01-01T00:00Z")
        if number < 3:
            ConsentFactory(customer=customer)


@pytest.fixture
def admin_page(page, live_server, client, shop):
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page.goto(live_server.url + reverse("admin:notifications_segment_add"))
    return page


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_a_nested_rule_is_composed_by_clicking_and_saved(admin_page):
    page = admin_page
    page.get_by_label("Name", exact=False).first.fill("Tea lovers")
    root = page.locator(".rb-tree > .rb-group")

    first = root.locator("> .rb-children > .rb-test").first
    first.get_by_label("What is asked").select_option("field:profile.order_count")
    first.get_by_label("Value").fill("1")
    page.get_by_role("heading", name="3 customers match now").wait_for()
    page.get_by_text("Customers whose number of orders is at least 1.").wait_for()

    root.locator("> .rb-foot").get_by_role("button", name="Group").click()
    inner = root.locator("> .rb-children > .rb-group")
    viewed = inner.locator(".rb-test").first
    viewed.get_by_label("What is asked").select_option("event:purchase")
    viewed.get_by_label("How often").select_option("never")
    viewed.get_by_label("When").select_option("ever")
    viewed.get_by_role("button", name="Only certain items").click()
    categories = viewed.get_by_role("combobox", name="Categories")
    categories.fill("gre")
    page.get_by_role("option", name="Green tea").click()
    inner.locator(".rb-foot").get_by_role("button", name="Condition").click()
    country = inner.locator(".rb-test").nth(1)
    country.get_by_label("What is asked").select_option("field:customer.country")
    country.get_by_role("combobox", name="Value").fill("FR")
    page.keyboard.press("Enter")
    country.get_by_role("button", name="Turn into its opposite").click()

    sentence = (
        "Customers whose number of orders is at least 1 and (who had no purchase in the category Green tea at any time "
        "or excluding those whose country is FR)."
    )
    page.get_by_text(sentence).wait_for()
    page.locator("#segment-funnel").get_by_text("Will receive").wait_for()
    assert overflow(page) <= 0
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/segment/")
    assert Segment.objects.get(name="Tea lovers").rule == {
        "all": [
            {"field": "profile.order_count", "op": ">=", "value": 1},
            {
                "any": [
                    {"event": "purchase", "never": True, "item": {"category": ["k1"]}},
                    {"not": {"field": "customer.country", "op": "in", "value": ["FR"]}},
                ]
            },
        ]
    }


def test_a_fault_is_shown_at_its_condition_and_a_removed_one_is_gone(admin_page):
    page = admin_page
    row = page.locator(".rb-test").first
    row.get_by_label("days").fill("0")
    row.locator(".rb-problem").get_by_text("must be a whole number of at least 1").wait_for()
    page.locator(".rb-foot").get_by_role("button", name="Condition").click()
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("heading", name="matches now").or_(page.get_by_role("heading", name="match now")).wait_for()
    assert page.locator(".rb-test").count() == 1
    assert page.locator(".rb-problem p").count() == 0


def test_nobody_and_everyone_are_pointed_out_at_the_rule(admin_page):
    page = admin_page
    page.get_by_label("What is asked").select_option("field:profile.order_count")
    page.get_by_label("Value").fill("99")
    page.get_by_text("Nobody matches.").wait_for()
    page.get_by_label("Value").fill("0")
    page.get_by_text("Everyone matches.").wait_for()


def test_the_keyboard_alone_is_enough(admin_page):
    page = admin_page
    page.get_by_label("What is asked").focus()
    page.get_by_label("What is asked").select_option("consent:email")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Condition").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className").split()[-1] == "rb-what", "the new condition has the focus"
    page.get_by_label("What is asked").nth(1).select_option("field:profile.favourite_categories")
    page.get_by_placeholder("Add …").focus()
    page.get_by_role("option", name="Mugs").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text("who agreed to e-mail for marketing and whose favourite categories is Mugs").wait_for()


def test_the_json_stays_open_to_experts_and_saved_rules_come_back(admin_page, live_server):
    page = admin_page
    page.get_by_text("Rule as JSON").click()
    page.locator("#id_rule").fill('{"any": [{"not": {"coupon": "unused"}}, {"prediction": "churn", "top_percent": 5}]}')
    page.get_by_text("or who are among the 5% with the highest chance of leaving").wait_for()
    assert page.locator(".rb-tree .rb-test").count() == 2
    assert page.locator(".rb-tree .rb-test .rb-not").first.get_attribute("aria-pressed") == "true"

    segment = SegmentFactory(
        rule={"all": [{"field": "customer.country", "op": "=", "value": "GB"}, {"orders": "last", "op": "is_set"}]}
    )
    page.goto(live_server.url + reverse("admin:notifications_segment_change", args=[segment.pk]))
    page.locator(".rb-chip", has_text="GB").wait_for()
    page.get_by_text("whose country is GB and whose last order is known").wait_for()
