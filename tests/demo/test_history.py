import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings

from catalog.models import Item
from demo import history, importing
from demo.countries import COUNTRIES, country
from demo.history import HISTORY_FILE, HistoryError, clean, is_return, read_batches
from demo.titles import clean_description, title_case
from users.choices import EventType
from users.models import Customer, Event, Order, QualityCount

NOON = datetime(2011, 12, 9, 12, 0)  # noqa: DTZ001


def line(invoice="500001", code="85123A", description="WHITE LANTERN", quantity=2, price=2.5, customer=17850, **more):
    row = (invoice, code, description, quantity, more.get("at", NOON), price, customer, more.get("country", "France"))
    return dict(zip(history.COLUMNS, row, strict=True))


def table(*rows):
    schema = pq.read_schema(HISTORY_FILE)
    return pa.Table.from_pylist(list(rows), schema=schema)


@pytest.fixture
def write_history(tmp_path):
    def write(*rows):
        path = tmp_path / "history.parquet"
        pq.write_table(table(*rows), path)
        return path

    return write


def test_every_line_of_the_shipped_history_is_kept_or_counted_under_one_reason():
    kept = dropped = returned = 0
    invoices: set[str] = set()
    for raw in read_batches(HISTORY_FILE):
        batch = clean(raw)
        assert batch.lines.num_rows + sum(batch.dropped.values()) == raw.num_rows
        kept += batch.lines.num_rows
        dropped += sum(batch.dropped.values())
        returned += sum(is_return(batch.lines).to_pylist())
        here = set(raw["InvoiceNo"].to_pylist())
        assert not here & invoices, "an invoice was torn between two batches"
        invoices |= here
    assert kept + dropped == 541_909
    assert (kept, returned) == (399_656, 8_506)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (line(customer=None), history.NO_CUSTOMER),
        (line(customer=None, quantity=-3), history.WRITE_OFF),
        (line(code="POST"), history.NOT_A_PRODUCT),
        (line(code="gift_0001_20"), history.NOT_A_PRODUCT),
        (line(code="BANK CHARGES"), history.NOT_A_PRODUCT),
        (line(price=0.0), history.NO_PRICE),
        (line(price=-11062.06), history.NO_PRICE),
        (line(quantity=0), history.NO_QUANTITY),
    ],
)
def test_a_line_that_says_nothing_of_a_shopper_is_dropped_with_its_reason(row, reason):
    batch = clean(table(line(), row))
    assert batch.dropped == {reason: 1}
    assert batch.lines.num_rows == 1


def test_only_exact_repeats_are_duplicates():
    batch = clean(table(line(), line(), line(quantity=3), line(code="85123a")))
    assert batch.dropped == {history.DUPLICATE: 2}  # 85123a is 85123A
    assert batch.lines["Quantity"].to_pylist() == [2, 3]


def test_the_history_knows_every_country_of_the_file():
    names = set(pq.read_table(HISTORY_FILE, columns=["Country"])["Country"].unique().to_pylist())
    assert names == set(COUNTRIES)
    for name in names:
        assert ZoneInfo(country(name).time_zone)
    assert country("Atlantis").code == ""


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("SET OF 3 CAKE TINS  PANTRY DESIGN ", "Set of 3 Cake Tins Pantry Design"),
        ("OF ALL THE HEARTS,", "Of All the Hearts"),
        ("POLYESTER FILLER PAD 45x45cm", "Polyester Filler Pad 45x45cm"),
        ("CHILDREN'S 3D PUZZLE", "Children's 3D Puzzle"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS", "Paper Chain Kit 50's Christmas"),
        ("ACRYLIC JEWEL ANGEL,PINK", "Acrylic Jewel Angel, Pink"),
    ],
)
def test_titles_are_readable(raw, title):
    assert title_case(clean_description(raw)) == title


@pytest.mark.parametrize("now", [datetime(2026, 3, 29, 2, 30, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)])
def test_dates_move_by_whole_weeks_to_within_the_last_week(now):
    shift = importing.weeks_to_move(NOON, now)
    assert shift % timedelta(weeks=1) == timedelta(0)
    age = now.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None) - (NOON + shift)
    assert timedelta(0) <= age < timedelta(weeks=1)


