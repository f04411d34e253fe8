"""Import a history of invoice lines, raw or compact: `python manage.py import_history online_retail.csv.gz`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from demo.history import HISTORY_FILE, HistoryError
from demo.importing import import_history
from users.ingestion.cleaning import refresh_norms, rule_for


class Command(BaseCommand):
    help = "Import invoice lines with the columns of UCI Online Retail; every dropped line is counted by its reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=HISTORY_FILE, help="CSV (also .gz) or Parquet")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout)  # type: ignore[arg-type]
        try:
            with console.status("Importing …") as status:
                summary = import_history(
                    options["file"],
                    base_url=settings.BASE_URL,
                    on_progress=lambda done, total: status.update(f"Importing … {done:,} of {total:,} lines"),
                )
        except HistoryError as error:
            raise CommandError(str(error), returncode=2) from error
        refresh_norms()
        table = Table("lines", "count", title=f"{options['file'].name}, {summary.seconds:.1f} s", title_justify="left")
        table.add_row("read", f"{summary.raw_lines:,}")
        table.add_row("kept: sold", f"{summary.sold_lines:,}")
        table.add_row("kept: returned", f"{summary.returned_lines:,}")
        for reason, lines in summary.dropped.most_common():
            table.add_row(f"{rule_for(reason).action}: {reason}", f"{lines:,}")
        console.print(table)
