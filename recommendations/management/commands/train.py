import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.choices import Architecture, TrainingStatus
from recommendations.job import JobError
from recommendations.ml.precision import PRECISIONS
from recommendations.registry import verdict
from recommendations.training import run_training, start_training


class Command(BaseCommand):
    help = "Train a model on the stored events, judge it, and promote it if it is better."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--architecture", choices=Architecture.values, default=Architecture.TRANSFORMER.value)
        parser.add_argument("--time-budget", type=int, metavar="SECONDS", help="for fitting everything (default: 900)")
        parser.add_argument("--precision", choices=PRECISIONS, help="of the stored artefacts (default: float32)")
        parser.add_argument("--seed", type=int, help="for everything random (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        config = {key: options[key] for key in ("time_budget", "seed", "precision") if options[key] is not None}
        run = start_training(architecture=options["architecture"], config=config)
        try:
            run = run_training(training_run_id=run.pk)
        except JobError as error:
            raise CommandError(f"Training {run.pk} failed: {error}") from error
        if run.status != TrainingStatus.SUCCEEDED:
            raise CommandError(f"Training {run.pk} was {run.get_status_display().lower()}.")
        self.stdout.write(json.dumps(run.metrics, indent=2))
        self.stdout.write(verdict(run))
