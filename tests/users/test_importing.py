import csv
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from catalog.models import Item
from users.models import Customer, Event, Order, QualityCount

ROWS = [
    {"customer_id": "c1", "item_id": "i1", "type": "view", "occurred_at": "2026-03-01 12:00:00", "price": ""},
    {
        "customer_id": "c2",
        "item_id": "商品",
        "type": "purchase",
        "occurred_at": "2026-03-01T12:00:00+08:00",
        "price": "3",
    },
]
COLUMNS = list(ROWS[0])


def run(kind: str, path: Path, *arguments: str) -> str:
    out = StringIO()
    call_command(f"import_{kind}", str(path), *arguments, stdout=out)
    return out.getvalue()


def as_csv(rows: list[dict], delimiter: str = ",") -> str:
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_jsonl(rows: list[dict]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def write_parquet(path: Path) -> None:
    pq.write_table(
        pa.table(
            {
                "customer_id": ["c1", "c2"],
                "item_id": ["i1", "商品"],
                "type": ["view", "purchase"],
                "occurred_at": [datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 4, tzinfo=UTC)],
                "price": [None, Decimal("3.00")],
            }
        ),
        path,
    )


@pytest.fixture(
    params=["events.csv", "events.tsv", "events.csv.gz", "events.jsonl", "events.jsonl.gz", "events.parquet"]
)
def file(request, tmp_path) -> Path:
    path = tmp_path / request.param
    if path.name.endswith(".parquet"):
        write_parquet(path)
        return path
    rows = [{**row, "currency": "EUR"} if row["price"] else row for row in ROWS]
    text = as_jsonl(rows) if "jsonl" in path.name else as_csv(ROWS, "\t" if "tsv" in path.name else ",")
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.django_db
def test_every_format_brings_the_same_events_and_a_second_time_none(file):
    # Only JSON Lines gives the price a currency here, so elsewhere that row is refused.
    expected = 2 if "jsonl" in file.name else 1
    run("events", file)
    assert Event.objects.count() == expected
    event = Event.objects.get(customer__external_id="c1")
    assert event.occurred_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    run("events", file)
    assert Event.objects.count() == expected
    if expected == 1:
        assert QualityCount.objects.get(reason="bad_currency").rows == 2


@pytest.mark.django_db
def test_columns_zones_encodings_and_refusals(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(
        "买家;商品;type;occurred_at;note\nc1;杯子;view;2026-03-01 12:00;x\nc2;杯子;teleport;soon;\n".encode("gb18030")
    )
    errors = tmp_path / "errors.csv"
    arguments = [
        "--map",
        "买家=customer_id",
        "--map",
        "商品=item_id",
        "--time-zone",
        "Asia/Shanghai",
        "--errors",
        str(errors),
    ]
    with pytest.raises(CommandError, match="--encoding"):
        run("events", path, *arguments)
    report = run("events", path, *arguments, "--encoding", "gb18030")
    assert Event.objects.get().occurred_at == datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert Item.objects.get().external_id == "杯子"
    assert "note" in report
    assert [row[:2] for row in csv.reader(errors.open())] == [["row", "reason"], ["2", "bad_occurred_at"]]


@pytest.mark.django_db
def test_a_dry_run_says_what_would_happen_and_changes_nothing(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(as_csv(ROWS))
    assert "dry run" in run("events", path, "--dry-run")
    assert not Event.objects.exists()
    assert not Customer.objects.exists()
    assert not QualityCount.objects.exists()


@pytest.mark.django_db
def test_customers_items_and_orders_too(tmp_path):
    files = {
        "customers": "external_id,email,consents\nc1,a@example.com,"
        '"[{""channel"": ""email"", ""granted"": true, ""source"": ""file""}]"\n',
        "items": "external_id,title,price,stock,is_active\ni1,Mug,4.50,3,yes\ni2,Jug,x,3,no\n",
        "orders": "order_id,customer_id,placed_at,currency,lines\no1,c1,2026-03-01T12:00:00Z,EUR,"
        '"[{""item_id"": ""i1"", ""quantity"": 2, ""price"": ""4.50""}]"\n',
    }
    for kind, text in files.items():
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        run(kind, path)
    assert Customer.objects.get().consents.get().granted
    assert Item.objects.get().price == Decimal("4.50")
    assert Order.objects.get().total == Decimal("9.00")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, "no such file"),
        ("events.xlsx", b"x", "must end in"),
        ("events.csv", b"", "empty"),
        ("events.csv", b"a,b\n1,2\n", "absent"),
        ("events.csv", b"customer_id,type,occurred_at\na,b,c,d\n", "line 2"),
        ("events.jsonl", b'{"a": 1}\n', "absent"),
        ("events.jsonl", b'{"a": 1}\n{oops', "line 2"),
        ("events.jsonl", b"[1]\n", "line 1"),
        ("events.csv.gz", gzip.compress(as_csv(ROWS * 1000).encode())[:-40], "gzip"),
        ("events.csv.gz", b"not gzip at all", "gzip"),
        ("events.parquet", b"PAR1 not really", "Parquet"),
    ],
)
@pytest.mark.django_db
def test_a_file_that_cannot_be_used_gets_one_clear_line(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=words) as caught:
        run("events", path)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--map", "x"], "COLUMN=FIELD"), (["--map", "x=y"], "no field"), (["--time-zone", "Mars"], "Europe/Berlin")],
)
@pytest.mark.django_db
def test_wrong_options_get_one_clear_line(tmp_path, arguments, words):
    path = tmp_path / "events.csv"
    path.write_text(as_csv(ROWS))
    with pytest.raises(CommandError, match=words):
        run("events", path, *arguments)
