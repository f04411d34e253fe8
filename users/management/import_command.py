"""What `import_customers`, `import_items`, `import_events` and `import_orders` share."""

import csv
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.table import Table

from users.importing import FileError, ImportOptions, ImportOutcome, RefusedLine, import_file


class ImportCommand(BaseCommand):
    """Import one file of `kind`."""

    kind: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV, JSON Lines or Parquet, with or without .gz")
        parser.add_argument(
            "--map", action="append", default=[], metavar="COLUMN=FIELD", help="a column that has another name there"
        )
        parser.add_argument(
            "--set", action="append", default=[], metavar="FIELD=VALUE", help="a field that is the same for every row"
        )
        parser.add_argument("--encoding", default="utf-8-sig", help="of CSV and JSON Lines (default: UTF-8)")
        parser.add_argument("--time-zone", default="UTC", help="of times without an offset (default: UTC)")
        parser.add_argument("--errors", type=Path, metavar="FILE", help="write the refused rows to this CSV file")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout)  # type: ignore[arg-type]
        try:
            with ExitStack() as stack:
                status = stack.enter_context(console.status("Importing …"))
                writer = None
                if options["errors"] is not None:
                    writer = csv.writer(stack.enter_context(options["errors"].open("w", newline="", encoding="utf-8")))
                    writer.writerow(("row", "reason", "message"))

                def on_batch(so_far: ImportOutcome, refused: Sequence[RefusedLine]) -> None:
                    status.update(f"Importing … {so_far.rows:,} rows, {so_far.share:.0%}")
                    if writer is not None:
                        writer.writerows((line.row, line.reason, line.message) for line in refused)

                outcome = import_file(
                    kind=self.kind, path=options["file"], options=_options(options), on_batch=on_batch
                )
        except (FileError, OSError, LookupError) as error:
            raise CommandError(str(error), returncode=2) from error
        except DatabaseError as error:
            raise CommandError(f"The database refused: {error}".strip(), returncode=2) from error
        console.print(_table(self.kind, outcome, dry_run=options["dry_run"]))
        if outcome.ignored_columns:
            console.print(f"Nothing was read from the columns {', '.join(outcome.ignored_columns)}.")


def _options(options: dict[str, Any]) -> ImportOptions:
    columns, constants = {}, {}
    for pair in options["map"]:
        column, separator, field = pair.rpartition("=")
        if not separator:
            raise FileError(f"--map {pair}: expected COLUMN=FIELD.")
        columns[column] = field
    for pair in options["set"]:
        field, separator, value = pair.partition("=")
        if not separator:
            raise FileError(f"--set {pair}: expected FIELD=VALUE.")
        constants[field] = value
    try:
        zone = ZoneInfo(options["time_zone"])
    except (ZoneInfoNotFoundError, ValueError):
        raise FileError(f"--time-zone {options['time_zone']}: expected a name such as Europe/Berlin.") from None
    return ImportOptions(
        columns=columns,
        constants=constants,
        encoding=options["encoding"],
        time_zone=zone,
        dry_run=options["dry_run"],
    )


def _table(kind: str, outcome: ImportOutcome, *, dry_run: bool) -> Table:
    table = Table(title=f"{kind}{' (dry run: nothing was changed)' if dry_run else ''}", title_justify="left")
    table.add_column("rows")
    table.add_column("count", justify="right")
    table.add_row("read", f"{outcome.rows:,}")
    table.add_row("taken", f"{outcome.accepted:,}")
    table.add_row("known already", f"{outcome.duplicates:,}")
    for reason, count in outcome.refused.most_common():
        table.add_row(f"refused: {reason}", f"{count:,}")
    return table
