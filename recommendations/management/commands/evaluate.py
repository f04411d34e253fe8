from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from recommendations.ml import evaluate


class Command(BaseCommand):
    help = "Judge an architecture on a file of sequences or ratings. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        evaluate.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        evaluate.main_with(options)
