"""Bounces and complaints, by webhook and by mail: counted once, and what follows from them."""

import base64
import json
import socket
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from notifications.choices import FeedbackKind, MessageState
from notifications.listening.feedback import SOFT_BOUNCES, Report, take_report
from notifications.listening.mailbox import read_mailbox
from notifications.listening.reports_mail import parse_reports
from notifications.models import Feedback, Message, Suppression
from tests.factories import MessageFactory
from users.choices import EventType
from users.encryption import lookup_hash
from users.models import Consent, Event

DSN = """\
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: bounces@shop.example
Subject: Undelivered Mail Returned to Sender
Date: Mon, 02 Mar 2026 12:05:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 02 Mar 2026 12:04:59 +0000

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such
 user here

--=_b
Content-Type: text/rfc822-headers

From: offers@shop.example
To: {address}
Message-ID: {reference}

--=_b--
"""
ARF = """\
From: <feedback@isp.example>
To: abuse@shop.example
Subject: FW: Earn money
Date: Mon, 02 Mar 2026 12:05:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_b"

--=_b
Content-Type: text/plain

This is an email abuse report.

--=_b
Content-Type: message/feedback-report

Feedback-Type: {type}
User-Agent: SomeGenerator/1.0
Version: 1
{recipient}
--=_b
Content-Type: message/rfc822

From: offers@shop.example
To: Ada <{address}>
Subject: For you
Message-ID: {reference}

Text
--=_b--
"""


@pytest.fixture
def message(message):
    Message.objects.update(sent_at=timezone.now() - timedelta(hours=1), state=MessageState.SENT)
    message.refresh_from_db()
    return message


def our_id(message):
    return f"<{message.pk}.{message.run.campaign.hold_out_seed.hex[:12]}@shop.example>"


def dsn(message, *, address="ada@example.com", status="5.1.1", action="failed", reference=None) -> bytes:
    reference = our_id(message) if reference is None else reference
    return DSN.format(address=address, status=status, action=action, reference=reference).encode()


def take(data: bytes) -> list[Feedback]:
    return [feedback for report in parse_reports(data) if (feedback := take_report(report))]


def test_a_hard_bounce_suppresses_the_address_and_becomes_an_event(message):
    planned = MessageFactory(recipient__customer=message.customer, recipient__run__campaign__name="Next")
    [feedback] = take(dsn(message))
    assert (feedback.kind, feedback.status, feedback.domain) == (FeedbackKind.HARD_BOUNCE, "5.1.1", "example.com")
    assert feedback.detail == "smtp; 550 5.1.1 no such user here"
    assert (feedback.message, feedback.customer) == (message, message.customer)
    suppressed = Suppression.objects.get()
    assert (suppressed.address_hash, suppressed.reason) == (lookup_hash("ada@example.com"), "hard_bounce")
    event = Event.objects.get()
    assert (event.type, event.customer_id, event.context["status"]) == (EventType.BOUNCE, message.customer_id, "5.1.1")
    planned.refresh_from_db()
    assert planned.state == MessageState.CANCELLED


def test_the_same_report_counts_once(message):
    assert [len(take(dsn(message))) for _ in range(3)] == [1, 0, 0]
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("action", "status"), [("delayed", "4.4.1"), ("failed", "4.2.2"), ("failed", "5.2.2"), ("failed", "5.7.1")]
)
def test_a_full_mailbox_or_a_refusal_of_policy_is_a_soft_bounce(message, action, status):
    [feedback] = take(dsn(message, action=action, status=status))
    assert feedback.kind == FeedbackKind.SOFT_BOUNCE
    assert Suppression.objects.count() == 0


def test_repeated_soft_bounces_suppress_too(message):
    for day in range(SOFT_BOUNCES):
        assert Suppression.objects.count() == 0
        when = timezone.now() - timedelta(days=day)
        take_report(Report(FeedbackKind.SOFT_BOUNCE, "ada@example.com", our_id(message), when, "test"))
    assert Suppression.objects.get().reason == "soft_bounces"


@pytest.mark.parametrize("recipient", ["Original-Rcpt-To: <ada@example.com>\n", ""])
def test_a_complaint_suppresses_the_address(message, recipient):
    mail = ARF.format(type="abuse", recipient=recipient, address="ada@example.com", reference=our_id(message))
    [feedback] = take(mail.encode())
    assert (feedback.kind, feedback.message) == (FeedbackKind.COMPLAINT, message)
    assert Suppression.objects.get().reason == "complaint"
    assert Event.objects.get().type == EventType.COMPLAINT


def test_not_spam_is_no_complaint(message):
    mail = ARF.format(type="not-spam", recipient="", address="ada@example.com", reference=our_id(message))
    assert take(mail.encode()) == []


