import os
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage

import pytest

from demo.mailbox import Mailbox, body_of, recipient_of
from demo.ports import free_port, wait_for_port

HTML = "<html><head><title>t</title><style>p{}</style></head><!-- x --><p>Hello &amp;&zwnj; <b>welcome</b></p></html>"


@pytest.fixture
def sink(tmp_path):
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "demo.sink", str(port), str(tmp_path / "mail")])
    try:
        assert wait_for_port(port, seconds=20)
        yield port, Mailbox(tmp_path / "mail")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def mail(number=0, **headers):
    message = EmailMessage()
    message["From"] = "Gift shop <offers@example.com>"
    message["To"] = f"shopper-{number}@example.com"
    message["Subject"] = "Wir vermissen dich, Zoë"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hello  there,\nthis is for you.\n..a line that starts with dots")
    message.add_alternative(HTML, subtype="html")
    return message


def test_each_delivered_mail_is_one_file_and_reads_as_it_was_sent(sink):
    port, mailbox = sink
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(50):
            client.send_message(mail(number, List_Unsubscribe="<http://shop.test/u/x/>"))
    names = mailbox.names()
    assert len(names) == 50
    assert recipient_of(names[0]) == "shopper-49@example.com", "newest first"
    read = mailbox.read(names[0])
    assert read["Subject"] == "Wir vermissen dich, Zoë"
    assert read["Delivered-To"] == "shopper-49@example.com"
    assert read["List-Unsubscribe"] == "<http://shop.test/u/x/>"
    assert body_of(read, "html").strip() == HTML
    assert body_of(read, "plain").splitlines()[-1] == "..a line that starts with dots"
    glance = mailbox.glance(names[0])
    assert (glance.sender, glance.preview) == ("Gift shop <offers@example.com>", "Hello & welcome")
    assert not [path for path in mailbox.directory.iterdir() if path.name.startswith(".")]


def test_a_mail_to_two_addresses_is_two_deliveries(sink):
    port, mailbox = sink
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail(), to_addrs=["a@example.com", "B+news@example.com"])
    assert sorted(map(recipient_of, mailbox.names())) == ["a@example.com", "b+news@example.com"]
    assert len(mailbox.names(address="B+News")) == 1


def test_an_address_cannot_leave_the_folder(sink):
    port, mailbox = sink
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail(), to_addrs=['"../../evil"@example.com'])
    (name,) = mailbox.names()
    assert os.listdir(mailbox.directory) == [name]
    assert recipient_of(name) == "../../evil@example.com"


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", ".hidden.eml", "nothing.eml", "a/b.eml"])
def test_reading_what_is_no_mail_finds_nothing(tmp_path, name):
    with pytest.raises(FileNotFoundError):
        Mailbox(tmp_path).read(name)
