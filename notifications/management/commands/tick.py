"""`manage.py tick`: one turn of the scheduler, by hand or from cron instead of beat."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from notifications import tasks


class Command(BaseCommand):
    help = "Start due runs, send due messages, and tidy up once. With --inline no workers are needed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--inline", action="store_true", help="plan and send in this process, without workers")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["inline"]:
            tasks.tick()
            return
        tasks.turn_triggers()
        tasks.start_due_runs()
        tasks.reap_leases()
        tasks.release_expired_reservations()
        for run_id in tasks.runs_to_plan():
            tasks.decide_run(run_id=run_id)
        while tasks.send_due():
            self.stdout.write("…")
