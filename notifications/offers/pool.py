"""Imported codes: each waits in its offer's pool until one coupon takes it (`offers.issue`)."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from notifications.choices import CodeSource
from notifications.models import Offer
from notifications.offers.codes import InvalidCodeError, canonical_code

BATCH = 10_000
FAULTS_SHOWN = 20

_STORE = """
INSERT INTO notifications_poolcode (offer_id, code, imported_at)
SELECT %s, code, now() FROM unnest(%s::text[]) AS said (code)
WHERE NOT EXISTS (SELECT FROM notifications_coupon coupon WHERE coupon.code = said.code)
ON CONFLICT (code) DO NOTHING
"""


class NoPoolError(ValueError):
    """The offer makes its own codes."""


@dataclass(slots=True)
class CodesImported:
    """`added` codes are new; `known` ones were in a pool or on a coupon; `faults` name the first that are no codes."""

    added: int = 0
    known: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


def read_codes(lines: Iterable[str]) -> Iterator[str]:
    """The first column of CSV lines; empty lines, and a heading `code`, are left out."""
    for row in csv.reader(lines):
        text = row[0].strip().lstrip("\ufeff") if row else ""
        if text and text.lower() != "code":
            yield text


@transaction.atomic
def import_codes(*, offer: Offer, codes: Iterable[str]) -> CodesImported:
    """Put codes into the offer's pool; those that are known anywhere are left out, so it may be repeated.

    Raises NoPoolError when the offer makes its own codes.
    """
    if offer.code_source != CodeSource.IMPORTED:
        raise NoPoolError(_("The codes of this offer are made by Apropos; set it to imported codes first."))
    result = CodesImported()
    remaining = iter(codes)
    while batch := list(islice(remaining, BATCH)):
        result.known += len(batch)
        good: dict[str, None] = {}
        for text in batch:
            try:
                good[canonical_code(text)] = None
            except InvalidCodeError:
                result.known -= 1
                result.refused += 1
                result.faults += [text[:64]] if len(result.faults) < FAULTS_SHOWN else []
        with connection.cursor() as cursor:
            cursor.execute(_STORE, [offer.pk, list(good)])
            result.added += cursor.rowcount
            result.known -= cursor.rowcount
    return result


def low_pools() -> QuerySet[Offer]:
    """Offers whose pool holds fewer codes than they want to be warned at, each with `codes_left`."""
    stocked = Offer.objects.filter(code_source=CodeSource.IMPORTED).annotate(codes_left=Count("pool"))
    return stocked.filter(Q(codes_left__lt=F("low_stock"))).order_by("codes_left", "pk")
