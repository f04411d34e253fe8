"""A mail as it leaves the house, read by others: a parser, a verifier of signatures, a provider that unsubscribes.

RFC 5322 (form), 2047 (headers), 2369 and 8058 (unsubscribing), 6376 (signature).
"""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.test import Client
from django.utils import timezone

from notifications.content.starter import starter_template
from notifications.delivery.outbox import send_due
from tests.factories import (
    CampaignFactory,
    ConsentFactory,
    CouponFactory,
    CustomerFactory,
    ItemFactory,
    MessageFactory,
    OfferFactory,
    RecipientFactory,
    RunFactory,
    VariantFactory,
)
from users.models import Consent

CLIPPED = 102_000  # bytes of a mail that Gmail shows
MOST_ITEMS = 20
SHOWN = 4  # of them, by the template that every campaign begins with
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TITLES = {
    "en": "A teapot with “roses” & gold, no. ",
    "zh-hans": "玫瑰描金骨瓷茶壶下午茶礼盒套装 ",
    "de": "Große Teekanne für süße Äpfel ",
}


@pytest.fixture(params=TITLES)
def mail(request, transactional_db, smtp, settings):
    """The bytes of a mail with as many items as a campaign may show, signed, as the server got them."""
    settings.BASE_URL = "https://apropos.example"
    settings.DKIM_DOMAIN, settings.DKIM_SELECTOR = "shop.example", "s1"
    settings.DKIM_PRIVATE_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    language = request.param
    run = RunFactory(campaign=CampaignFactory(status="running", item_count=MOST_ITEMS), status="sending")
    VariantFactory(
        campaign=run.campaign,
        subject="Grüße, {{ customer.first_name }}: 满三十减五，只到周日 🎁 and words enough to be folded",
        html=starter_template(language),
    )
    items = [
        ItemFactory(title=TITLES[language] * 3 + str(n), url=f"https://shop.example/{n}") for n in range(MOST_ITEMS)
    ]
    customer = CustomerFactory(first_name="Zoë", language=language)
    ConsentFactory(customer=customer)
    recipient = RecipientFactory(
        run=run,
        customer=customer,
        variant=run.campaign.variants.get(),
        coupon=CouponFactory(customer=customer, offer=OfferFactory(), run=run),
        item_ids=[item.pk for item in items],
        reason_item_ids=[items[-1].pk] * MOST_ITEMS,
    )
    MessageFactory(recipient=recipient, due_at=timezone.now())
    send_due()
    [(_address, data)] = smtp.accepted
    return data


def published(name, timeout=5):
    assert name == b"s1._domainkey.shop.example."
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])


def test_it_is_a_mail_that_anybody_can_read(mail, client):
    parsed = message_from_bytes(mail, policy=policy.default)
    assert [part.defects for part in parsed.walk()] == [[]] * 3
    assert {header.defects for header in parsed.values()} == {()}
    assert max(len(line) for line in mail.split(b"\r\n")) <= 998
    assert b"\n" not in mail.replace(b"\r\n", b"")
    assert mail.isascii()
    raw = message_from_bytes(mail)["Subject"]
    assert str(make_header(decode_header(raw))) == "Grüße, Zoë: 满三十减五，只到周日 🎁 and words enough to be folded"
    assert all(len(word) <= 75 for word in raw.split())
    for name in ("From", "To", "Date", "Message-ID", "Subject"):
        assert len(parsed.get_all(name)) == 1
    assert abs((parsedate_to_datetime(parsed["Date"]) - timezone.now()).total_seconds()) < 3600
    assert re.fullmatch(r"<[^<>@\s]+@shop\.example>", parsed["Message-ID"])


def test_it_is_not_clipped_and_its_text_says_what_its_html_says(mail):
    assert len(mail) < CLIPPED
    parsed = message_from_bytes(mail, policy=policy.default)
    html, text = (parsed.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert not re.search(r"</?[a-z]+[ >]|&[a-z]+;|\{[{%]|style=", text)
    assert "\n\n\n" not in text.replace("\r\n", "\n")
    links = set(re.findall(r'href="([^"]+)"', html))
    assert len(links) >= SHOWN + 2  # the shop, and the way out
    for link in links:
        assert link.replace("&amp;", "&") in text
    code = re.search(r"[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2,}", html)
    assert code
    assert code[0] in text


def test_an_independent_verifier_accepts_the_signature_and_it_covers_both_headers(mail):
    assert dkim.verify(mail, dnsfunc=published)
    for name in (b"List-Unsubscribe: ", b"List-Unsubscribe-Post: ", b"From: ", b"Subject: "):
        assert not dkim.verify(mail.replace(b"\r\n" + name, b"\r\n" + name + b"x", 1), dnsfunc=published)


def test_a_provider_unsubscribes_by_one_click(mail):
    parsed = message_from_bytes(mail, policy=policy.default)
    [link] = re.fullmatch(r"<([^<>\s]+)>", parsed["List-Unsubscribe"]).groups()
    parts = urlsplit(link)
    assert parts.scheme == "https"
    name, _, value = parsed["List-Unsubscribe-Post"].partition("=")
    assert (name, value) == ("List-Unsubscribe", "One-Click")
    provider = Client(enforce_csrf_checks=True)
    assert provider.post(parts.path, {name: value}).status_code == 200
    assert list(Consent.objects.order_by("recorded_at", "pk").values_list("granted", flat=True)) == [True, False]
