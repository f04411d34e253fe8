"""The sender's domain is checked against a name server; rates by domain; how fast a sender may grow."""

import socket
import threading
from datetime import timedelta

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from django.utils import timezone

from notifications.choices import FeedbackKind
from notifications.listening.domains import DomainHealth, domain_health, domain_of, level, sent_by_day
from notifications.listening.sender_domain import check_sender
from notifications.listening.warm_up import FIRST_DAY, warm_up
from notifications.models import DomainDay, Feedback

GOOD_SPF = "v=spf1 include:_spf.mail.example -all"
GOOD_DMARC = "v=DMARC1; p=reject; rua=mailto:d@shop.example"


class NameServer:
    """A DNS server on this machine with a few TXT records; silent where `answers` is false."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.answers = True
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                data, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not self.answers:
                continue
            query = dns.message.from_wire(data)
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.RA
            name = query.question[0].name.to_text(omit_final_dot=True)
            if texts := self.records.get(name):
                quoted = [" ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in texts]
                reply.answer.append(dns.rrset.from_text_list(query.question[0].name, 60, "IN", "TXT", quoted))
            else:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(reply.to_wire(), sender)

    @property
    def resolver(self) -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.socket.getsockname()[1]
        return made


@pytest.fixture
def names():
    server = NameServer()
    yield server
    server.socket.close()


def verdicts(names, selectors=("s1",), domain="shop.example"):
    checks = check_sender(domain=domain, selectors=selectors, resolver=names.resolver)
    return {check.name: str(check.verdict) for check in checks}


def test_a_domain_that_is_set_up_well(names):
    names.records = {
        "shop.example": ["site-verification=1", GOOD_SPF],
        "s1._domainkey.shop.example": ["v=DKIM1; k=rsa; p=" + "A" * 400],
        "_dmarc.shop.example": [GOOD_DMARC],
    }
    checks = check_sender(domain="shop.example", selectors=("s1",), resolver=names.resolver)
    assert [(check.name, str(check.verdict), check.advice) for check in checks] == [
        ("SPF", "good", ""),
        ("DKIM", "good", ""),
        ("DMARC", "good", ""),
    ]
    assert "A" * 400 in checks[1].record


def test_a_domain_without_anything_is_told_what_to_publish(names):
    checks = check_sender(domain="shop.example", selectors=(), resolver=names.resolver)
    assert [str(check.verdict) for check in checks] == ["bad", "warning", "bad"]
    assert "_dmarc.shop.example" in checks[2].advice


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        (["v=spf1 mx +all"], "bad"),
        ([GOOD_SPF, "v=spf1 mx -all"], "bad"),
        (["v=spf1 mx ?all"], "warning"),
        (["v=spf1 redirect=_spf.example"], "good"),
        (["v=spf10 -all"], "bad"),
    ],
)
def test_spf(names, records, verdict):
    names.records["shop.example"] = records
    assert verdicts(names)["SPF"] == verdict


def test_a_withdrawn_key_and_a_policy_that_only_watches(names):
    names.records = {"s1._domainkey.shop.example": ["v=DKIM1; p="], "_dmarc.shop.example": ["v=DMARC1; p=none"]}
    assert verdicts(names) == {"SPF": "bad", "DKIM": "bad", "DMARC": "warning"}


def test_the_policy_of_the_domain_above_holds(names):
    names.records["_dmarc.shop.example"] = [GOOD_DMARC]
    assert verdicts(names, domain="news.shop.example")["DMARC"] == "good"


def test_a_name_server_that_does_not_answer_is_no_verdict(names, monkeypatch):
    monkeypatch.setattr("notifications.listening.sender_domain.LIFETIME", 0.2)
    names.answers = False
    assert set(verdicts(names).values()) == {"away"}


def sent(domain, mails, *, days=0):
    DomainDay.objects.create(day=timezone.now().date() - timedelta(days=days), domain=domain, sent=mails)


@pytest.mark.django_db
class TestRates:
    def test_days_without_any_mail_are_there_too(self):
        sent("a.example", 5)
        sent("b.example", 1)
        sent("a.example", 7, days=2)
        assert sent_by_day(days=3)[-1] == (timezone.now().date(), 6)
        assert [mails for _day, mails in sent_by_day(days=3)] == [7, 0, 6]

    def test_rates_count_what_came_back_within_the_days(self):
        sent("a.example", 1000)
        for number, (kind, days) in enumerate(
            [(FeedbackKind.COMPLAINT, 0), (FeedbackKind.COMPLAINT, 40), (FeedbackKind.HARD_BOUNCE, 1)]
        ):
            when = timezone.now() - timedelta(days=days)
            Feedback.objects.create(kind=kind, domain="a.example", source="test", key=str(number), occurred_at=when)
        [health] = domain_health(days=30)
        assert (health.sent, health.complaints, health.hard_bounces) == (1000, 1, 1)
        assert (health.complaint_rate, health.bounce_rate) == (0.001, 0.001)

    def test_the_page_shows_them(self, admin_client, names, monkeypatch):
        monkeypatch.setattr("notifications.listening.sender_domain._system_resolver", lambda: names.resolver)
        sent("gmail.com", 12_000)
        for number in range(40):
            Feedback.objects.create(
                kind=FeedbackKind.COMPLAINT,
                domain="gmail.com",
                source="test",
                key=str(number),
                occurred_at=timezone.now(),
            )
        page = admin_client.get("/admin/notifications/domainday/").content.decode()
        assert "gmail.com" in page
        assert "0.33%" in page
        assert "ap-level-bad" in page
        assert admin_client.get("/admin/notifications/feedback/").status_code == 200


def test_too_few_mails_say_nothing():
    assert DomainHealth("a.example", 99, 5, 0, 5).complaint_rate is None
    assert level(None, good=0.001, bad=0.003) == ""
    assert [level(rate, good=0.001, bad=0.003) for rate in (0.0005, 0.001, 0.003)] == ["good", "warning", "bad"]


@pytest.mark.parametrize(
    ("address", "domain"),
    [("Ada@Example.COM", "example.com"), ("<a@b.example.>", "b.example"), ("nobody", ""), ("", "")],
)
def test_domains_of_addresses(address, domain):
    assert domain_of(address) == domain


def test_a_new_sender_begins_small_and_grows_by_half():
    advice = warm_up([0] * 30)
    assert (advice.today, advice.busiest, advice.is_over) == (FIRST_DAY, 0, False)
    assert all(later <= 1.5 * earlier for earlier, later in zip(advice.schedule, advice.schedule[1:], strict=False))


def test_a_known_sender_goes_on_from_its_busiest_day():
    assert warm_up([0] * 25 + [10_000, 2_000, 0, 100, 400]).today == 15_000
    assert warm_up([10_000] * 29 + [20_000]).is_over
    assert warm_up([500_000] * 30).schedule == ()
