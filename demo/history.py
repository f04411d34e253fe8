"""The sample history: invoice lines of a British gift shop (UCI Online Retail, CC BY 4.0), read and cleaned in batches.

A line is kept when it says who bought or returned which product at which price; every other line is dropped and
counted under the first reason that applies.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
HISTORY_FILE = Path(__file__).parent / "data" / "online_retail.parquet"

WRITE_OFF = "stock_write_off"
NO_CUSTOMER = "no_customer"
NOT_A_PRODUCT = "not_a_product"
NO_PRICE = "zero_price"
NO_QUANTITY = "zero_quantity"
DUPLICATE = "duplicate"

# A product's code is five digits and perhaps letters; POST, M, D, BANK CHARGES, gift_0001_20 … are not products.
_PRODUCT_CODE = r"^\d{5}[A-Z]*$"
_BATCH_LINES = 65_536

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("InvoiceNo", "StockCode", "Description")),
        *(("Quantity", pa.int32()), ("InvoiceDate", pa.timestamp("s")), ("UnitPrice", pa.float64())),
        *(("CustomerID", pa.int32()), ("Country", pa.string())),
    ]
)
# The CSV gives customers a decimal point: 17850.0.
_CSV_TYPES = pyarrow.csv.ConvertOptions(
    column_types={field.name: field.type for field in _SCHEMA} | {"CustomerID": pa.float64()},
    strings_can_be_null=True,
)


class HistoryError(Exception):
    """The history cannot be read; the message says which file, why, and what to do."""


@dataclass(frozen=True)
class CleanLines:
    """What is left of one batch, and how many lines it lost by reason. `lines` has the columns of the history."""

    lines: pa.Table
    dropped: dict[str, int]


def check_history(path: Path) -> None:
    """Raise HistoryError unless `path` is a Parquet or CSV file with the history's columns."""
    with _reader(path):
        pass


@contextmanager
def _reader(path: Path) -> Iterator[Iterable[pa.RecordBatch]]:
    """The batches of the compact Parquet file, or of the CSV as it is published (also gzipped)."""
    is_csv = ".csv" in path.suffixes
    try:
        file = pyarrow.csv.open_csv(path, convert_options=_CSV_TYPES) if is_csv else pq.ParquetFile(path)
    except FileNotFoundError:
        raise HistoryError(f"The history {path} does not exist. Restore it with: git checkout -- demo/data") from None
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        kind = "CSV" if is_csv else "Parquet"
        raise HistoryError(f"The history {path} cannot be read as {kind} ({reason}). Restore or replace it.") from None
    with file:
        names = file.schema.names if is_csv else file.schema_arrow.names
        if missing := [name for name in COLUMNS if name not in names]:
            needs = ", ".join(COLUMNS)
            raise HistoryError(f"The history {path} has no column {', '.join(missing)}; it needs {needs}.")
        yield file if is_csv else file.iter_batches(_BATCH_LINES, columns=list(COLUMNS))


def read_batches(path: Path) -> Iterator[pa.Table]:
    """The raw lines in bounded batches, each ending where an invoice ends, so that no invoice is torn apart.

    Raises HistoryError when the file is missing, cannot be read, or lacks a column.
    """
    with _reader(path) as batches:
        rest: pa.Table | None = None
        try:
            for batch in batches:
                table = pa.Table.from_batches([batch]).select(list(COLUMNS)).cast(_SCHEMA)
                table = table if rest is None else pa.concat_tables([rest, table])
                border = _last_invoice_start(table)
                rest = table.slice(border)
                if border:
                    yield table.slice(0, border)
        except (OSError, pa.ArrowInvalid) as error:
            raise HistoryError(f"The history {path} is damaged ({str(error).splitlines()[0]}).") from None
        if rest is not None:
            yield rest


def _last_invoice_start(table: pa.Table) -> int:
    invoices = table["InvoiceNo"].to_numpy(zero_copy_only=False)
    changes = np.flatnonzero(invoices[1:] != invoices[:-1])
    return int(changes[-1]) + 1 if len(changes) else 0


def clean(table: pa.Table) -> CleanLines:
    """Normalise the stock codes of one batch of whole invoices, drop what says nothing of a shopper, and count it."""
    table = table.set_column(1, "StockCode", pc.utf8_upper(pc.utf8_trim_whitespace(table["StockCode"])))
    dropped: dict[str, int] = {}
    checks = {
        WRITE_OFF: lambda t: pc.and_(pc.is_null(t["CustomerID"]), pc.less(t["Quantity"], 0)),
        NO_CUSTOMER: lambda t: pc.is_null(t["CustomerID"]),
        NOT_A_PRODUCT: lambda t: pc.invert(pc.match_substring_regex(t["StockCode"], _PRODUCT_CODE)),
        NO_PRICE: lambda t: pc.less_equal(t["UnitPrice"], 0),
        NO_QUANTITY: lambda t: pc.equal(t["Quantity"], 0),
        DUPLICATE: _repeats,
    }
    for reason, is_lost in checks.items():
        kept = table.filter(pc.invert(is_lost(table)))
        if kept.num_rows < table.num_rows:
            dropped[reason] = table.num_rows - kept.num_rows
        table = kept
    return CleanLines(table, dropped)


def _repeats(table: pa.Table) -> pa.Array:
    """True for every line that repeats an earlier one in all of its columns."""
    numbered = table.append_column("line", pa.array(np.arange(table.num_rows)))
    first = numbered.group_by(list(COLUMNS)).aggregate([("line", "min")])["line_min"].to_numpy()
    repeats = np.ones(table.num_rows, dtype=bool)
    repeats[first] = False
    return pa.array(repeats)


def is_return(table: pa.Table) -> pa.ChunkedArray:
    """True for lines that give goods back: cancelled invoices (`C…`) and negative quantities."""
    return pc.or_(pc.starts_with(table["InvoiceNo"], "C"), pc.less(table["Quantity"], 0))
