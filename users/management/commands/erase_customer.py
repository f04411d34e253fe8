from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from users.models import Customer
from users.privacy.access import COMMAND
from users.privacy.erase import erase_customer, find_customer
from users.privacy.tombstones import was_erased


class Command(BaseCommand):
    help = "Erase one customer for good: everything that identifies them goes, amounts and counts stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("id", nargs="?", help="the shop's id of the customer, or a visitor's anonymous id")
        who.add_argument("--number", type=int, help="our number of the customer, as the access log names it")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        number, reference = options["number"], options["id"] or str(options["number"])
        customer = Customer.objects.filter(pk=number).first() if number else find_customer(reference)
        if customer is None:
            if was_erased(reference):
                self.stdout.write("This customer was erased already.")
                return
            raise CommandError(f"There is no customer {reference!r}.")
        if not options["yes"] and input(f"Erase {reference} for good? Type the id to confirm: ") != reference:
            raise CommandError("Nothing was erased: the ids differ.")
        erasure = erase_customer(customer=customer, actor=COMMAND, page="erase_customer")
        for table, rows in sorted(erasure.rows.items()):
            self.stdout.write(f"{table:<35} {rows:>7}")
