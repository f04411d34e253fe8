"""Import one file: read, convert, ingest in batches, and write down every row that was not taken."""

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from catalog.rows import parse_row
from catalog.validation import IngestResult, Refused, RefusedRow
from users.importing.convert import convert_row, field_kinds
from users.importing.kinds import KINDS, Kind
from users.importing.readers import FileError, read_rows
from users.ingestion import quality

BATCH = 20_000  # rows in memory at once


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`columns` maps columns of the file to our fields; a column that already has our name needs no entry."""

    columns: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8-sig"
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    dry_run: bool = False
    errors: Path | None = None


@dataclass(slots=True)
class ImportOutcome:
    """What became of the rows; `ignored_columns` are columns of the file that nothing was read from."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    ignored_columns: tuple[str, ...] = ()


def import_file(
    *,
    kind: str,
    path: Path,
    options: ImportOptions,
    on_progress: Callable[[ImportOutcome], None] = lambda outcome: None,
) -> ImportOutcome:
    """Import `path`. Each batch is one transaction, so a run that was cut short is simply started again.

    With `dry_run` every batch is rolled back. Raises FileError when the file as a whole cannot be used; what earlier
    batches brought in stays, and importing the mended file counts nothing twice.
    """
    what = KINDS[kind]
    outcome = ImportOutcome()
    rows = enumerate(read_rows(path, encoding=options.encoding), start=1)
    with ExitStack() as stack:
        writer = None
        if options.errors is not None:
            file = stack.enter_context(options.errors.open("w", newline="", encoding="utf-8"))
            writer = csv.writer(file)
            writer.writerow(("row", "reason", "message"))
        while batch := list(islice(rows, BATCH)):
            # Rows of JSON Lines may differ in what they hold, so the columns are those of the whole batch.
            found = dict.fromkeys(column for _number, row in batch for column in row)
            columns = _columns(path, what, list(found), options.columns)
            outcome.ignored_columns = tuple(column for column in found if column not in columns)
            result, places = _ingest(what, batch, columns=columns, options=options, source=f"import: {path.name}")
            _add(outcome, len(batch), result)
            if writer is not None:
                writer.writerows((places[row.index], row.reason, row.message) for row in result.refused)
            on_progress(outcome)
    return outcome


def _columns(path: Path, kind: Kind, found: list[str], mapping: dict[str, str]) -> dict[str, str]:
    """Our field for each column of the file that has one."""
    known = field_kinds(kind.row)
    for column, name in mapping.items():
        if name not in known:
            raise FileError(f"There is no field {name!r}; the fields are {', '.join(known)}.")
        if column not in found:
            raise FileError(f"{path}: there is no column {column!r}; the columns are {', '.join(found)}.")
    columns = {name: name for name in found if name in known and name not in mapping.values()} | mapping
    required = [
        name
        for name, item in kind.row.__dataclass_fields__.items()  # type: ignore[attr-defined]
        if item.default is item.default_factory and name != kind.own_id
    ]
    if missing := [name for name in required if name not in columns.values()]:
        raise FileError(
            f"{path}: the columns for {', '.join(missing)} are absent; the file has {', '.join(found)}. "
            f"If they have other names there, say so with --map, for example --map THEIR_COLUMN={missing[0]}."
        )
    return columns


def _ingest(
    kind: Kind, batch: list[tuple[int, dict[str, Any]]], *, columns: dict[str, str], options: ImportOptions, source: str
) -> tuple[IngestResult, list[int]]:
    """Ingest one batch. Returns its result, and the file's row number of each index in it."""
    rows: list[Any] = []
    places: list[int] = []
    refused: list[RefusedRow] = []
    numbers = [number for number, _row in batch]
    for index, (_number, row) in enumerate(batch):
        try:
            values = convert_row(row, cls=kind.row, columns=columns, zone=options.time_zone, own_id=kind.own_id)
            rows.append(parse_row(kind.row, values))
            places.append(index)
        except Refused as error:
            refused.append(RefusedRow(index, error.reason, error.message))
    with transaction.atomic():
        quality.count_rows(source=source, reasons=Counter(row.reason for row in refused))
        result = kind.ingest(rows, source)
        if options.dry_run:
            transaction.set_rollback(True)
    refused.extend(RefusedRow(places[row.index], row.reason, row.message) for row in result.refused)
    result.refused = sorted(refused, key=lambda row: row.index)
    return result, numbers


def _add(outcome: ImportOutcome, rows: int, result: IngestResult) -> None:
    outcome.rows += rows
    outcome.accepted += result.accepted
    outcome.duplicates += result.duplicates
    outcome.refused.update(row.reason for row in result.refused)
