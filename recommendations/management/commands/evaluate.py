import json
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.ml.__main__ import show_progress, table
from recommendations.ml.errors import MLError
from recommendations.ml.evaluate import add_arguments, run


class Command(BaseCommand):
    help = "Judge an architecture on a file of sequences or ratings. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = run(Namespace(**options), show_progress)
        except MLError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(result) if options["json"] else table(result))