@pytest.mark.django_db
def test_an_import_stores_orders_refunds_and_customers_and_counts_the_rest(write_history):
    path = write_history(
        line(),
        line(code="22423", description="CAKE STAND", quantity=1, price=12.75),
        line(invoice="500002", price=3.5, customer=12346, country="EIRE"),
        line(invoice="C500003", quantity=-1, price=3.5, customer=12346, country="EIRE"),
        line(invoice="500004", customer=None),
        line(invoice="500005", code="POST"),
    )
    summary = importing.import_history(path, base_url="http://shop.test", now=datetime(2026, 11, 20, 20, tzinfo=UTC))
    assert (summary.raw_lines, summary.sold_lines, summary.returned_lines) == (6, 3, 1)
    assert summary.dropped == {history.NO_CUSTOMER: 1, history.NOT_A_PRODUCT: 1}
    assert dict(QualityCount.objects.filter(source=importing.SOURCE).values_list("reason", "rows")) == summary.dropped

    order = Order.objects.get(external_id="500001")
    assert order.total == Decimal("17.75")
    assert order.placed_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    refund = Event.objects.get(type=EventType.REFUND)
    assert (refund.quantity, refund.price, refund.customer.external_id) == (1, Decimal("3.50"), "12346")
    customer = Customer.objects.get(external_id="12346")
    assert (customer.email, customer.country, customer.time_zone, customer.first_name) == (
        *("shopper-12346@example.com", "IE", "Europe/Dublin"),
        "",
    )
    assert customer.profile.order_count == 1
    item = Item.objects.get(external_id="85123A")
    assert (item.title, item.price, item.url) == (
        "White Lantern",
        Decimal("3.50"),
        "http://shop.test/demo/shop/85123A/",
    )
    assert (item.brand, item.category) == ("", None)


@pytest.mark.django_db
def test_importing_twice_changes_nothing(write_history):
    path = write_history(line(), line(invoice="C500003", quantity=-1))
    now = datetime(2026, 11, 20, tzinfo=UTC)
    importing.import_history(path, base_url="http://shop.test", now=now)
    before = list(Event.objects.order_by("id").values())
    importing.import_history(path, base_url="http://shop.test", now=now)
    assert list(Event.objects.order_by("id").values()) == before
    assert Order.objects.count() == 1


def test_a_history_that_cannot_be_used_says_why(tmp_path):
    with pytest.raises(HistoryError, match="does not exist"):
        history.check_history(tmp_path / "absent.parquet")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1" + b"\xff" * 100)
    with pytest.raises(HistoryError, match="cannot be read as Parquet"):
        history.check_history(broken)
    narrow = tmp_path / "narrow.parquet"
    pq.write_table(table(line()).drop_columns(["UnitPrice", "Country"]), narrow)
    with pytest.raises(HistoryError, match="no column UnitPrice, Country"):
        history.check_history(narrow)


RAW_HISTORY = settings.BASE_DIR.parent / "shared" / "data" / "online_retail.csv.gz"


@pytest.mark.skipif(not RAW_HISTORY.exists(), reason=f"{RAW_HISTORY} is not on this machine")
@pytest.mark.django_db
def test_the_raw_csv_imports_whole_and_every_dropped_line_is_counted_by_its_reason():
    summary = importing.import_history(RAW_HISTORY, base_url="http://shop.test")
    counted = dict(QualityCount.objects.filter(source=importing.SOURCE).values_list("reason", "rows"))
    lost = {
        history.NO_CUSTOMER: 133_361,
        history.NOT_A_PRODUCT: 1_920,
        history.WRITE_OFF: 1_719,
        history.NO_PRICE: 33,
        history.DUPLICATE: 5_220,
    }
    assert counted == lost
    assert summary.dropped == lost
    kept = Event.objects.count()
    assert kept == summary.sold_lines + summary.returned_lines == 399_656
    assert kept + sum(lost.values()) == 541_909


def test_the_published_csv_and_the_compact_file_hold_the_same_lines(write_history, tmp_path):
    rows = [line(), line(customer=None, description=None, quantity=-3), line(invoice="C500003", price=0.0)]
    text = [",".join(history.COLUMNS)]
    for row in rows:
        number = "" if row["CustomerID"] is None else f"{row['CustomerID']:.1f}"
        cells = {**row, "CustomerID": number, "Description": row["Description"] or ""}
        text.append(",".join(str(cells[name]) for name in history.COLUMNS))
    path = tmp_path / "history.csv.gz"
    path.write_bytes(gzip.compress("\n".join(text).encode()))
    read = [pa.concat_tables(read_batches(file)).to_pylist() for file in (path, write_history(*rows))]
    assert read[0] == read[1] == rows


def test_a_csv_that_is_no_history_says_why(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(HistoryError, match="no column InvoiceNo"):
        history.check_history(path)
