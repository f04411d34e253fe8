"""Encryption keys rotate without losing a value, and can be retired."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from notifications.models import Suppression
from tests.factories import CustomerFactory
from users.encryption import lookup_hash
from users.models import Customer
from users.privacy import rotation
from users.privacy.rotation import rotate_keys

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings):
    """Three customers under an old key; a new key stands in front of it."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.PII_KEYS = [old]
    CustomerFactory.create_batch(3, phone="+49 30 1")
    CustomerFactory(email="", phone="")
    settings.PII_KEYS = [new, old]
    return new, old


def test_after_a_rotation_the_old_key_is_not_needed(keys, settings):
    new, old = keys
    done = rotate_keys()
    assert (done.seen, done.encrypted, done.hashed) == (3, 3, 0)
    settings.PII_KEYS, settings.PII_LOOKUP_KEY = [new], old
    customer = Customer.objects.exclude(email_hash="").first()
    assert (customer.email, customer.phone) == (f"{customer.external_id}@example.com", "+49 30 1")
    assert Customer.objects.get(email_hash=lookup_hash(customer.email)) == customer


def test_a_run_that_was_cut_short_goes_on_where_it_stood(keys, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 1)

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_keys(on_progress=stop)
    assert rotate_keys().encrypted == 2
    assert rotate_keys().encrypted == 0


def test_a_new_look_up_key_renews_the_hashes_here_and_of_suppressed_addresses(keys, settings):
    customer = Customer.objects.exclude(email_hash="").first()
    Suppression.objects.create(channel="email", address_hash=customer.email_hash, reason="complaint")
    settings.PII_LOOKUP_KEY = "another"
    assert rotate_keys().hashed == 3
    customer.refresh_from_db()
    assert customer.email_hash == lookup_hash(customer.email) == Suppression.objects.get().address_hash


def test_a_key_that_was_removed_too_early_is_said_and_nothing_is_lost(keys, settings):
    new, _old = keys
    settings.PII_KEYS = [new]
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(email ORDER BY id) FROM users_customer")
        before = cursor.fetchone()
        with pytest.raises(ImproperlyConfigured, match="removed too early"):
            rotate_keys()
        cursor.execute("SELECT array_agg(email ORDER BY id) FROM users_customer")
        assert cursor.fetchone() == before
    with pytest.raises(CommandError, match="removed too early"):
        call_command("rotate_keys", stdout=StringIO())
