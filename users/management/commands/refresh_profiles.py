import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from users.profiles import refresh_due_profiles, refresh_profiles


class Command(BaseCommand):
    help = "Compute the profiles of the customers that something changed for; with --all, of everyone anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="everyone, with new bounds of quintiles and price bands")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        count = refresh_profiles() if options["all"] else refresh_due_profiles()
        self.stdout.write(f"{count:,} profiles computed in {time.monotonic() - started:.1f} s")
