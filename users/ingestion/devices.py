"""Devices in: an app or a browser says where its owner can be reached, and later that it no longer wants to be."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django.db import connection, transaction
from django.utils import timezone

from catalog.validation import IngestResult, Refused, RefusedRow, check_text
from users.choices import DEVICE_CHANNELS, Channel, ConsentPurpose, DisabledReason
from users.devices import WebSubscription, address_hashes, disable_devices
from users.encryption import encrypt
from users.ingestion.identities import hold_people
from users.ingestion.inputs import DeviceInput, DeviceSignOff
from users.ingestion.references import UNDESCRIBED, insert_customers
from users.ingestion.validate import check_who
from users.models import Device
from users.privacy.consents import ConsentStatement, add_consents
from users.privacy.tombstones import again_if_erased, find_erased

MAX_PER_CUSTOMER = 10  # live devices of one customer on one channel; those seen last stay
CONSENT_SOURCE = "device registration"

_TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
_APNS_TOKEN = re.compile(r"[0-9a-fA-F]{16,200}")

# Whoever is not known yet is created; then each device comes to its newest owner, because phones change hands.
_ADD_CUSTOMERS = f"""
{insert_customers("external_id")} SELECT ref, {UNDESCRIBED} FROM unnest(%(customers)s::text[]) AS named (ref)
WHERE NOT EXISTS (SELECT FROM users_customer WHERE external_id = ref) ORDER BY ref
ON CONFLICT (external_id) DO NOTHING
"""
_ADD_VISITORS = f"""
{insert_customers("anonymous_id")} SELECT ref, {UNDESCRIBED} FROM unnest(%(visitors)s::text[]) AS named (ref)
WHERE NOT EXISTS (SELECT FROM users_customer WHERE anonymous_id = ref) ORDER BY ref
ON CONFLICT (anonymous_id) DO NOTHING
"""
_REGISTER = """
INSERT INTO users_device AS known (customer_id, channel, address, address_hash, platform, language, created_at,
                                   last_seen_at, disabled_reason)
SELECT coalesce(named.merged_into_id, named.id), said.channel, said.address, said.hash, said.platform, said.language,
       %(now)s, %(now)s, ''
FROM unnest(%(customer_refs)s::text[], %(visitor_refs)s::text[], %(channels)s::text[], %(addresses)s::text[],
            %(hashes)s::text[], %(platforms)s::text[], %(languages)s::text[])
    AS said (customer_ref, visitor_ref, channel, address, hash, platform, language)
JOIN users_customer AS named ON named.id = CASE said.customer_ref
    WHEN '' THEN (SELECT id FROM users_customer WHERE anonymous_id = said.visitor_ref)
    ELSE (SELECT id FROM users_customer WHERE external_id = said.customer_ref) END
ORDER BY said.channel, said.hash
ON CONFLICT (channel, address_hash) DO UPDATE SET
    customer_id = excluded.customer_id, address = excluded.address, last_seen_at = excluded.last_seen_at,
    platform = coalesce(nullif(excluded.platform, ''), known.platform),
    language = coalesce(nullif(excluded.language, ''), known.language), disabled_at = NULL, disabled_reason = ''
