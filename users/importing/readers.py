"""Read a file as a stream of rows (dictionaries), in bounded memory."""

import csv
import gzip
import io
import json
import shutil
import tempfile
import zlib
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


class RowReader:
    """The rows of `path`, once. Raises FileError, naming the line where there is one, at what it cannot read."""

    def __init__(self, path: Path, *, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self._raw: IO[bytes] | None = None
        self._size = 0

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        if self._raw is None or self._raw.closed:
            return 1.0 if self._size else 0.0
        return min(self._raw.tell() / max(self._size, 1), 1.0)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        name = self.path.name
        try:
            yield from self._rows()
        except FileNotFoundError:
            raise FileError(f"{name}: there is no such file.") from None
        except UnicodeError as error:
            raise FileError(
                f"{name}: not {self.encoding} ({error}). Name the right encoding with --encoding, for example gb18030 "
                "or latin-1."
            ) from None
        except LookupError:
            raise FileError(f"{name}: there is no encoding called {self.encoding!r}.") from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FileError(f"{name}: the gzip data is damaged or cut short ({error}).") from None
        except OSError as error:
            raise FileError(f"{name}: cannot be read ({error.strerror or error}).") from None

    def _rows(self) -> Iterator[dict[str, Any]]:
        kind = file_format(self.path)
        with self.path.open("rb") as self._raw:
            self._size = self.path.stat().st_size
            with _unzipped(self.path, self._raw) as file:
                if kind == "parquet":
                    yield from _parquet(self.path.name, file)
                else:
                    text = io.TextIOWrapper(file, encoding=self.encoding, newline="")
                    yield from (_csv if kind == "csv" else _json_lines)(self.path.name, text)


def _unzipped(path: Path, raw: IO[bytes]) -> IO[bytes]:
    if path.suffix.lower() != ".gz":
        return raw
    unzipped = gzip.open(raw)  # noqa: SIM115 - the caller closes it
    if file_format(path) != "parquet":
        return unzipped  # type: ignore[return-value]
    # Parquet is read from its end, which a gzip stream cannot do.
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with unzipped:
        shutil.copyfileobj(unzipped, spool)
    spool.seek(0)
    return spool


def _csv(path: str, text: IO[str]) -> Iterator[dict[str, Any]]:
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


def _json_lines(path: str, text: IO[str]) -> Iterator[dict[str, Any]]:
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


def _parquet(path: str, file: IO[bytes]) -> Iterator[dict[str, Any]]:
    try:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=PARQUET_ROWS):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise FileError(f"{path}: not a readable Parquet file ({error}).") from None
