"""A query's rows as NumPy columns, by PostgreSQL's binary COPY."""

import tempfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

# The format: a 19-byte header, rows of (field count, then length and value of each field), a 2-byte end. No column of
# ours may be NULL, so every row has the same width, and the file is one structured array. Numbers are big-endian.
_HEADER = 19
_TRAILER = 2
_WIRE = {"smallint": ">i2", "integer": ">i4", "bigint": ">i8", "real": ">f4"}
_AT_ONCE = 500_000  # rows that are in memory as they came

Columns = dict[str, NDArray[Any]]


def copy_columns(query: str, kinds: Mapping[str, str], parameters: Mapping[str, Any] | None = None) -> Columns:
    """The columns of `query`, which it must name as `kinds` does: by name a smallint, integer, bigint or real.

    The rows pass through a temporary file, so that memory holds little more than the columns themselves. Raises
    ValueError when a value is NULL.
    """
    selected = ", ".join(f"{name}::{kind}" for name, kind in kinds.items())
    with tempfile.TemporaryFile() as file, connection.cursor() as cursor:
        bound = cursor.cursor.mogrify(f"SELECT {selected} FROM ({query}) AS exported", parameters).decode()
        cursor.cursor.copy_expert(f"COPY ({bound}) TO STDOUT (FORMAT binary)", file)
        return _read(file, kinds)


def _read(file: IO[bytes], kinds: Mapping[str, str]) -> Columns:
    wire = [("fields", ">i2")]
    for name, kind in kinds.items():
        wire += [(f"{name} length", ">i4"), (name, _WIRE[kind])]
    row = np.dtype(wire)
    size = file.seek(0, 2)
    count, rest = divmod(size - _HEADER - _TRAILER, row.itemsize)
    if rest:
        raise ValueError(f"The database sent {size} bytes, which is no whole number of rows; a value may be NULL.")
    file.seek(_HEADER)
    columns: Columns = {name: np.empty(count, dtype=row[name].newbyteorder("=")) for name in kinds}
    for start in range(0, count, _AT_ONCE):
        rows = np.fromfile(file, dtype=row, count=min(_AT_ONCE, count - start))
        for name, column in columns.items():
            if (rows[f"{name} length"] != row[name].itemsize).any():
                raise ValueError(f"A value of {name} is NULL.")
            column[start : start + len(rows)] = rows[name]
    return columns
