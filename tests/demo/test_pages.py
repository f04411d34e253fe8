from decimal import Decimal
from email.message import EmailMessage

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from catalog.models import Item
from demo import views
from demo.accounts import ensure_staff_user
from demo.mailbox import Mailbox
from users.ingestion import OrderInput, OrderLine, ingest_orders

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "MAIL_DIR", tmp_path)
    return Mailbox(tmp_path)


def put(mailbox, number, html="<html><head><title>x</title></head><body><script>alert(1)</script>Hi</body></html>"):
    mail = EmailMessage()
    mail["From"] = "The Gift Shop <offers@example.com>"
    mail["Subject"] = f"We miss you {number} <b>"
    mail["List-Unsubscribe"] = f"<http://testserver/u/{number}/>"
    mail.set_content(f"Plain {number}")
    mail.add_alternative(html, subtype="html")
    return mailbox.store(recipient=f"shopper-{number}@example.com", sender="x@example.com", content=bytes(mail)).name


def test_the_first_page_shows_the_steps_and_the_ways_on(client):
    page = client.get("/").content.decode()
    for text in ("The loop is running", "Import", "Prove", reverse("demo:inbox"), reverse("api-docs"), "admin"):
        assert text in page


def test_the_inbox_pages_searches_and_escapes(client, mailbox):
    for number in range(30):
        put(mailbox, number)
    first = client.get("/demo/inbox/").content.decode()
    assert "shopper-29@example.com" in first
    assert "shopper-0@example.com" not in first
    assert "We miss you 29 &lt;b&gt;" in first
    assert "shopper-0@example.com" in client.get("/demo/inbox/?page=2").content.decode()
    found = client.get("/demo/inbox/?q=SHOPPER-3@").content.decode()
    assert found.count('class="subject"') == 1


def test_an_empty_inbox_says_when_mail_will_come(client, mailbox):
    assert "No mail yet" in client.get("/demo/inbox/").content.decode()


def test_a_mail_shows_its_headers_and_keeps_its_html_in_a_sandbox(client, mailbox):
    name = put(mailbox, 7)
    page = client.get(f"/demo/inbox/{name}/").content.decode()
    assert "List-Unsubscribe" in page
    assert "&lt;http://testserver/u/7/&gt;" in page
    assert "<script>" not in page
    body = client.get(f"/demo/inbox/{name}/body/")
    assert "default-src 'none'" in body["Content-Security-Policy"]
    assert "allow-scripts" not in body["Content-Security-Policy"]
    assert body["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in body.content.decode()


@pytest.mark.parametrize("name", ["nothing.eml", "..", "%2e%2e%2fenv", "state.json"])
def test_a_name_outside_the_mailbox_is_not_found(client, mailbox, name):
    assert client.get(f"/demo/inbox/{name}/").status_code == 404


def test_the_product_page_shows_what_the_mail_promised(client):
    Item.objects.create(external_id="85123A", title="White Lantern <i>", price=Decimal("2.55"), currency="GBP")
    page = client.get("/demo/shop/85123A/").content.decode()
    assert "White Lantern &lt;i&gt;" in page
    assert "£2.55" in page
    assert client.get("/demo/shop/nothing/").status_code == 404


def test_the_storefront_ranks_by_recent_buyers(client, django_assert_max_num_queries):
    from django.utils import timezone

    lines = {"a": ("rare",), "b": ("loved", "rare"), "c": ("loved",), "d": ("loved",)}
    ingest_orders(
        orders=[
            OrderInput(
                order_id=name,
                customer_id=f"customer-{name}",
                placed_at=timezone.now(),
                currency="GBP",
                lines=tuple(OrderLine(item_id=item, quantity=1, price=Decimal(3)) for item in items),
            )
            for name, items in lines.items()
        ],
        source="test",
    )
    with django_assert_max_num_queries(2):
        page = client.get("/demo/shop/").content.decode()
    assert page.index("/demo/shop/loved/") < page.index("/demo/shop/rare/")


def test_one_click_logs_in_from_this_machine_only(client, monkeypatch):
    monkeypatch.setenv("DEMO_PASSWORD", "only for this test")
    ensure_staff_user()
    ensure_staff_user()
    assert get_user_model().objects.get(username="admin").check_password("only for this test")
    assert client.post("/demo/login/", REMOTE_ADDR="192.0.2.1").status_code == 404
    assert client.get("/demo/login/").status_code == 405
    answer = client.post("/demo/login/", {"next": "https://elsewhere.test/"})
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))
    assert client.session["_auth_user_id"] == str(get_user_model().objects.get(username="admin").pk)
