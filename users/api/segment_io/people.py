"""Calls about people: identify, alias and group, and the consent that a visitor gave or withdrew."""

from typing import Any

from catalog.validation import Refused, check_id
from users.api.segment_io.envelope import Envelope
from users.api.segment_io.values import read_id, read_object, read_text, read_time
from users.choices import Channel, ConsentPurpose
from users.ingestion import ConsentInput, CustomerInput, TrackingBatch
from users.ingestion.validate import EARLIEST

MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE_LENGTH = 500  # characters of one value as JSON or text
MAX_NAME_LENGTH = 100

# Traits that have a field of their own, or are more than is needed to know a shopper (`address`, `avatar`).
_NOT_ATTRIBUTES = frozenset(
    (
        *("email", "phone", "name", "firstName", "first_name", "lastName", "last_name", "username", "birthday"),
        *("address", "country", "locale", "language", "timezone", "avatar"),
    )
)


def identify(found: TrackingBatch, envelope: Envelope) -> None:
    """Traits of a customer, or of a visitor who is not known yet; they go along when it identifies itself."""
    if envelope.user_id and envelope.anonymous_id:
        found.identities.append((envelope.origin, (envelope.anonymous_id, envelope.user_id)))
    traits = envelope.properties
    country = read_text(traits.get("country") or read_object(traits.get("address")).get("country")).upper()
    first_name, last_name = _names(traits)
    birthday = read_time(traits.get("birthday"))
    language = read_text(traits.get("locale")) or read_text(traits.get("language"))
    attributes, dropped = _attributes(traits)
    found.corrected.update({"trait_dropped": dropped} if dropped else {})
    found.customers.append(
        (
            envelope.origin,
            CustomerInput(
                external_id=envelope.user_id,
                anonymous_id=envelope.anonymous_id,
                email=read_text(traits.get("email")),
                phone=read_text(traits.get("phone")),
                first_name=first_name,
                last_name=last_name,
                birth_date=birthday.date() if birthday else None,
                language=language.replace("_", "-").lower()[:16] or envelope.kept.get("locale", ""),
                country=country if len(country) == 2 and country.isascii() and country.isalpha() else "",
                time_zone=envelope.kept.get("timezone", ""),
                attributes=attributes or None,
                described_at=envelope.time,
            ),
        )
    )


def _names(traits: dict[str, Any]) -> tuple[str, str]:
    """First and last name; a whole `name` is divided at its last space where it is all there is."""
    first = read_text(traits.get("firstName")) or read_text(traits.get("first_name"))
    last = read_text(traits.get("lastName")) or read_text(traits.get("last_name"))
    if first or last:
        return first, last
    first, _, last = read_text(traits.get("name")).rpartition(" ")
    return (first.strip(), last) if first else (last, "")


def _attributes(traits: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The other traits that are short, at most MAX_ATTRIBUTES of them; and how many were dropped."""
    other = {name: value for name, value in traits.items() if name not in _NOT_ATTRIBUTES and value is not None}
    short = [
        name
        for name in sorted(other)
        if 0 < len(name) <= MAX_NAME_LENGTH and len(str(other[name])) <= MAX_ATTRIBUTE_LENGTH
    ]
    return {name: other[name] for name in short[:MAX_ATTRIBUTES]}, len(other) - len(short[:MAX_ATTRIBUTES])


def alias(found: TrackingBatch, envelope: Envelope) -> None:
    previous = read_id(envelope.message.get("previousId"))
    if not previous or not envelope.user_id:
        raise Refused("missing_previous_id", "An alias call needs a previousId and a userId.")
    check_id(previous, "previous_id")
    found.aliases.append((envelope.origin, (previous, envelope.user_id)))


def group(found: TrackingBatch, envelope: Envelope) -> None:
    """Companies are not modelled here; the call is kept as an event, so that nothing is lost."""
    context = {"event": "group", "group": read_id(envelope.message.get("groupId"))[:MAX_ATTRIBUTE_LENGTH]}
    found.events.append((envelope.origin, envelope.event("custom", context=context)))


def consent(found: TrackingBatch, envelope: Envelope) -> None:
    """Segment's "Consent Preference Updated": categories are our purposes, or a channel for its marketing."""
    given = read_object(read_object(envelope.context.get("consent")).get("categoryPreferences"))
    consents: list[tuple[str, str, bool]] = []
    for category, granted in given.items():
        if not isinstance(granted, bool):
            continue
        if category in Channel.values:
            consents.append((category, ConsentPurpose.MARKETING, granted))
        elif category in ConsentPurpose.values:
            consents.extend((channel, category, granted) for channel in Channel.values)
    if not consents:
        known = ", ".join((*ConsentPurpose.values, *Channel.values))
        raise Refused("missing_consent", f"context.consent.categoryPreferences must say true or false of {known}.")
    ledger = tuple(
        ConsentInput(channel, granted, "tracking", purpose, envelope.time) for channel, purpose, granted in consents
    )
    # A statement of consent describes nobody: EARLIEST lets every description stand.
    person = CustomerInput(
        external_id=envelope.user_id, anonymous_id=envelope.anonymous_id, consents=ledger, described_at=EARLIEST
    )
    found.customers.append((envelope.origin, person))
