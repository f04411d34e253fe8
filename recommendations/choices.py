"""Choices of the recommendations' app."""

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


class ShelfKind(models.TextChoices):
    POPULAR = "popular"
    NEW = "new"
