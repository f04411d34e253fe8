"""Machines open and click before people do; they count apart, and nothing follows from them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.listening.opens import PIXEL
from notifications.listening.tokens import TokenMaker
from notifications.models import Click, Link, Message
from tests.factories import ItemFactory
from users.choices import EventType
from users.models import Consent, Event

PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture
def sent(message):
    Message.objects.update(sent_at=timezone.now() - timedelta(hours=1))
    message.refresh_from_db()
    return message


def click_url(message, link):
    return f"/t/c/{TokenMaker().click(message_id=message.pk, link_id=link.pk)}"


def open_url(message):
    return f"/t/o/{TokenMaker().open(message_id=message.pk)}.gif"


def links(message, count):
    return [
        Link.objects.create(run=message.run, url=f"https://shop.example/{n}", item_id=ItemFactory().pk)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("method", "agent", "sign"),
    [
        ("head", PERSON, "head"),
        ("get", "", "agent"),
        ("get", "Mozilla/5.0 (compatible; Barracuda Sentinel)", "agent"),
        ("get", "python-requests/2.32", "agent"),
        ("get", "Mozilla/5.0 (Windows NT 10.0) Microsoft Office Existence Discovery", "agent"),
        ("get", PERSON, ""),
    ],
)
def test_a_scanners_click_leads_on_and_changes_nothing(client, sent, method, agent, sign):
    [link] = links(sent, 1)
    answer = getattr(client, method)(click_url(sent, link), headers={"user-agent": agent})
    assert answer.status_code == 302
    assert Click.objects.get().machine == sign
    sent.refresh_from_db()
    assert (sent.first_clicked_at is None) == bool(sign)
    assert Event.objects.count() == (0 if sign else 1)


def test_a_click_in_the_moment_of_sending_is_a_gateways(client, sent):
    Message.objects.update(sent_at=timezone.now())
    client.get(click_url(sent, links(sent, 1)[0]), headers={"user-agent": PERSON})
    assert Click.objects.get().machine == "early"


def test_whoever_follows_every_link_at_once_is_a_machine_after_all(client, sent):
    for link in links(sent, 4):
        client.get(click_url(sent, link), headers={"user-agent": PERSON})
    assert set(Click.objects.values_list("machine", flat=True)) == {"burst"}
    sent.refresh_from_db()
    assert sent.first_clicked_at is None
    assert Event.objects.count() == 0


def test_the_click_of_a_person_before_the_burst_stays(client, sent):
    first, *others = links(sent, 5)
    client.get(click_url(sent, first), headers={"user-agent": PERSON})
    earlier = timezone.now() - timedelta(minutes=5)
    Click.objects.update(clicked_at=earlier)
    for link in [first, *others]:
        client.get(click_url(sent, link), headers={"user-agent": PERSON})
    sent.refresh_from_db()
    assert sent.first_clicked_at == earlier
    assert Event.objects.get().item_id == first.item_id
    assert Click.objects.filter(machine="").count() == 1


def test_two_links_one_after_the_other_are_a_persons(client, sent):
    for link in links(sent, 2):
        client.get(click_url(sent, link), headers={"user-agent": PERSON})
    assert Event.objects.filter(type=EventType.CLICK).count() == 2


@pytest.mark.parametrize(
    ("agent", "machine"),
    [
        (PERSON, False),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", False),
        ("Mozilla/5.0", True),
        ("", True),
        ("Mimecast URL Scanner", True),
    ],
)
def test_opens_by_people_and_by_machines_are_kept_apart(client, sent, agent, machine):
    for _ in range(2):
        answer = client.get(open_url(sent), headers={"user-agent": agent})
        assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, PIXEL, "image/gif")
    assert "no-store" in answer["Cache-Control"]
    sent.refresh_from_db()
    assert (sent.first_opened_at is None, sent.machine_opened_at is None) == (machine, not machine)
    assert Event.objects.filter(type=EventType.OPEN).count() == (0 if machine else 1)


def test_a_machines_open_does_not_hide_a_persons_later(client, sent):
    client.get(open_url(sent), headers={"user-agent": "Mozilla/5.0"})
    client.get(open_url(sent), headers={"user-agent": PERSON})
    sent.refresh_from_db()
    assert sent.machine_opened_at < sent.first_opened_at


def test_a_foreign_token_gets_the_picture_and_counts_nothing(client, sent):
    foreign = TokenMaker().click(message_id=sent.pk, link_id=1)
    for token in ("nonsense", foreign, f"{sent.pk}-0.forged"):
        assert client.get(f"/t/o/{token}.gif").content == PIXEL
    sent.refresh_from_db()
    assert (sent.first_opened_at, sent.machine_opened_at) == (None, None)


def test_a_scanner_that_fetches_everything_unsubscribes_nobody(client, sent, preferences_url):
    for method in ("get", "head"):
        for url in (preferences_url, open_url(sent), *(click_url(sent, link) for link in links(sent, 3))):
            getattr(client, method)(url, headers={"user-agent": PERSON})
        Link.objects.all().delete()
    assert list(Consent.objects.values_list("granted", flat=True)) == [True]
    assert Event.objects.exclude(type=EventType.OPEN).count() == 0
