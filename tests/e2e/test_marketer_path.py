"""A marketer's way through a running Apropos: from the segment to the report, by clicking, and a real mail server."""

import asyncio
import email
import email.policy
import re
from collections import Counter

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import expect

from demo.ports import HOST, free_port
from tests.e2e.conftest import SIZES
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CUSTOMERS = 40  # in Britain, all of whom agreed to e-mail
SEED = f"""
from django.contrib.auth.models import Permission
from tests.factories import *
from users.models import User
items = [ItemFactory(title=f"Tea pot {{n}}", url=f"https://shop.example/items/{{n}}") for n in range(6)]
for number in range({CUSTOMERS} + 5):
    customer = CustomerFactory(
        country="GB" if number < {CUSTOMERS} else "FR",
        first_name="" if number == 1 else f"Name{{number}}",
        language="zh-hans" if number == 2 else "en",
    )
    ConsentFactory(customer=customer)
    if number != 3:
        RecommendationFactory(customer=customer, item_ids=[item.pk for item in items[:4]])
mine = ("view add change delete".split(), "segment offer campaign variant trigger run message recipient coupon".split())
own = [f"{{verb}}_{{model}}" for verb in mine[0] for model in mine[1]]
for name, codes in (
    ("marketer", [*own, "send_campaign", "approve_message", "approve_audience", "approve_offer"]),
    ("lead", ["view_campaign", "view_segment", "view_offer", "approve_whole"]),
):
    user = User.objects.create_user(name, f"{{name}}@example.com", "secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
"""


class SlowInbox:
    """A mail server that takes its time, so that a campaign can be paused while it sends."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.pause = 0.0
        self.controller = Controller(self, hostname=HOST, port=free_port())

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name that aiosmtpd calls
        await asyncio.sleep(self.pause)
        self.mails += [(address, envelope.content) for address in envelope.rcpt_tos]
        return "250 OK"

    def to_customers(self) -> Counter[str]:
        return Counter(address for address, _content in self.mails if address.startswith("customer-"))


@pytest.fixture(scope="module")
def inbox():
    found = SlowInbox()
    found.controller.start()
    yield found
    found.controller.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, inbox):
    directory = tmp_path_factory.mktemp("marketer")
    for reachable in (directory, directory.parent, directory.parent.parent):
        reachable.chmod(0o755)
    settings = {
        "DEMO": "1",  # static files without collecting them
        "CAMPAIGN_APPROVALS": "true",
        "SECOND_APPROVAL_ABOVE": "10",
        "QUIET_HOURS": "",
        "EMAIL_URL": f"smtp://{HOST}:{inbox.controller.port}",
        "SHOP_URL": "https://shop.example/",
    }
    with Stack(directory, **settings) as stack:
        stack.manage("shell", "-c", SEED)
        stack.start_workers()
        yield stack


@pytest.fixture
def sign_in(browser, stack):
    """Pages of members of staff, that fail the test on a script's error or a failed request."""
    contexts, problems = [], []

    def open_page(name):
        context = browser.new_context(viewport=SIZES["desktop"], locale="en-GB")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("response", lambda answer: answer.status >= 500 and problems.append(f"{answer.status} {answer.url}"))
        page.goto(f"{stack.url}/admin/login/")
        page.locator("[name=username]").fill(name)
        page.locator("[name=password]").fill("secret")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/admin/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def fits(page):
    """Neither a desktop nor a phone has to scroll sideways."""
    for size in ("phone", "desktop"):
        page.set_viewport_size(SIZES[size])
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, f"{size}: {page.url}"


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()


def test_from_the_segment_to_the_report(stack, inbox, sign_in):
    page = sign_in("marketer")
    fits(page)

    make_segment(page, stack)
    make_offer(page, stack)
    page.get_by_role("link", name="Compose a campaign with it").click()
    compose(page)
    preview_and_test(page, inbox)
    recipients = approve(page, sign_in("lead"))
    inbox.pause = 1.0
    launch(page, recipients)
    pause_and_resume(page, inbox, recipients)
    read_report(page, recipients)


def make_segment(page, stack):
    page.goto(f"{stack.url}/admin/notifications/segment/add/")
    page.get_by_label("Name", exact=False).first.fill("British customers")
    row = page.locator(".rb-test").first
    row.get_by_label("What is asked").select_option("field:customer.country")
    row.get_by_role("combobox", name="Value").fill("GB")
    page.keyboard.press("Enter")
    page.locator(".rb-foot").get_by_role("button", name="Condition").click()
    never = page.locator(".rb-test").nth(1)
    never.get_by_label("What is asked").select_option("event:purchase")
    never.get_by_label("How often").select_option("never")
    page.get_by_role("heading", name=f"{CUSTOMERS} customers match now").wait_for()
    fits(page)
    save(page)
    page.get_by_role("link", name="Compose a campaign for it").wait_for()


def make_offer(page, stack):
    page.goto(f"{stack.url}/admin/notifications/offer/add/")
    page.get_by_text("A cart of £120.00 pays £108.00.").wait_for()  # the proposal
    page.locator("#id_name").fill("Spend 30, save 5")
    page.locator("#id_type").select_option("spend_save")
    page.locator("#id_value").fill("5")
    page.locator("#id_minimum_spend").fill("3")
    save(page)
    page.get_by_text("The minimum spend must be above what is saved.").wait_for()
    page.locator("#id_minimum_spend").fill("30")
    page.locator(".ap-verdict").get_by_text("£5.00 off when you spend £30.00").wait_for()
    fits(page)
    save(page)


