"""The rows that an import did not take, kept beside its file until someone downloads them.

One part per batch, named after its first row, so that a batch that is run again replaces its own part and no other.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from users.importing.run import RefusedLine

MOST_ROWS = 200_000  # more are counted, but not written down


def save_part(*, job_id: int, lines: Sequence[RefusedLine]) -> None:
    """Keep the refused rows of one batch."""
    if not lines:
        return
    text = io.StringIO()
    csv.writer(text).writerows((line.row, line.reason, line.message) for line in lines)
    name = f"{_folder(job_id)}/{lines[0].row:012}.csv"
    default_storage.delete(name)
    default_storage.save(name, ContentFile(text.getvalue().encode()))


def read_parts(*, job_id: int) -> Iterator[bytes]:
    """The whole list as CSV, part by part."""
    yield b"\xef\xbb\xbfrow,reason,message\r\n"  # the mark makes spreadsheets read UTF-8
    for name in _parts(job_id):
        with default_storage.open(name) as part:
            yield part.read()


def delete_parts(*, job_id: int) -> None:
    """Forget the refused rows of a job."""
    for name in _parts(job_id):
        default_storage.delete(name)


def _parts(job_id: int) -> list[str]:
    try:
        _folders, names = default_storage.listdir(_folder(job_id))
    except FileNotFoundError:
        return []
    return [f"{_folder(job_id)}/{name}" for name in sorted(names)]


def _folder(job_id: int) -> str:
    return f"imports/refused/{job_id}"
