import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.exceptions import ImproperlyConfigured

from notifications.channels.base import Address, Envelope, Mailing
from notifications.channels.email.dkim import DkimSigner
from notifications.channels.email.mime import MailTemplate

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def mail(**changes):
    signer = DkimSigner(domain="shop.example", selector="s1", key=pem(KEY))
    template = MailTemplate(Mailing(1, 2, "t"), sender="Tést shop <offers@shop.example>", signer=signer)
    values = {
        "message_id": 7,
        "address": Address("ada@example.com"),
        "subject": "Ada, £5 waits for you, and a subject that is long enough to be folded twice or more 🎁",
        "html": ("<p>Hello  \n</p>\n", ".dots\n\n\n"),
        "text": ("Hello\n",),
        "unsubscribe_url": "https://apropos.example/u/token/",
    }
    return template.build(Envelope(**(values | changes)), address="ada@example.com")


def dns(name, timeout=5):
    assert name == b"s1._domainkey.shop.example."
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])


def test_an_independent_verifier_accepts_the_signature():
    assert dkim.verify(mail(), dnsfunc=dns)
    assert dkim.verify(mail(subject="Plain", html=("满三十减五，" * 300,)), dnsfunc=dns)


def test_the_signature_covers_what_one_click_unsubscribing_needs():
    header = mail().split(b"\r\n\r\n")[0].decode().lower()
    signed = header.split("h=")[1].split(";")[0].split(":")
    assert {"from", "subject", "list-unsubscribe", "list-unsubscribe-post"} <= set(signed)


@pytest.mark.parametrize("name", [b"Subject", b"List-Unsubscribe", b"List-Unsubscribe-Post", b"From"])
def test_a_changed_header_breaks_it(name):
    changed = mail().replace(name + b": ", name + b": x", 1)
    assert changed != mail()
    assert not dkim.verify(changed, dnsfunc=dns)


def test_a_changed_body_breaks_it():
    assert not dkim.verify(mail().replace(b"Hello", b"Hullo"), dnsfunc=dns)


@pytest.mark.parametrize("key", ["nonsense", pem(ed25519.Ed25519PrivateKey.generate())])
def test_a_key_that_cannot_sign_says_so(key):
    with pytest.raises(ImproperlyConfigured, match="DKIM_PRIVATE_KEY"):
        DkimSigner(domain="shop.example", selector="s1", key=key)
