from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.job import JobError
from recommendations.scoring import NoChampion, score_customers


class Command(BaseCommand):
    help = "Score every customer with the champion."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = score_customers()
        except (NoChampion, JobError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Recommendations written for {written:,} customers.")
