from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from users.api_keys import create_api_key
from users.choices import ApiScope


class Command(BaseCommand):
    help = "Make an API key and print it, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for, e.g. 'shop backend'")
        parser.add_argument("--scope", choices=ApiScope.values, required=True, help="what the key may do")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, key = create_api_key(name=options["name"], scope=ApiScope(options["scope"]))
        except IntegrityError as error:
            raise CommandError(f"An API key called {options['name']!r} exists already; choose another name.") from error
        self.stdout.write(key)
