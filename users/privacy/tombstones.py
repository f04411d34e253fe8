"""What was erased must not come back by a late retry: for some days, rows that name an erased id are refused.

Only a keyed hash of the id is kept, and only so long. Afterwards the same person may become a customer again, as
anybody may.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connection
from django.utils import timezone

from catalog.validation import Refused
from users.encryption import keyed_hashes
from users.models import ErasedId

_LOCK = 0x657261736564  # "erased": ingestion shares it, an erasure takes it alone

# For a statement that stores rows by itself: it must come after SHUT_ERASURES_OUT, and store only if NEWEST_TOMBSTONE
# is still the one as of which `find_erased` looked.
SHUT_ERASURES_OUT = f"SELECT pg_advisory_xact_lock_shared({_LOCK})"
NEWEST_TOMBSTONE = "(SELECT coalesce(max(id), 0) FROM users_erasedid)"

_seen = 0  # the newest tombstone that this process knows of

_CUSTOMER, _VISITOR = "erased customer", "erased visitor"  # the same text may be both

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ErasedIds:
    """Which of the asked ids were erased, as of the tombstone `newest`."""

    newest: int
    customer_ids: frozenset[str] = frozenset()
    anonymous_ids: frozenset[str] = frozenset()

    def check(self, customer_id: str, anonymous_id: str = "") -> None:
        """Refuse a row of an erased customer, or of an erased visitor who names no customer."""
        if customer_id in self.customer_ids or (not customer_id and anonymous_id in self.anonymous_ids):
            raise Refused("erased", "This customer was erased a short while ago; what is sent of them is refused.")

    def hold(self) -> bool:
        """Keep erasures out until the transaction ends; False if one came in since the ids were looked up."""
        return self.holds(_lock_and_read(shared=True))

    def holds(self, newest: int) -> bool:
        """Whether the ids were looked up as of the tombstone `newest`. If not, they will be the next time."""
        _remember(newest)
        return newest == self.newest


def find_erased(*, customer_ids: Iterable[str] = (), anonymous_ids: Iterable[str] = ()) -> ErasedIds:
    """Which of these ids must be refused, as far as this process knows: whoever stores rows must `hold` it then.

    No query while nobody was erased lately.
    """
    if not (newest := _seen):
        return ErasedIds(0)
    return ErasedIds(newest, _still_erased(customer_ids, _CUSTOMER), _still_erased(anonymous_ids, _VISITOR))


def _remember(newest: int) -> None:
    global _seen  # noqa: PLW0603
    _seen = newest


def _still_erased(ids: Iterable[str], kind: str) -> frozenset[str]:
    """Those of `ids` that must be refused."""
    hashes = keyed_hashes({ref for ref in ids if ref}, purpose=kind)
    if not hashes:
        return frozenset()
    live, now = "SELECT id_hash FROM users_erasedid WHERE refuse_until > %s", timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(f"{live} LIMIT %s", [now, len(hashes)])
        found = {value for (value,) in cursor.fetchall()}
        if len(found) == len(hashes):  # more were erased than are asked about
            cursor.execute(f"{live} AND id_hash = ANY(%s)", [now, list(hashes.values())])
            found = {value for (value,) in cursor.fetchall()}
    return frozenset(ref for ref, value in hashes.items() if value in found) if found else frozenset()


def refuse_erased(*, customer_ids: Iterable[str] = (), anonymous_ids: Iterable[str] = ()) -> None:
    """Refuse if any of these ids was erased, and keep erasures out until the transaction ends."""
    customers, visitors = list(customer_ids), list(anonymous_ids)
    _lock_and_read(shared=True)
    erased = find_erased(customer_ids=customers, anonymous_ids=visitors)
    for ref in customers:
        erased.check(ref)
    for ref in visitors:
        erased.check("", ref)


def again_if_erased(ingest: Callable[P, R | None]) -> Callable[P, R]:
    """Take a batch in again when it returns None, because somebody was erased just before its transaction.

    It returns instead of raising, so that a surrounding transaction stays sound.
    """

    @functools.wraps(ingest)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        while (result := ingest(*args, **kwargs)) is None:
            pass
        return result

    return run


def bury(*, external_ids: Iterable[str], anonymous_ids: Iterable[str]) -> None:
    """Remember that these ids were erased. The caller holds `shut_out_ingestion`."""
    until = timezone.now() + timedelta(days=settings.ERASED_REFUSE_DAYS)
    customers, visitors = keyed_hashes(external_ids, purpose=_CUSTOMER), keyed_hashes(anonymous_ids, purpose=_VISITOR)
    hashes = [*customers.values(), *visitors.values()]
    ErasedId.objects.filter(id_hash__in=hashes).delete()  # so that the new row's id tells waiting batches
    buried = ErasedId.objects.bulk_create(ErasedId(id_hash=value, refuse_until=until) for value in hashes)
    _remember(max((row.pk for row in buried), default=_seen))


def was_erased(external_id: str) -> bool:
    """Whether the shop's id was erased lately."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {NEWEST_TOMBSTONE}")
        _remember(cursor.fetchone()[0])
    return bool(find_erased(customer_ids=[external_id]).customer_ids)


def shut_out_ingestion() -> None:
    """Wait for the batches that are under way, and keep others out until the transaction ends."""
    _lock_and_read(shared=False)


def _lock_and_read(*, shared: bool) -> int:
    """Take the lock, then read the newest tombstone: two statements, so that the second sees what we waited for."""
    how = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {how}(%s); SELECT {NEWEST_TOMBSTONE}", [_LOCK])
        newest: int = cursor.fetchone()[0]
    _remember(newest)
    return newest
