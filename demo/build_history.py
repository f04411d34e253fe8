"""Build `demo/data/online_retail.parquet` from the UCI Online Retail history as CSV. A maintainer runs it once.

    python -m demo.build_history path/to/online_retail.csv.gz

Every raw line is kept in its order: cleaning happens at import, where it is counted.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from demo.history import HISTORY_FILE, read_batches

ROW_GROUP = 65_536


def build(source: Path, target: Path) -> int:
    """Write the history in `source` to `target` and return how many lines it has."""
    lines = pa.concat_tables(read_batches(source))
    pq.write_table(
        lines,
        target,
        compression="zstd",
        compression_level=22,
        row_group_size=ROW_GROUP,
        use_dictionary=["InvoiceNo", "StockCode", "Description", "Quantity", "UnitPrice", "CustomerID", "Country"],
    )
    return int(lines.num_rows)


if __name__ == "__main__":
    written = build(Path(sys.argv[1]), HISTORY_FILE)
    print(f"{HISTORY_FILE}: {written:,} lines, {HISTORY_FILE.stat().st_size / 1e6:.2f} MB")
