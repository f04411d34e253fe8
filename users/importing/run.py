"""Import one file: read, convert, ingest in batches, and hand on every row that was not taken."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from catalog.rows import parse_row
from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow
from users.importing.convert import convert_row, field_kinds
from users.importing.kinds import KINDS, Kind
from users.importing.readers import FileError, RowReader
from users.ingestion import quality
from users.ingestion.cleaning.samples import shown

BATCH = 20_000  # rows in memory at once


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`columns` maps columns of the file to our fields; a column that already has our name needs no entry, and one
    that maps to nothing is left out. `constants` gives fields that the file lacks one value for every row.
    """

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8-sig"
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    dry_run: bool = False


@dataclass(slots=True)
class ImportOutcome:
    """What became of the rows; `ignored_columns` are columns of the file that nothing was read from; `share` is how
    much of the file has been read, from 0 to 1.
    """

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    ignored_columns: tuple[str, ...] = ()
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A row that was not taken: its number in the file from 1 (without the heading), the reason, and a sentence."""

    row: int
    reason: str
    message: str


# Called in the transaction of each batch; with `dry_run` after it was rolled back. What it raises ends the import, and
# takes the batch with it.
OnBatch = Callable[[ImportOutcome, Sequence[RefusedLine]], None]


def import_file(
    *,
    kind: str,
    path: Path,
    options: ImportOptions,
    on_batch: OnBatch = lambda outcome, refused: None,
    done: ImportOutcome | None = None,
) -> ImportOutcome:
    """Import `path`. Each batch is one transaction, so a run that was cut short is simply started again.

    `done` is the outcome up to where an earlier run was cut short: its rows are skipped and its counts continued. With
    `dry_run` every batch is rolled back. Raises FileError when the file as a whole cannot be used; what earlier
    batches brought in stays, and importing the mended file counts nothing twice.
    """
    what = KINDS[kind]
    outcome = done or ImportOutcome()
    reader = RowReader(path, encoding=options.encoding)
    rows = islice(enumerate(reader, start=1), outcome.rows, None)
    while batch := list(islice(rows, BATCH)):
        # Rows of JSON Lines may differ in what they hold, so the columns are those of the whole batch.
        found = dict.fromkeys(column for _number, row in batch for column in row)
        columns = match_columns(kind, list(found), options, file_name=path.name)
        outcome.ignored_columns = tuple(column for column in found if column not in columns)
        with transaction.atomic():
            result = _ingest(what, batch, columns=columns, options=options, source=f"import: {path.name}")
            outcome.share = reader.share()
            refused = _add(outcome, batch, result)
            if options.dry_run:
                transaction.set_rollback(True)
            else:
                on_batch(outcome, refused)
        if options.dry_run:
            on_batch(outcome, refused)
    return outcome


def match_columns(kind: str, found: list[str], options: ImportOptions, *, file_name: str) -> dict[str, str]:
    """Our field for each column of `found` that has one. Raises FileError for a field or column that does not exist,
    and where a field without which no row makes sense has no column.
    """
    row, own_id = KINDS[kind].row, KINDS[kind].own_id
    path, known, mapping = file_name, field_kinds(row), options.columns
    for name in options.constants:
        if name not in known:
            raise FileError(f"There is no field {name!r}; the fields are {', '.join(known)}.")
    for column, name in mapping.items():
        if name and name not in known:
            raise FileError(f"There is no field {name!r}; the fields are {', '.join(known)}.")
        if column not in found:
            raise FileError(f"{path}: there is no column {column!r}; the columns are {', '.join(found)}.")
    columns = {name: name for name in found if name in known and name not in mapping.values()} | mapping
    columns = {column: name for column, name in columns.items() if name and name not in options.constants}
    given = {*columns.values(), *options.constants}
    if missing := [name for name in required_fields(row, own_id) if name not in given]:
        raise FileError(
            f"{path}: the columns for {', '.join(missing)} are absent; the file has {', '.join(found)}. "
            f"If they have other names there, say so with --map, for example --map THEIR_COLUMN={missing[0]}."
        )
    return columns


def required_fields(row: type, own_id: str | None) -> list[str]:
    """The fields without which no row of this type makes sense."""
    fields = row.__dataclass_fields__  # type: ignore[attr-defined]
    return [name for name, item in fields.items() if item.default is item.default_factory and name != own_id]


def _ingest(
    kind: Kind, batch: list[tuple[int, dict[str, Any]]], *, columns: dict[str, str], options: ImportOptions, source: str
) -> IngestResult:
    """Ingest one batch. The indexes in the result are those of the batch."""
    rows: list[Any] = []
    places: list[int] = []
    refused: list[RefusedRow] = []
    tally = Tally(source)
    columns = columns | {f"={name}": name for name in options.constants}
    constants = {f"={name}": value for name, value in options.constants.items()}
    for index, (number, row) in enumerate(batch):
        try:
            row.update(constants)
            values = convert_row(row, cls=kind.row, columns=columns, zone=options.time_zone, own_id=kind.own_id)
            rows.append(parse_row(kind.row, values))
            places.append(index)
        except Refused as error:
            refused.append(RefusedRow(index, error.reason, error.message))
            tally.note(error.reason, f"row {number}", shown("message", error.message))
    quality.save_tally(tally)
    result = kind.ingest(rows, source)
    refused.extend(RefusedRow(places[row.index], row.reason, row.message) for row in result.refused)
    result.refused = sorted(refused, key=lambda row: row.index)
    return result


def _add(outcome: ImportOutcome, batch: list[tuple[int, dict[str, Any]]], result: IngestResult) -> list[RefusedLine]:
    """Add a batch to the outcome. Returns its refused rows with their numbers in the file."""
    outcome.rows += len(batch)
    outcome.accepted += result.accepted
    outcome.duplicates += result.duplicates
    outcome.refused.update(row.reason for row in result.refused)
    return [RefusedLine(batch[row.index][0], row.reason, row.message) for row in result.refused]
