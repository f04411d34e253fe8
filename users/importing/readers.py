"""Read a file as a stream of rows (dictionaries), in bounded memory."""

import csv
import gzip
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

PARQUET_ROWS = 10_000  # rows in memory at once
LONGEST_FIELD = 1_000_000  # characters; a longer one means a missing quote

FORMATS = ("csv", "jsonl", "parquet")
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


class FileError(Exception):
    """The file as a whole cannot be read; the message says what and what to do."""


def file_format(path: Path) -> str:
    """`csv`, `jsonl` or `parquet`, by the file's name. Raises FileError for another one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if not suffixes or suffixes[-1] not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        raise FileError(f"{path.name}: the name must end in one of {known}, with or without .gz.")
    return _SUFFIXES[suffixes[-1]]


def read_rows(path: Path, *, encoding: str) -> Iterator[dict[str, Any]]:
    """The rows of `path`. Raises FileError, naming the line where there is one, at the first thing it cannot read."""
    kind = file_format(path)
    try:
        with _open(path) as file:
            if kind == "parquet":
                yield from _parquet(path, file)
            else:
                text = io.TextIOWrapper(file, encoding=encoding, newline="")
                yield from (_csv if kind == "csv" else _json_lines)(path, text)
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path}: not {encoding} ({error.reason} at byte {error.start}). Name the right encoding with --encoding, "
            "for example gb18030 or latin-1."
        ) from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise FileError(f"{path}: the gzip data is damaged or cut short ({error}).") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}).") from None


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() != ".gz":
        return path.open("rb")
    unzipped = gzip.open(path, "rb")  # noqa: SIM115 - the caller closes it
    if file_format(path) != "parquet":
        return unzipped  # type: ignore[return-value]
    # Parquet is read from its end, which a gzip stream cannot do.
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with unzipped:
        shutil.copyfileobj(unzipped, spool)
    spool.seek(0)
    return spool


def _csv(path: Path, text: IO[str]) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(LONGEST_FIELD)
    heading = text.readline().removeprefix("\ufeff")
    if not heading.strip():
        raise FileError(f"{path}: the file is empty; its first line must name the columns.")
    delimiter = max("\t;,|", key=heading.count)
    columns = [column.strip() for column in next(csv.reader([heading], delimiter=delimiter))]
    reader = csv.reader(text, delimiter=delimiter)
    try:
        for cells in reader:
            if not cells:
                continue
            if len(cells) > len(columns):
                raise FileError(f"{path}, line {reader.line_num + 1}: {len(cells)} cells for {len(columns)} columns.")
            yield dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise FileError(f"{path}, line {reader.line_num + 1}: {error}.") from None


def _json_lines(path: Path, text: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise FileError(f"{path}, line {number}: not JSON ({error}).") from None
        if not isinstance(row, dict):
            raise FileError(f"{path}, line {number}: expected an object, got {type(row).__name__}.")
        yield row


def _parquet(path: Path, file: IO[bytes]) -> Iterator[dict[str, Any]]:
    try:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=PARQUET_ROWS):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise FileError(f"{path}: not a readable Parquet file ({error}).") from None
