"""What changes the catalogue."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from catalog.mending import mend_code, mend_currency, mend_prose
from catalog.models import Category, Item, shop_currency
from catalog.signals import items_taken
from catalog.tally import Tally
from catalog.validation import (
    IngestResult,
    Refused,
    RefusedRow,
    check_currency,
    check_id,
    check_money,
    check_text,
    json_text,
)

BATCH = 1_000  # items in memory at once

_TEXT_LIMITS = {"title": 500, "description": 100_000, "category": 255, "brand": 255, "url": 1000, "image_url": 1000}
_MENDERS = {
    **dict.fromkeys(("external_id", "url", "image_url"), mend_code),
    **dict.fromkeys(("title", "description", "category", "brand"), mend_prose),
    "currency": lambda code: mend_currency(code, shop_currency()),
}
_UPDATED = (
    *("title", "description", "category", "brand", "price", "list_price", "currency", "stock", "is_active"),
    *("is_repurchasable", "url", "image_url", "attributes", "updated_at"),
)


@dataclass(frozen=True, slots=True)
class ItemInput:
    """An item as the shop describes it; `category` is the shop's id of the category. It replaces what was stored."""

    external_id: str
    title: str
    description: str = ""
    category: str = ""
    brand: str = ""
    price: Decimal | None = None
    list_price: Decimal | None = None
    currency: str = ""
    stock: int | None = None
    is_active: bool = True
    is_repurchasable: bool = True
    url: str = ""
    image_url: str = ""
    attributes: dict[str, Any] | None = None


def upsert_items(*, items: Iterable[ItemInput], source: str = "items") -> IngestResult:
    """Create or replace items; new categories are created. Mends what can be, refuses the bad rows, keeps the good."""
    result = IngestResult()
    rows = iter(items)
    offset = 0
    while batch := list(islice(rows, BATCH)):
        result.add(_upsert_batch(batch, offset=offset, source=source))
        offset += len(batch)
    return result


def _upsert_batch(batch: list[ItemInput], *, offset: int, source: str) -> IngestResult:
    result = IngestResult()
    tally = Tally(source)
    good: dict[str, ItemInput] = {}
    for index, item in enumerate((_mend_item(item, tally) for item in batch), start=offset):
        try:
            _check_item(item)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            tally.note(refused.reason, item.external_id, refused.message)
            continue
        if item.external_id in good:
            result.duplicates += 1
        good[item.external_id] = item  # the last description of an item holds
    ordered = sorted(good.values(), key=lambda item: item.external_id)
    with transaction.atomic():
        categories = _categories({item.category for item in ordered if item.category})
        Item.objects.bulk_create(
            [_row(item, categories) for item in ordered],
            update_conflicts=True,
            unique_fields=["external_id"],
            update_fields=_UPDATED,
        )
        tally.taken = len(ordered)
        tally.rows["duplicate_item"] += result.duplicates
        items_taken.send(sender=Item, tally=tally)
    result.accepted += len(ordered)
    return result


def _mend_item(item: ItemInput, tally: Tally) -> ItemInput:
    """The item with its texts mended; what was changed is noted in `tally`."""
    changes: dict[str, Any] = {}
    for name, mender in _MENDERS.items():
        old = getattr(item, name)
        new, reasons = mender(old)
        if reasons:
            changes[name] = new
            for reason in reasons:
                tally.note(reason, item.external_id, f"{name}: {old:.100} → {new:.100}")
    return replace(item, **changes) if changes else item


def _check_item(item: ItemInput) -> None:
    check_id(item.external_id, "external_id")
    if not item.title.strip():
        raise Refused("missing_title", "title is missing.")
    for name, limit in _TEXT_LIMITS.items():
        check_text(getattr(item, name), name, limit)
    for name in ("price", "list_price"):
        if getattr(item, name) is not None:
            check_money(getattr(item, name), name)
    if item.currency:
        check_currency(item.currency)
    json_text(item.attributes, "attributes")
    if item.stock is not None and not 0 <= item.stock < 2**31:
        raise Refused("bad_stock", "stock must be a whole number of at least 0.")


def _categories(names: set[str]) -> dict[str, Category]:
    """The categories by the shop's id, made where missing."""
    Category.objects.bulk_create(
        [Category(external_id=name, name=name) for name in sorted(names)], ignore_conflicts=True
    )
    return {category.external_id: category for category in Category.objects.filter(external_id__in=names)}


def _row(item: ItemInput, categories: dict[str, Category]) -> Item:
    return Item(
        external_id=item.external_id,
        title=item.title.strip(),
        description=item.description,
        category=categories.get(item.category),
        brand=item.brand,
        price=item.price,
        list_price=item.list_price,
        currency=item.currency or shop_currency(),
        stock=item.stock,
        is_active=item.is_active,
        is_repurchasable=item.is_repurchasable,
        url=item.url,
        image_url=item.image_url,
        attributes=item.attributes or {},
        updated_at=timezone.now(),
    )
