"""Everything we hold of one customer as one JSON document (GDPR Art. 15 and 20, PIPL Art. 45), written as it is read.

The shape is fixed and described in docs/privacy.md: `format`, `version`, `exported_at`, `shop`, then one list per
section. Times are ISO 8601 in UTC, amounts are strings beside their currency.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from users.choices import AccessAction
from users.models import Customer
from users.privacy.access import Actor, record_access
from users.privacy.erase import find_person
from users.privacy.registry import holdings

FORMAT = "apropos-customer"
VERSION = 1


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return o.astimezone(UTC).isoformat() if isinstance(o, datetime) else super().default(o)


def export_customer(*, customer: Customer, actor: Actor, page: str = "") -> Iterator[str]:
    """The document in pieces; joined they are JSON. The access is logged before the first piece is made."""
    record_access(customer_id=customer.pk, action=AccessAction.EXPORTED, actor=actor, page=page)
    return _pieces(customer)


def _pieces(customer: Customer) -> Iterator[str]:
    person = find_person(customer)
    heading = {"format": FORMAT, "version": VERSION, "exported_at": timezone.now(), "shop": settings.SHOP_NAME}
    yield _json(heading)[:-1]
    for holding in holdings():
        if holding.rows is None:
            continue
        yield f",\n{_json(holding.section)}: ["
        for number, row in enumerate(holding.rows(person)):
            yield f"{',' if number else ''}\n{_json(row)}"
        yield "]"
    yield "}\n"


def _json(value: Any) -> str:
    return json.dumps(value, cls=_Encoder, ensure_ascii=False)
