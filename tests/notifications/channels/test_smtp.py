import re
import smtplib
import socket

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from notifications.channels.base import (
    Address,
    BadAddressError,
    Envelope,
    MailboxError,
    Mailing,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
)
from notifications.channels.email.channel import EmailChannel, pooled_connection
from notifications.channels.email.server import SmtpSettings
from notifications.channels.email.smtp import Mail, SmtpConnection


def envelope(address, *, number=1):
    return Envelope(
        message_id=number,
        address=Address(address),
        subject="Grüße",
        html=("<p>.</p>\n.\n",),
        text=(".\n..dots\n",),
        unsubscribe_url="https://a.example/u/x/",
    )


def deliver(*addresses):
    """What became of each, as the class of its error or the id."""
    with EmailChannel(Mailing(run_id=1, campaign_id=1, token="t")) as channel:
        envelopes = (envelope(address, number=number) for number, address in enumerate(addresses))
        receipts = {receipt.message_id: receipt for receipt in channel.deliver(envelopes)}
    return [receipts[number].provider_id or type(receipts[number].error) for number in range(len(addresses))]


def send(address, *, number=1):
    with EmailChannel(Mailing(run_id=1, campaign_id=1, token="t")) as channel:
        (receipt,) = channel.deliver([envelope(address, number=number)])
    if receipt.error is not None:
        raise receipt.error
    return receipt.provider_id


def test_mails_arrive_unchanged_over_one_connection(smtp):
    ids = [send(f"{n}@example.com", number=n) for n in range(20)]
    assert smtp.addresses == [f"{n}@example.com" for n in range(20)]
    assert smtp.connections == 1
    mail = smtp.mail(3)
    assert mail["Subject"] == "Grüße"
    assert mail["Message-ID"] == ids[3] == "<3.t@shop.example>"
    assert mail.get_body(("plain",)).get_content().splitlines() == [".", "..dots"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("450 4.2.1 mailbox busy", MailboxError),
        ("452 4.2.2 full", MailboxError),
        ("450 4.4.3 no answer of the domain's name servers", TransientError),
        ("450 4.7.1 greylisted", TransientError),
        ("421 4.3.2 going down", ThrottledError),
        ("550 5.1.1 no such user", BadAddressError),
        ("553 bad mailbox name", BadAddressError),
        ("554 5.1.2 no such domain", BadAddressError),
        ("556 5.1.10 the domain takes no mail", BadAddressError),
        ("550 5.7.1 blocked by policy", PermanentError),
        ("554 no", PermanentError),
        ("drop", TransientError),
    ],
)
def test_refusals_at_the_recipient_are_told_apart_and_stop_nobody_else(smtp, answer, error):
    smtp.at_recipient["bad@example.com"] = answer
    send("good@example.com")
    with pytest.raises(error) as caught:
        send("bad@example.com")
    assert type(caught.value) is error
    send("other@example.com")
    assert smtp.addresses == ["good@example.com", "other@example.com"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("451 4.3.0 later", TransientError),
        ("451 4.7.1 too many mails of yours", ThrottledError),
        ("554 5.6.0 content refused", PermanentError),
        ("550 5.1.1 late", PermanentError),
    ],
)
def test_refusals_after_the_data_are_certain(smtp, answer, error):
    smtp.after_data["bad@example.com"] = answer
    with pytest.raises(error) as caught:
        send("bad@example.com")
    assert type(caught.value) is error
    send("other@example.com")
    assert smtp.addresses == ["other@example.com"]


def test_a_connection_that_drops_after_the_data_leaves_the_outcome_open(smtp):
    smtp.after_data["lost@example.com"] = "drop"
    with pytest.raises(OutcomeUnknownError):
        send("lost@example.com")
    assert smtp.addresses == ["lost@example.com"]
    send("next@example.com")
    assert smtp.addresses == ["lost@example.com", "next@example.com"]


def test_a_server_that_ends_the_session_after_some_mails_gets_a_new_one(smtp):
    smtp.per_connection = 3
    for number in range(10):
        send(f"{number}@example.com")
    assert len(smtp.accepted) == 10
    assert smtp.connections == 4


def test_a_server_that_hung_up_while_we_were_silent_is_found_out_before_the_next_mail(smtp):
    send("a@example.com")
    connection = pooled_connection()
    connection._smtp.sock.shutdown(socket.SHUT_RDWR)
    connection._last_used -= 60
    send("b@example.com")
    assert smtp.addresses == ["a@example.com", "b@example.com"]


