"""Import the sample history through the services that the API uses, and count what was lost.

All dates are moved forward by one whole number of weeks, so that the history ends within the last week and keeps its
weekdays and hours. What the history does not hold (names, categories, brands) stays empty.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.services import ItemInput, upsert_items
from demo.countries import SHOP_TIME_ZONE, country
from demo.history import clean, is_return, read_batches
from demo.titles import clean_description, title_case
from users.ingestion import (
    ConsentInput,
    CustomerInput,
    EventInput,
    IngestResult,
    OrderInput,
    OrderLine,
    ingest_customers,
    ingest_events,
    ingest_orders,
)
from users.ingestion.quality import count_rows
from users.profiles import refresh_profiles

SOURCE = "online_retail"
CURRENCY = "GBP"
CONSENTING_PERCENT = 95

_CENT = Decimal("0.01")
_LONDON = ZoneInfo(SHOP_TIME_ZONE)


@dataclass
class ImportSummary:
    """What one import read, kept and dropped. `weeks` is how far the dates were moved."""

    raw_lines: int = 0
    sold_lines: int = 0
    returned_lines: int = 0
    orders: int = 0
    customers: int = 0
    items: int = 0
    weeks: int = 0
    seconds: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Survey:
    """What a first pass over the history found: all that needs every line before the first can be stored."""

    raw_lines: int
    dropped: Counter[str]
    last_line: datetime
    items: list[ItemInput]
    customers: list[CustomerInput]


def import_history(
    path: Path,
    *,
    base_url: str,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportSummary:
    """Import `path`; `on_progress(lines done, lines in all)` is called after each batch.

    Repeating it changes nothing: every row carries the shop's own ids. Raises HistoryError before anything is stored.
    """
    started = time.monotonic()
    survey = survey_history(path, base_url=base_url)
    shift = weeks_to_move(survey.last_line, now or datetime.now(UTC))
    summary = ImportSummary(raw_lines=survey.raw_lines, weeks=shift.days // 7, dropped=survey.dropped)
    upsert_items(items=survey.items)
    _note_refusals(summary, ingest_customers(customers=survey.customers, source=SOURCE))
    summary.items, summary.customers = len(survey.items), len(survey.customers)
    done = 0
    for raw in read_batches(path):
        _import_lines(clean(raw).lines, shift, summary)
        done += raw.num_rows
        on_progress(done, survey.raw_lines)
    count_rows(source=SOURCE, reasons=survey.dropped)
    refresh_profiles()
    summary.seconds = time.monotonic() - started
    return summary


def _import_lines(lines: pa.Table, shift: timedelta, summary: ImportSummary) -> None:
    if lines.num_rows == 0:
        return
    returned = is_return(lines)
    sales, returns = lines.filter(pc.invert(returned)), lines.filter(returned)
    orders = list(_orders(sales, shift))
    _note_refusals(summary, ingest_orders(orders=orders, source=SOURCE))
    _note_refusals(summary, ingest_events(events=_refunds(returns, shift), source=SOURCE))
    summary.orders += len(orders)
    summary.sold_lines += sales.num_rows
    summary.returned_lines += returns.num_rows


def _note_refusals(summary: ImportSummary, result: IngestResult) -> None:
    for row in result.refused:
        summary.dropped[row.reason] += 1


def weeks_to_move(last_line: datetime, now: datetime) -> timedelta:
    """The whole weeks that bring `last_line` (the shop's wall clock) to within the week before `now`."""
    return timedelta(weeks=(now.astimezone(_LONDON).replace(tzinfo=None) - last_line) // timedelta(weeks=1))


def survey_history(path: Path, *, base_url: str) -> Survey:
    """Read the whole history once, for its items, its customers and its end."""
    raw_lines, last_line = 0, datetime.min  # noqa: DTZ901 - the file holds the shop's wall clock
    dropped: Counter[str] = Counter()
    codes: list[np.ndarray[Any, Any]] = []
    prices: list[np.ndarray[Any, Any]] = []
    titles: dict[str, Counter[str]] = {}
    countries: dict[int, str] = {}
    for raw in read_batches(path):
        batch = clean(raw)
        raw_lines += raw.num_rows
        dropped.update(batch.dropped)
        if batch.lines.num_rows == 0:
            continue
        last_line = max(last_line, pc.max(batch.lines["InvoiceDate"]).as_py())
        codes.append(batch.lines["StockCode"].to_numpy(zero_copy_only=False).astype("U12"))
        prices.append(batch.lines["UnitPrice"].to_numpy())
        for row in batch.lines.group_by(["StockCode", "Description"]).aggregate([([], "count_all")]).to_pylist():
            title = clean_description(row["Description"] or "")
            titles.setdefault(row["StockCode"], Counter())[title] += row["count_all"]
        for row in batch.lines.group_by(["CustomerID", "Country"]).aggregate([]).to_pylist():
            countries[row["CustomerID"]] = row["Country"]
    items = _items(titles, _medians(codes, prices), base_url)
    return Survey(raw_lines, dropped, last_line, items, [_customer(*pair) for pair in sorted(countries.items())])


def _medians(codes: list[np.ndarray[Any, Any]], prices: list[np.ndarray[Any, Any]]) -> dict[str, Decimal]:
    """The median price of each code's lines, which a mistyped price or a bulk discount does not move."""
    if not codes:
        return {}
    names, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    values = np.concatenate(prices)
    order = np.lexsort((values, inverse))
    borders = np.flatnonzero(np.diff(inverse[order])) + 1
    groups = np.split(values[order], borders)
    return {str(name): _money(float(np.median(group))) for name, group in zip(names, groups, strict=True)}


def _items(titles: dict[str, Counter[str]], prices: dict[str, Decimal], base_url: str) -> list[ItemInput]:
    return [
        ItemInput(
            external_id=code,
            title=title_case(titles[code].most_common(1)[0][0]) or code,
            price=price,
            currency=CURRENCY,
            url=f"{base_url}/demo/shop/{code}/",
        )
        for code, price in prices.items()
    ]


def _customer(number: int, country_name: str) -> CustomerInput:
    home = country(country_name)
    return CustomerInput(
        external_id=str(number),
        email=f"shopper-{number}@example.com",
        language="en",
        country=home.code,
        time_zone=home.time_zone,
        consents=(ConsentInput(channel="email", granted=_consents(number), source="demo"),),
    )


def _consents(number: int) -> bool:
    digest = hashlib.sha256(f"consent:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < CONSENTING_PERCENT


def _orders(sales: pa.Table, shift: timedelta) -> Iterator[OrderInput]:
    """One order per invoice. The file keeps an invoice's lines together."""
    columns = (sales[name].to_pylist() for name in ("InvoiceNo", "CustomerID", "InvoiceDate", "StockCode"))
    numbers = (sales[name].to_pylist() for name in ("Quantity", "UnitPrice"))
    invoice, head = "", (0, datetime.min)  # noqa: DTZ901
    lines: list[OrderLine] = []
    for number, customer, placed, code, quantity, price in zip(*columns, *numbers, strict=True):
        if number != invoice:
            if lines:
                yield _order(invoice, head, lines, shift)
            invoice, lines, head = number, [], (customer, placed)
        lines.append(OrderLine(item_id=code, quantity=quantity, price=_money(price)))
    if lines:
        yield _order(invoice, head, lines, shift)


def _order(invoice: str, head: tuple[int, datetime], lines: list[OrderLine], shift: timedelta) -> OrderInput:
    customer, placed = head
    return OrderInput(
        order_id=invoice,
        customer_id=str(customer),
        placed_at=_moved(placed, shift),
        currency=CURRENCY,
        lines=tuple(lines),
    )


def _refunds(returns: pa.Table, shift: timedelta) -> Iterator[EventInput]:
    for index, line in enumerate(returns.to_pylist()):
        yield EventInput(
            message_id=f"{SOURCE}:{line['InvoiceNo']}:{index}",
            type="refund",
            occurred_at=_moved(line["InvoiceDate"], shift),
            customer_id=str(line["CustomerID"]),
            item_id=line["StockCode"],
            quantity=-line["Quantity"],
            price=_money(line["UnitPrice"]),
            currency=CURRENCY,
        )


def _moved(wall_clock: datetime, shift: timedelta) -> datetime:
    return (wall_clock + shift).replace(tzinfo=_LONDON)


def _money(amount: float) -> Decimal:
    return max(Decimal(repr(amount)).quantize(_CENT), _CENT)
