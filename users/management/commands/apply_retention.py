from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from users.privacy.retention import apply_retention


class Command(BaseCommand):
    help = "Remove what is older than the retention settings allow; runs by itself once a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        removals = apply_retention(dry_run=options["dry_run"])
        for removal in removals:
            self.stdout.write(f"{removal.rule}: {removal.rows:,} rows before {removal.kept_from:%Y-%m-%d %H:%M} UTC")
        if not removals:
            self.stdout.write("Nothing is old enough.")
        elif options["dry_run"]:
            self.stdout.write("Dry run: nothing was removed.")
