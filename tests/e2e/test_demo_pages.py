from email.message import EmailMessage

import pytest

from catalog.models import Item
from demo import views
from demo.mailbox import Mailbox

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

HTML = """<html><head><title>t</title></head><body style="margin:0">
<script>document.title = "broken out"; parent.document.title = "broken out"</script>
<p id="hello">We miss you, Zoë</p><a href="{shop}">See it</a></body></html>"""


@pytest.fixture
def mailbox(tmp_path, monkeypatch, live_server):
    monkeypatch.setattr(views, "MAIL_DIR", tmp_path)
    box = Mailbox(tmp_path)
    for number in range(30):
        mail = EmailMessage()
        mail["From"] = "The Gift Shop <offers@example.com>"
        mail["Subject"] = f"A gift for {number}"
        mail["List-Unsubscribe"] = f"<{live_server.url}/u/{number}/>"
        mail.set_content(f"Plain words for {number}")
        mail.add_alternative(HTML.format(shop=f"{live_server.url}/demo/shop/85123A/"), subtype="html")
        box.store(recipient=f"shopper-{number}@example.com", sender="x@example.com", content=bytes(mail))
    return box


def overflow(page):
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_a_reader_finds_a_mail_reads_it_and_follows_its_link(page, live_server, mailbox):
    Item.objects.create(external_id="85123A", title="White Lantern", price=3, currency="GBP")
    page.goto(live_server.url)
    assert overflow(page) <= 0
    page.get_by_role("navigation").get_by_role("link", name="Inbox").click()
    assert page.locator(".mails li").count() == 25
    assert overflow(page) <= 0
    page.get_by_placeholder("Search by address").fill("shopper-7@")
    page.keyboard.press("Enter")
    page.get_by_text("A gift for 7").click()

    mail = page.frame_locator("iframe")
    assert mail.locator("#hello").inner_text() == "We miss you, Zoë"
    assert page.title() == "A gift for 7 · Apropos demo", "the mail's script ran"
    assert overflow(page) <= 0
    page.get_by_text("Phone", exact=True).click()
    assert page.locator("iframe").bounding_box()["width"] <= 410
    page.get_by_text("Headers", exact=True).click()
    assert page.get_by_text(f"<{live_server.url}/u/7/>").is_visible()
    assert not page.locator("iframe").is_visible()
    page.get_by_text("Plain text", exact=True).click()
    assert page.get_by_text("Plain words for 7").is_visible()
    page.get_by_text("Desktop", exact=True).click()
    with page.context.expect_page() as opened:
        mail.get_by_role("link", name="See it").click()
    shop = opened.value
    shop.wait_for_load_state()
    assert shop.get_by_role("heading", name="White Lantern").is_visible()
    assert overflow(shop) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, live_server, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(live_server.url)
    contrast = page.evaluate("""() => {
        const shade = color => { const [r, g, b] = color.match(/[\\d.]+/g).map(v => { v /= 255;
            return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
        const ground = shade(getComputedStyle(document.body).backgroundColor);
        return [...document.querySelectorAll("h1, .lead, .steps p, .eyebrow, footer a")].map(element => {
            const ink = shade(getComputedStyle(element).color);
            return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05) })
    }""")
    assert len(contrast) > 5
    assert min(contrast) >= 4.5
