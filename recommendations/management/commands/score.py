from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.job import JobError
from recommendations.scoring import NoChampion, score_customers, score_shard, shards_with_news


class Command(BaseCommand):
    help = "Score every customer with the champion."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--changed", action="store_true", help="only customers with events since they were scored")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["changed"]:
                written = sum(score_shard(first=first, last=last) for first, last in shards_with_news())
            else:
                written = score_customers()
        except (NoChampion, JobError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Recommendations written for {written:,} customers.")
