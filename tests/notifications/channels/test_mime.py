import re
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.channels.base import Address, BadAddressError, Envelope, Mailing
from notifications.channels.email.mime import MailTemplate, body_part, header_text, wire_address

TEMPLATE = MailTemplate(Mailing(run_id=7, campaign_id=3, token="abc123"), sender='"Tést, shop" <offers@shop.example>')


def build(**changes):
    values = {
        "message_id": 41,
        "address": Address("ada@example.com"),
        "subject": "Hello",
        "html": ("<p>Hello</p>",),
        "text": ("Hello",),
        "unsubscribe_url": "https://apropos.example/u/token/",
    }
    envelope = Envelope(**(values | changes))
    return TEMPLATE.build(envelope, address=wire_address(envelope.address.value))


def parse(data):
    return message_from_bytes(data, policy=policy.default)


def text_of(mail, subtype):
    return mail.get_body((subtype,)).get_content().replace("\r\n", "\n")


def test_a_mail_parses_back_with_every_header_a_bulk_sender_needs():
    mail = parse(build())
    assert mail.defects == []
    assert mail["From"].addresses[0].display_name == "Tést, shop"
    assert mail["From"].addresses[0].addr_spec == "offers@shop.example"
    assert mail["To"] == "ada@example.com"
    assert mail["Message-ID"] == "<41.abc123@shop.example>"
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert mail["List-Unsubscribe"] == "<https://apropos.example/u/token/>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Feedback-ID"] == "c3:r7:marketing:apropos"
    assert mail["MIME-Version"] == "1.0"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    "body",
    [
        "plain",
        "line one\nline two\n",
        "a=b; trailing space \nand tab\t\n.\n..\nFrom here",
        "é" * 400,
        "满三十减五，" * 300,
        "x" * 5000,
        "--=_apropos_=_--\n",
        "." * 200 + "\n.css { }\n..",
        "emoji 🎁 and ascii " * 40,
    ],
)
def test_bodies_survive_the_way(body):
    mail = parse(build(html=(f"<p>{body}</p>",), text=(body,)))
    assert text_of(mail, "plain").rstrip("\n") == body.rstrip("\n")
    assert text_of(mail, "html").rstrip("\n") == f"<p>{body}</p>"
    assert mail.defects == []


@given(
    st.lists(
        st.from_regex(r"[.\n ]{0,90}", fullmatch=True)
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))
    )
)
def test_any_text_survives_the_way_in_any_pieces(pieces):
    data = body_part(pieces, subtype="plain")
    part = message_from_bytes(data, policy=policy.default)
    body = "".join(pieces)
    assert part.get_payload(decode=True).decode().replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not any(line.startswith(b".") for line in lines)


@pytest.mark.parametrize(
    "subject",
    [
        "We miss you",
        "Ada, £5 waits for you 🎁",
        "满三十减五，只到周日",
        "=?utf-8?q?not_encoded?=",
        "long " * 40,
        "long and with é " * 20,
    ],
)
def test_subjects_survive_the_way_in_short_lines(subject):
    data = build(subject=subject)
    assert parse(data)["Subject"] == " ".join(subject.split())
    assert max(map(len, data.split(b"\r\n\r\n")[0].split(b"\r\n"))) <= 100


@pytest.mark.parametrize(
    "evil", ["Hi\r\nBcc: all@example.com", "Hi\nX: y", "Hi\r\r\n\r\n<html>", "Hi\x00\x0b\u2028Bcc: z"]
)
def test_no_value_can_add_a_header(evil):
    mail = parse(build(subject=evil, unsubscribe_url=f"https://a.example/{evil}"))
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
        "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
    }  # fmt: skip


@given(st.text())
def test_a_header_value_is_ascii_without_a_bare_line_break(text):
    value = header_text(text, name_length=9)
    assert value.isascii()
    assert not re.search(r"\r\n(?![ \t])|(?<!\r)\n|\r(?!\n)|\x00", value)


def test_lines_end_in_crlf_and_stay_below_the_limit():
    data = build(html=("<p>" + "word " * 4000 + "</p>",), text=("y" * 3000,))
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", data) is None
    assert max(map(len, data.split(b"\r\n"))) < 998


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "a@b@c",
        "a@x.com>\r\nRCPT TO:<b@x.com",
        "é@x.com",
        "a@" + "x" * 300,
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadAddressError):
        wire_address(address)


def test_an_international_domain_travels_in_idna():
    assert wire_address(" ada@bücher.example ") == "ada@xn--bcher-kva.example"
