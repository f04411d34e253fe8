from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from users.privacy.rotation import Rotation, rotate_keys


class Command(BaseCommand):
    help = "Encrypt stored personal data with the first of PII_KEYS, and renew the hashes by which it is found."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="go on after this customer")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = rotate_keys(after=options["after"], on_progress=self._say)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self._say(done)
        self.stdout.write("Done: the older keys of PII_KEYS are not needed any more, unless one keys the hashes.")

    def _say(self, done: Rotation) -> None:
        self.stdout.write(
            f"up to customer {done.last_id}: {done.seen:,} seen, {done.encrypted:,} encrypted anew, "
            f"{done.hashed:,} hashed anew"
        )