def test_an_id_that_we_did_not_make_leads_to_nobody_but_the_address_does(message):
    forged = f"<{message.pk}.000000000000@shop.example>"
    [by_address] = take(dsn(message, reference=forged))
    assert by_address.customer == message.customer
    [nobody] = take(dsn(message, reference=forged, address="eve@elsewhere.example"))
    assert (nobody.message, nobody.customer, nobody.domain) == (None, None, "elsewhere.example")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: hello\n\nJust a mail",
        b"Content-Type: multipart/report; report-type=delivery-status\n\nno parts",
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n\n--b--",
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n\n--b--",
        b"Content-Type: multipart/report; boundary=b\nDate: never\n\n--b\nContent-Type: message/rfc822\n\n--b--",
    ],
)
def test_other_mails_report_nothing(data):
    assert parse_reports(data) == []


def test_a_report_from_the_future_is_dated_today(message):
    mail = dsn(message).replace(b"02 Mar 2026", b"02 Mar 2126")
    [report] = parse_reports(mail)
    assert report.occurred_at <= timezone.now()


class TestProviders:
    """Postmark's webhook, as django-anymail understands it."""

    URL = "/anymail/postmark/tracking/"

    def post(self, body, password="secret"):
        token = base64.b64encode(f"provider:{password}".encode()).decode()
        return Client().post(
            self.URL, json.dumps(body), content_type="application/json", headers={"Authorization": f"Basic {token}"}
        )

    def test_a_bounce(self, message):
        body = {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "TypeCode": 1,
            "MessageID": "esp-1",
            "Email": "ada@example.com",
            "Description": "The server was unable to deliver your message",
            "BouncedAt": timezone.now().isoformat(),
        }
        assert self.post(body).status_code == 200
        feedback = Feedback.objects.get()
        assert (feedback.kind, feedback.message, feedback.source) == (FeedbackKind.HARD_BOUNCE, message, "postmark")
        assert Suppression.objects.count() == 1

    def test_a_complaint_and_an_unsubscription(self, message):
        now = timezone.now().isoformat()
        complaint = {"RecordType": "SpamComplaint", "MessageID": "esp-1", "Email": "ada@example.com", "BouncedAt": now}
        assert self.post(complaint).status_code == 200
        assert Feedback.objects.get().kind == FeedbackKind.COMPLAINT
        change = {
            "RecordType": "SubscriptionChange",
            "MessageID": "esp-1",
            "Recipient": "ada@example.com",
            "ChangedAt": now,
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
        }
        assert self.post(change).status_code == 200
        assert list(Consent.objects.order_by("pk").values_list("granted", flat=True)) == [True, False]

    def test_a_wrong_password_is_refused(self, message):
        assert self.post({"RecordType": "Bounce"}, password="guess").status_code == 400
        assert Feedback.objects.count() == 0


class ImapServer:
    """One mailbox, spoken to by the few commands of IMAP that are needed (RFC 9051)."""

    def __init__(self, mails: list[bytes]) -> None:
        self.mails, self.seen = mails, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"imap://me:pass%40word@127.0.0.1:{self.listener.getsockname()[1]}/Bounces"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            with connected, connected.makefile("rwb") as stream:
                stream.write(b"* OK ready\r\n")
                stream.flush()
                for line in stream:
                    tag, command, *rest = line.decode().split(None, 2)
                    for answer in self._answer(command.upper(), rest[0].strip() if rest else ""):
                        stream.write(answer)
                    stream.write(f"{tag} OK done\r\n".encode())
                    stream.flush()
                    if command.upper() == "LOGOUT":
                        break

    def _answer(self, command: str, rest: str):
        if command == "CAPABILITY":
            yield b"* CAPABILITY IMAP4rev1\r\n"
        elif command == "LOGIN":
            assert rest == 'me "pass@word"'
        elif command == "SELECT":
            assert rest.strip('"') == "Bounces"
            yield f"* {len(self.mails)} EXISTS\r\n".encode()
        elif command == "SEARCH":
            unseen = [str(n) for n in range(1, len(self.mails) + 1) if n not in self.seen]
            yield f"* SEARCH {' '.join(unseen)}\r\n".encode()
        elif command == "FETCH":
            data = self.mails[int(rest.split(maxsplit=1)[0]) - 1]
            yield b"* %s FETCH (BODY[] {%d}\r\n%s)\r\n" % (rest.split(maxsplit=1)[0].encode(), len(data), data)
        elif command == "STORE":
            self.seen.add(int(rest.split(maxsplit=1)[0]))
        elif command == "LOGOUT":
            yield b"* BYE\r\n"


def test_the_mailbox_is_read_once(message, settings):
    server = ImapServer([dsn(message), b"Subject: a question\r\n\r\nHello?", dsn(message)])
    settings.BOUNCE_MAILBOX_URL = server.url
    try:
        assert [read_mailbox(), read_mailbox()] == [1, 0]
    finally:
        server.listener.close()
    assert server.seen == {1, 2, 3}
    assert Feedback.objects.count() == 1


def test_without_a_mailbox_nothing_is_read(settings):
    settings.BOUNCE_MAILBOX_URL = ""
    assert read_mailbox() == 0
