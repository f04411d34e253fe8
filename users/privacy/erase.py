"""Erasure (GDPR Art. 17, PIPL Art. 47): what identifies a customer goes everywhere at once, and does not come back.

What the shop must keep or may count stays without anybody to whom it belongs: amounts of orders, decisions and
deliveries of past campaigns. Those rows keep the number of a customer whose row is empty.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q

from users.choices import AccessAction
from users.models import Customer
from users.privacy.access import Actor, record_access
from users.privacy.files import delete_files_mentioning
from users.privacy.registry import Person, holdings
from users.privacy.tombstones import bury, shut_out_ingestion


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was removed or made anonymous: rows by the label of their table, and `files`."""

    customer_id: int
    rows: Counter[str] = field(default_factory=Counter)


def find_customer(reference: str) -> Customer | None:
    """The customer with the shop's id `reference`, else the visitor with that anonymous id; the one they joined."""
    known = Customer.objects.select_related("merged_into")
    found = known.filter(external_id=reference).first() or known.filter(anonymous_id=reference).first()
    return found.merged_into if found and found.merged_into else found


def find_person(customer: Customer, *, lock: bool = False) -> Person:
    """The customer, all rows that were merged into it, and every text that names them."""
    root = customer.merged_into_id or customer.pk
    rows = Customer.objects.filter(Q(pk=root) | Q(merged_into=root)).order_by("pk")
    family = list(rows.select_for_update() if lock else rows)
    return Person(
        ids=tuple(row.pk for row in family),
        texts=_given(text for row in family for text in (row.external_id, row.anonymous_id, row.email, row.phone)),
        names=_given(name for row in family for name in (row.first_name, row.last_name)),
        external_ids=_given(row.external_id for row in family),
        anonymous_ids=_given(row.anonymous_id for row in family),
        email_hashes=_given(row.email_hash for row in family),
    )


def _given(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def erase_customer(*, customer: Customer, actor: Actor, page: str = "") -> Erasure:
    """Erase the customer with everything that was merged into it. Repeating it finds nothing more to do.

    Ingestion waits meanwhile, and refuses the person's ids from then on for `ERASED_REFUSE_DAYS`.
    """
    erasure = Erasure(customer.pk)
    erasure.rows["files"] = delete_files_mentioning(find_person(customer).texts)
    with transaction.atomic():
        _erase_rows(customer, erasure, actor=actor, page=page)
    return erasure


def _erase_rows(customer: Customer, erasure: Erasure, *, actor: Actor, page: str) -> None:
    shut_out_ingestion()
    person = find_person(customer, lock=True)
    if person.is_erased:
        return
    bury(external_ids=person.external_ids, anonymous_ids=person.anonymous_ids)
    for holding in reversed(holdings()):
        erasure.rows[holding.model._meta.label] += holding.erase(person)
    record_access(customer_id=customer.pk, action=AccessAction.ERASED, actor=actor, page=page)
