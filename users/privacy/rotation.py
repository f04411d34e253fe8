"""New keys for old data: what is encrypted under an older key is encrypted again, and look-up hashes are renewed.

It works through the customers and then their devices by key, a batch a transaction. What is done already is recognised
by trying the newest key, so a run that was cut short is simply started again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from users.devices import address_hashes, known_by
from users.encryption import is_under_newest_key, lookup_hash
from users.models import Customer, Device

BATCH = 2_000  # customers in memory at once

_hash_columns: list[tuple[str, str]] = []


@dataclass(slots=True)
class Rotation:
    """How many customers were seen, encrypted anew, and given a new hash; and the last id that is done."""

    seen: int = 0
    encrypted: int = 0
    hashed: int = 0
    last_id: int = 0


def register_hash_column(table: str, column: str) -> None:
    """Declare a column of another app that holds look-up hashes of addresses; it is renewed with the customers'."""
    _hash_columns.append((table, column))


def rotate_keys(*, after: int = 0, on_progress: Callable[[Rotation], None] = lambda so_far: None) -> Rotation:
    """Bring every customer with an id above `after` under the newest keys. Raises ImproperlyConfigured when a value
    cannot be decrypted, that is, when a key was removed too early; what was done until then stays done.
    """
    done = Rotation(last_id=after)
    while _rotate_batch(done):
        on_progress(done)
    last_device: int | None = 0
    while last_device is not None:
        last_device = _rotate_devices(last_device)
    return done


@transaction.atomic
def _rotate_batch(done: Rotation) -> bool:
    """Rotate the next customers; says whether there were any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, email, phone FROM users_customer WHERE id > %s AND (email <> '' OR phone <> '') "
            "ORDER BY id LIMIT %s FOR UPDATE",
            [done.last_id, BATCH],
        )
        tokens = {pk: (email, phone) for pk, email, phone in cursor.fetchall()}
    if not tokens:
        return False
    changed, renewed = [], {}
    for customer in Customer.objects.filter(pk__in=tokens):  # decrypts
        is_old = not all(map(is_under_newest_key, tokens[customer.pk]))
        new_hash = lookup_hash(customer.email)
        if new_hash != customer.email_hash:
            renewed[customer.email_hash] = new_hash
            done.hashed += 1
        if is_old or new_hash != customer.email_hash:
            customer.email_hash = new_hash
            changed.append(customer)
        done.encrypted += is_old
    Customer.objects.bulk_update(changed, ["email", "phone", "email_hash"])
    _renew_hashes(renewed)
    done.seen += len(tokens)
    done.last_id = max(tokens)
    return True


@transaction.atomic
def _rotate_devices(after: int) -> int | None:
    """Rotate the devices that follow; returns the last id, or None when there were none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, address FROM users_device WHERE id > %s ORDER BY id LIMIT %s FOR UPDATE", [after, BATCH]
        )
        tokens = dict(cursor.fetchall())
    if not tokens:
        return None
    devices = list(Device.objects.filter(pk__in=tokens))  # decrypts
    hashes = address_hashes(known_by(device.address, device.channel) for device in devices)
    changed = []
    for device in devices:
        new_hash = hashes[known_by(device.address, device.channel)]
        if new_hash != device.address_hash or not is_under_newest_key(tokens[device.pk]):
            device.address_hash = new_hash
            changed.append(device)
    Device.objects.bulk_update(changed, ["address", "address_hash"])
    return max(tokens)


def _renew_hashes(renewed: dict[str, str]) -> None:
    if not renewed:
        return
    with connection.cursor() as cursor:
        for table, column in _hash_columns:
            cursor.execute(
                f"UPDATE {table} SET {column} = renewed.new FROM unnest(%s::text[], %s::text[]) AS renewed (old, new) "
                f"WHERE {table}.{column} = renewed.old",
                [list(renewed), list(renewed.values())],
            )