def compose(page):
    page.locator("#id_name").fill("Tea time")
    page.get_by_text("£5.00 off when you spend £30.00; for 14 days from issue.").wait_for()
    page.locator("#id_segment").select_option(label="British customers")
    page.get_by_text(f"{CUSTOMERS} customers match now. Customers whose country is GB").wait_for()

    page.get_by_role("button", name="Choose a template").click()
    gallery = page.get_by_role("dialog")
    expect(gallery.locator(".ap-starter")).to_have_count(6)
    gallery.get_by_role("button", name="Use it: Birthday").click()
    look = page.locator(".ap-look")
    look.get_by_text("Happy birthday, Ada!").wait_for()
    mail = look.frame_locator("iframe")
    mail.get_by_text("£5.00 off when you spend £30.00", exact=True).wait_for()
    fits(page)

    subject = page.locator("#id_variants-0-subject")
    subject.fill("Tea time, {{ customer.frist_name }}")
    look.get_by_text("There is no variable “customer.frist_name”. Did you mean “customer.first_name”?").wait_for()
    save(page)
    page.locator(".field-subject .errorlist").get_by_text("There is no variable").wait_for()
    subject.fill("Tea time for ")
    subject.press("End")
    page.get_by_label("Insert …").select_option(label="First name, or “there”")
    look.get_by_text("Tea time for Ada").wait_for()
    save(page)
    page.wait_for_url(re.compile(r"/campaign/\d+/change/"))
    page.get_by_text("Audience, offer and every variant are in order.").wait_for()
    page.get_by_text(re.compile(r"If every coupon is used, they cost £\d+\.00\.")).wait_for()
    fits(page)


def preview_and_test(page, inbox):
    page.get_by_role("link", name="Preview and test").click()
    for kind, count in (("Random", 3), ("No name", 1), ("Nothing to recommend", 1), ("Other language", 1)):
        expect(page.locator(".ap-chip", has_text=kind)).to_have_count(count)
    page.locator(".ap-chip", has_text="No name").click()
    page.get_by_role("heading", name="Tea time for there").wait_for()
    mail = page.frame_locator("iframe.ap-mail")
    mail.get_by_text("Hello, all of us", exact=False).wait_for()
    mail.get_by_text("SAMPLE-CODE").wait_for()
    fits(page)
    page.get_by_label("address").fill("boss@example.com")
    page.get_by_role("button", name="Send a test").click()
    page.get_by_text("A test is on its way to boss@example.com.").wait_for()
    ((address, content),) = inbox.mails
    test = email.message_from_bytes(content, policy=email.policy.default)
    assert (address, test["Subject"]) == ("boss@example.com", "[Test] Tea time for there")
    assert "SAMPLE-CODE" in test.get_body(("plain",)).get_content()
    page.get_by_role("button", name="Plain text").click()
    page.locator(".ap-plain").get_by_text("SAMPLE-CODE").wait_for()


def approve(page, lead):
    """The three parts by the marketer, the whole by somebody else; returns how many will receive it."""
    page.get_by_role("button", name="Ask for approval").click()
    page.locator(".ap-way-now", has_text="Approve").wait_for()
    for part in ("Message", "Audience", "Offer"):
        page.locator(".ap-checks li", has_text=part).get_by_role("button", name="Approve").click()
        page.get_by_text(f"Approved: {part.lower()}.").or_(page.get_by_text(f"Approved: {part}.")).wait_for()
    whole = page.locator(".ap-checks li", has_text="pending")
    expect(whole).to_have_count(1)
    expect(whole.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name="Review and launch")).to_have_count(0)

    lead.goto(page.url)
    lead.get_by_role("button", name="Approve").click()
    lead.locator(".ap-head").get_by_text("Approved", exact=False).first.wait_for()
    page.reload()
    count = page.locator(".ap-readiness .ap-strong .ap-step-count")
    count.wait_for()
    return int(count.inner_text())


def launch(page, recipients):
    page.get_by_role("link", name="Review and launch").click()
    page.get_by_text(f"You are about to send {recipients} messages.").wait_for()
    fits(page)
    page.locator("[name=confirmed]").fill("7")
    page.get_by_role("button", name="Launch").click()
    page.get_by_text(f"It would be sent to {recipients} customers now.").wait_for()
    page.locator("[name=confirmed]").fill(str(recipients))
    page.get_by_role("button", name="Launch").click()
    page.get_by_text("Launched: it starts within seconds of its time.").wait_for()


def pause_and_resume(page, inbox, recipients):
    pause = page.get_by_role("button", name="Pause")
    while not (inbox.to_customers() and pause.count()):
        page.reload()
    pause.click()
    page.locator(".ap-head").get_by_text("Paused").wait_for()
    fits(page)
    assert 0 < len(inbox.to_customers()) < recipients
    page.get_by_role("button", name="Resume").click()
    inbox.pause = 0
    report = page.get_by_role("link", name="Report").first
    while not page.locator(".ap-head").get_by_text("Completed").count():
        page.wait_for_timeout(500)
        page.reload()
    assert inbox.to_customers() == Counter(dict.fromkeys(inbox.to_customers(), 1)), "somebody got it twice"
    assert len(inbox.to_customers()) == recipients
    report.click()


def read_report(page, recipients):
    page.get_by_role("heading", name="Tea time").wait_for()
    page.get_by_text("Too early to say").wait_for()
    sent = page.locator(".ap-funnel .ap-step").filter(has=page.get_by_text("Sent", exact=True))
    assert sent.locator(".ap-step-count").inner_text().split()[0] == str(recipients)
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    table = download.value.path().read_text()
    assert re.search(rf"\b{recipients}\b", table)
