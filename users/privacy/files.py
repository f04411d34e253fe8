"""Files that name a customer: uploads and the lists of their refused rows, which lie in the storage for a while.

A file is deleted whole: its good rows are in the database, and a hole in a file would only pretend to be one.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
from django.core.files.storage import default_storage

FOLDER = "imports"
CHUNK = 1024**2  # bytes in memory at once
ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"


def delete_files_mentioning(texts: Sequence[str]) -> int:
    """Delete the files below `FOLDER` that hold one of `texts`, or that cannot be read; returns how many."""
    pattern = _pattern(texts)
    gone = 0
    for name in _files(FOLDER):
        with default_storage.open(name, "rb") as file:
            found = _is_mentioned(file, pattern)
        if found:
            default_storage.delete(name)
            gone += 1
    return gone


def _files(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in files)
    for name in folders:
        yield from _files(f"{folder}/{name}")


def _pattern(texts: Sequence[str]) -> re.Pattern[bytes]:
    """Any of `texts`, standing by itself, as the bytes of a file may spell it."""
    spelt = {
        form.encode(encoding) for text in texts for form in (text, json.dumps(text)[1:-1]) for encoding in ENCODINGS
    }
    any_of = b"|".join(map(re.escape, sorted(spelt))) or b"a^"
    return re.compile(b"(?<![A-Za-z0-9])(?:" + any_of + b")(?![A-Za-z0-9])", re.IGNORECASE)


def _is_mentioned(file: IO[bytes], pattern: re.Pattern[bytes]) -> bool:
    start = file.read(4)
    file.seek(0)
    try:
        if start == _PARQUET:
            return any(pattern.search(rows) for rows in _parquet(file))
        return _search(gzip.GzipFile(fileobj=file) if start.startswith(_GZIP) else file, pattern)
    except (OSError, EOFError, zlib.error, pa.ArrowException):
        return True


def _parquet(file: IO[bytes]) -> Iterator[bytes]:
    for batch in pq.ParquetFile(file).iter_batches(batch_size=10_000):
        yield json.dumps(batch.to_pylist(), default=str).encode()


def _search(file: IO[bytes] | gzip.GzipFile, pattern: re.Pattern[bytes]) -> bool:
    """Search in pieces that overlap by more than any text is long."""
    tail = b""
    while piece := file.read(CHUNK):
        if pattern.search(tail + piece):
            return True
        tail = piece[-4096:]
    return False
