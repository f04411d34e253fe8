"""The suppression list: addresses that must not be written to, whoever they belong to. Only keyed hashes are kept."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from notifications.models import Suppression
from users.choices import Channel
from users.encryption import lookup_hash

BATCH = 2_000
IMPORTED = "imported"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass
class SuppressionImport:
    """What became of a file: `bad` names the first lines that were no address, with their numbers."""

    added: int = 0
    known: int = 0
    bad: list[str] = field(default_factory=list)
    bad_count: int = 0


def suppress(*, channel: str, address_hashes: Iterable[str], reason: str) -> int:
    """Put the addresses on the list; returns how many were not on it. The first reason stays."""
    wanted = {each for each in address_hashes if each}
    known = set(
        Suppression.objects.filter(channel=channel, address_hash__in=wanted).values_list("address_hash", flat=True)
    )
    Suppression.objects.bulk_create(
        (Suppression(channel=channel, address_hash=each, reason=reason[:64]) for each in sorted(wanted - known)),
        ignore_conflicts=True,
    )
    return len(wanted - known)


def unsuppress(*, channel: str, address: str) -> int:
    """Take the address off the list; returns how many rows that were."""
    return Suppression.objects.filter(channel=channel, address_hash=lookup_hash(address)).delete()[0]


def import_suppressions(*, lines: Iterable[str], channel: str = Channel.EMAIL) -> SuppressionImport:
    """Take a list in: CSV whose first column is an address, or a hash of an export of ours; the second a reason.

    A first line that is a heading is passed over. Lines are read one by one, in bounded memory.
    """
    done = SuppressionImport()
    rows = enumerate(csv.reader(lines), start=1)
    while batch := list(islice(rows, BATCH)):
        by_reason: dict[str, set[str]] = {}
        for number, row in batch:
            first = row[0].strip() if row else ""
            if not first or (number == 1 and "@" not in first and not _HASH.fullmatch(first)):
                continue
            if (known_by := _hash_of(first)) is None:
                done.bad_count += 1
                if len(done.bad) < 10:
                    done.bad.append(f"{number}: {first[:80]}")
                continue
            reason = row[1].strip() if len(row) > 1 else ""
            by_reason.setdefault(reason or IMPORTED, set()).add(known_by)
        for reason, hashes in by_reason.items():
            added = suppress(channel=channel, address_hashes=hashes, reason=reason)
            done.added += added
            done.known += len(hashes) - added
    return done


def export_suppressions(*, channel: str = "") -> Iterator[str]:
    """The list as lines of CSV. Addresses cannot be had back from their hashes; an import here knows the hashes."""
    yield "address_hash,reason,channel,since\r\n"
    rows = Suppression.objects.filter(channel=channel) if channel else Suppression.objects.all()
    for row in rows.order_by("pk").iterator(chunk_size=BATCH):
        reason = row.reason.replace('"', '""')
        yield f'{row.address_hash},"{reason}",{row.channel},{row.created_at.isoformat()}\r\n'


def _hash_of(text: str) -> str | None:
    if _HASH.fullmatch(text):
        return text
    try:
        validate_email(text)
    except ValidationError:
        return None
    return lookup_hash(text)