def test_an_absent_server_is_not_the_fault_of_the_message():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = SmtpSettings("127.0.0.1", port, "", "", starttls=False, implicit_tls=False, timeout=2)
    mail = Mail(1, Address("b@example.com"), "a@example.com", "b@example.com", b"x\r\n")
    ((_, error),) = SmtpConnection(server).deliver([mail])
    assert type(error) is ThrottledError
    assert re.search(rf"127\.0\.0\.1:{port} cannot be used .* Check EMAIL_URL", str(error))


def test_starttls_is_demanded_when_it_is_configured(smtp, settings):
    settings.EMAIL_USE_TLS = True
    with pytest.raises(ThrottledError, match="STARTTLS"):
        send("a@example.com")
    assert smtp.accepted == []


def test_the_same_bytes_as_the_standard_library_sends(smtp):
    data = b"Subject: x\r\n\r\nin between.\r\n\r\nend\r\n"
    mail = Mail(1, Address("b@example.com"), "a@example.com", "b@example.com", data)
    assert list(SmtpConnection(SmtpSettings.from_django()).deliver([mail])) == [(mail, None)]
    with smtplib.SMTP("127.0.0.1", smtp.port) as raw:
        raw.sendmail("a@example.com", "b@example.com", data)
    assert smtp.accepted[0][1] == smtp.accepted[1][1] == data


KINDS = {
    "busy": ("at_recipient", "450 4.2.1 mailbox busy", MailboxError),
    "full": ("at_recipient", "452 4.2.2 full", MailboxError),
    "grey": ("at_recipient", "450 4.7.1 greylisted", TransientError),
    "later": ("at_recipient", "421 4.3.2 going down", ThrottledError),
    "gone": ("at_recipient", "550 5.1.1 no such user", BadAddressError),
    "policy": ("at_recipient", "554 5.7.1 no", PermanentError),
    "hangs": ("at_recipient", "drop", TransientError),
    "content": ("after_data", "554 5.6.0 refused", PermanentError),
    "closing": ("after_data", "421 4.3.2 going down", ThrottledError),
    "lost": ("after_data", "drop", OutcomeUnknownError),
    "no address": (None, None, BadAddressError),
}


def ill_fated(smtp, kinds):
    """Mails to good addresses and to those of `kinds`, and what must become of them."""
    addresses, fates = [], []
    for number, kind in enumerate(kinds):
        address = f"{kind.replace(' ', '-')}{number}@example.com" if kind != "no address" else f"none{number}"
        part, answer, error = KINDS.get(kind, (None, None, None))
        if part:
            getattr(smtp, part)[address] = answer
        addresses.append(address)
        fates.append(error or f"<{number}.t@shop.example>")
    return addresses, fates


def test_a_stream_of_every_kind_of_failure_stops_nobody(smtp):
    kinds = [each for kind in KINDS for each in (kind, kind, "good")]
    addresses, fates = ill_fated(smtp, kinds)
    assert deliver(*addresses) == fates
    expected = [address for address, kind in zip(addresses, kinds, strict=True) if kind in ("good", "lost")]
    assert smtp.addresses == expected


@hypothesis.settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(["good", *KINDS]), max_size=12), per_connection=st.integers(0, 3))
def test_in_any_order_each_mail_arrives_once_or_not_at_all(smtp, kinds, per_connection):
    smtp.accepted.clear()
    smtp.per_connection = per_connection
    addresses, fates = ill_fated(smtp, kinds)
    assert deliver(*addresses) == fates
    assert smtp.addresses == [
        address for address, kind in zip(addresses, kinds, strict=True) if kind in ("good", "lost")
    ]
    pooled_connection().quit()


def test_pipelining_saves_round_trips_and_asks_for_nothing_that_is_not_delivered(smtp):
    """The next mail is rendered while the server works, and at most one is ahead."""
    ahead = []

    def envelopes():
        for number in range(10):
            ahead.append(number - len(smtp.accepted))
            yield envelope(f"{number}@example.com", number=number)

    with EmailChannel(Mailing(run_id=1, campaign_id=1, token="t")) as channel:
        assert len(list(channel.deliver(envelopes()))) == 10
    assert max(ahead) <= 2
    assert smtp.connections == 1


def test_a_sender_that_is_told_to_stop_still_learns_what_became_of_the_mails_under_way(smtp):
    def envelopes():
        for number in range(3):
            yield envelope(f"{number}@example.com", number=number)
        raise SystemExit

    with EmailChannel(Mailing(run_id=1, campaign_id=1, token="t")) as channel:
        receipts = channel.deliver(envelopes())
        assert [next(receipts).message_id for _ in range(3)] == [0, 1, 2]
        with pytest.raises(SystemExit):
            next(receipts)
    assert len(smtp.accepted) == 3
