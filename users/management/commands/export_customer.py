import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from users.privacy.access import COMMAND
from users.privacy.erase import find_customer
from users.privacy.export import export_customer


class Command(BaseCommand):
    help = "Write everything that is held of one customer as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="the shop's id of the customer, or a visitor's anonymous id")
        parser.add_argument("--output", type=Path, metavar="FILE", help="instead of the standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        customer = find_customer(options["id"])
        if customer is None:
            raise CommandError(f"There is no customer {options['id']!r}.")
        pieces = export_customer(customer=customer, actor=COMMAND, page="export_customer")
        output: Path | None = options["output"]
        if output is None:
            sys.stdout.writelines(pieces)
            return
        with output.open("w", encoding="utf-8") as file:
            output.chmod(0o600)
            file.writelines(pieces)
