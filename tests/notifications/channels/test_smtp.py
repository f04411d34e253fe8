import smtplib
import socket

import pytest

from notifications.channels.base import (
    Address,
    BadAddressError,
    Envelope,
    Mailing,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
)
from notifications.channels.email.channel import EmailChannel, pooled_connection
from notifications.channels.email.smtp import SmtpConnection, SmtpSettings


def send(address, *, number=1):
    envelope = Envelope(
        message_id=number,
        address=Address(address),
        subject="Grüße",
        html=("<p>.</p>\n.\n",),
        text=(".\n..dots\n",),
        unsubscribe_url="https://a.example/u/x/",
    )
    with EmailChannel(Mailing(run_id=1, campaign_id=1, token="t")) as channel:
        (receipt,) = channel.deliver([envelope])
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
        ("450 4.2.1 mailbox busy", TransientError),
        ("452 4.2.2 full", TransientError),
        ("450 4.7.1 greylisted", ThrottledError),
        ("421 4.3.2 going down", ThrottledError),
        ("550 5.1.1 no such user", BadAddressError),
        ("553 bad mailbox name", BadAddressError),
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
    with pytest.raises(ThrottledError, match=rf"127\.0\.0\.1:{port} cannot be used .* Check EMAIL_URL"):
        SmtpConnection(server).send(sender="a@example.com", recipient="b@example.com", data=b"x\r\n")


def test_starttls_is_demanded_when_it_is_configured(smtp, settings):
    settings.EMAIL_USE_TLS = True
    with pytest.raises(ThrottledError, match="STARTTLS"):
        send("a@example.com")
    assert smtp.accepted == []


def test_the_same_bytes_as_the_standard_library_sends(smtp):
    data = b"Subject: x\r\n\r\n.\r\n..\r\nend\r\n"
    SmtpConnection(SmtpSettings.from_django()).send(sender="a@example.com", recipient="b@example.com", data=data)
    with smtplib.SMTP("127.0.0.1", smtp.port) as raw:
        raw.sendmail("a@example.com", "b@example.com", data)
    assert smtp.accepted[0][1] == smtp.accepted[1][1] == data