RETURNING customer_id
"""
_DISABLE_SURPLUS = f"""
UPDATE users_device SET disabled_at = %(now)s, disabled_reason = '{DisabledReason.SURPLUS}' WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY customer_id, channel ORDER BY last_seen_at DESC, id DESC) AS place
        FROM users_device WHERE customer_id = ANY(%(owners)s) AND disabled_at IS NULL
    ) AS placed WHERE place > {MAX_PER_CUSTOMER}
)
"""


@again_if_erased
def register_devices(*, devices: Sequence[DeviceInput], trusted: bool) -> IngestResult | None:
    """Take the good ones in and refuse the others with index and reason. Registering again renews `last_seen_at`.

    Only a `trusted` caller may name a customer, or other channels than web push: what a browser says of itself counts
    for the visitor `anonymous_id`, and for whom that visitor has identified itself as.
    """
    result = IngestResult()
    erased = find_erased(
        customer_ids=(device.customer_id for device in devices), anonymous_ids=(each.anonymous_id for each in devices)
    )
    good: dict[tuple[str, str], DeviceInput] = {}
    for index, device in enumerate(devices):
        try:
            _check(device, trusted=trusted)
            erased.check(device.customer_id, device.anonymous_id)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
        else:
            good[device.channel, _known_by(device)] = device
    with transaction.atomic():
        if not erased.hold():
            return None
        if good:
            _store(list(good.values()), timezone.now())
    result.accepted = len(good)
    result.duplicates = len(devices) - len(result.refused) - len(good)
    return result


def _store(devices: list[DeviceInput], now: datetime) -> None:
    customers = sorted({each.customer_id for each in devices if each.customer_id})
    visitors = sorted({each.anonymous_id for each in devices if not each.customer_id})
    hashes = address_hashes(map(_known_by, devices))
    with connection.cursor() as cursor:
        cursor.execute(_ADD_CUSTOMERS, {"customers": customers})
        cursor.execute(_ADD_VISITORS, {"visitors": visitors})
        hold_people(external_ids=customers, anonymous_ids=visitors, joining=False)
        rows: dict[str, Any] = {
            "now": now,
            "customer_refs": [each.customer_id for each in devices],
            "visitor_refs": [each.anonymous_id for each in devices],
            "channels": [each.channel for each in devices],
            "addresses": [encrypt(_address(each)) for each in devices],
            "hashes": [hashes[_known_by(each)] for each in devices],
            "platforms": [each.platform for each in devices],
            "languages": [each.language for each in devices],
        }
        cursor.execute(_REGISTER, rows)
        owners = sorted({owner for (owner,) in cursor.fetchall()})
        cursor.execute(_DISABLE_SURPLUS, {"owners": owners, "now": now})
    add_consents(statements=[_statement(each, now) for each in devices if each.consent is not None])


def sign_off_devices(*, devices: Sequence[DeviceSignOff]) -> IngestResult:
    """Write to these devices no more. Whoever knows a token or an endpoint is its device; unknown ones are no error."""
    result = IngestResult()
    keys: dict[str, set[str]] = {}
    for index, device in enumerate(devices):
        known_by = device.endpoint if device.channel == Channel.WEBPUSH else device.token
        if device.channel not in DEVICE_CHANNELS or not known_by:
            message = f"Give a channel ({', '.join(DEVICE_CHANNELS)}) and its token or endpoint."
            result.refused.append(RefusedRow(index, "bad_device", message))
        else:
            keys.setdefault(device.channel, set()).add(known_by)
    for channel, known in keys.items():
        hashes = address_hashes(known).values()
        found = Device.objects.filter(channel=channel, address_hash__in=list(hashes)).values_list("pk", flat=True)
        result.accepted += disable_devices(device_ids=found, reason=DisabledReason.SIGNED_OFF)
    result.duplicates = len(devices) - len(result.refused) - result.accepted
    return result


def _check(device: DeviceInput, *, trusted: bool) -> None:
    check_who(device.customer_id, device.anonymous_id)
    if device.channel not in DEVICE_CHANNELS:
        raise Refused("bad_channel", f"channel must be one of {', '.join(DEVICE_CHANNELS)}.")
    if not trusted and (device.channel != Channel.WEBPUSH or device.customer_id):
        raise Refused(
            "not_allowed", "A write key registers web push of a visitor (anonymous_id); use a server key for others."
        )
    check_text(device.platform, "platform", 64)
    check_text(device.language, "language", 16)
    check_text(device.text_version, "text_version", 64)
    if device.channel == Channel.WEBPUSH:
        _check_subscription(device)
    elif device.channel == Channel.APNS and not _APNS_TOKEN.fullmatch(device.token):
        raise Refused("bad_token", "token must be the device token in hexadecimal digits.")
    elif not _TOKEN.fullmatch(device.token):
        raise Refused("bad_token", "token must have 8 to 4,096 printable characters without spaces.")


def _check_subscription(device: DeviceInput) -> None:
    check_text(device.endpoint, "endpoint", 2048)
    try:
        parts = urlsplit(device.endpoint)
        well_formed = parts.scheme == "https" and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise Refused("bad_endpoint", "endpoint must be the https address of the browser's push service.")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes(device.p256dh))
    except ValueError:
        raise Refused("bad_p256dh", "p256dh must be a point of the curve P-256, uncompressed, as base64url.") from None
    try:
        secret = _bytes(device.auth)
    except ValueError:
        secret = b""
    if len(secret) != 16:
        raise Refused("bad_auth", "auth must be 16 bytes as base64url.")


def _bytes(text: str) -> bytes:
    """base64url, with or without padding. Raises ValueError."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error


def _known_by(device: DeviceInput) -> str:
    return device.endpoint if device.channel == Channel.WEBPUSH else device.token


def _address(device: DeviceInput) -> str:
    if device.channel == Channel.WEBPUSH:
        return WebSubscription(device.endpoint, device.p256dh, device.auth).text()
    return device.token


def _statement(device: DeviceInput, now: datetime) -> ConsentStatement:
    return ConsentStatement(
        customer_id=device.customer_id,
        anonymous_id=device.anonymous_id,
        channel=device.channel,
        purpose=ConsentPurpose.MARKETING,
        granted=bool(device.consent),
        source=CONSENT_SOURCE,
        text_version=device.text_version,
        recorded_at=now,
    )
