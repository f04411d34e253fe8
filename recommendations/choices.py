"""Choices of the recommendations' app, and the legal moves between them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TrainingStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class ModelStage(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    CHAMPION = "champion", _("Champion")
    RETIRED = "retired", _("Retired")


class Architecture(models.TextChoices):
    POPULARITY = "popularity", _("Popularity")
    ITEM_KNN = "item_knn", _("Item neighbours")
    TRANSFORMER = "transformer", _("Sequential transformer")


TRAINING_MOVES: dict[str, set[str]] = {
    TrainingStatus.QUEUED: {TrainingStatus.RUNNING, TrainingStatus.CANCELLED, TrainingStatus.FAILED},
    TrainingStatus.RUNNING: {TrainingStatus.SUCCEEDED, TrainingStatus.FAILED, TrainingStatus.CANCELLED},
}
