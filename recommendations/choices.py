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
    """The family of `recommendations.ml.architectures`; a test holds the two together."""

    TRANSFORMER = "transformer", _("Sequential transformer")
    BLEND = "blend", _("Blend of transformer and neighbours")
    ITEM_KNN = "item_knn", _("Item neighbours")
    TRANSITIONS = "transitions", _("What follows what")
    MF = "mf", _("Matrix factorisation")
    LINEAR = "linear", _("Linear regression of items on items")
    CONTENT = "content", _("Like what was had")
    TWO_TOWER = "two_tower", _("Two towers")
    RNN = "rnn", _("Recurrent network")
    CNN = "cnn", _("Convolutional network")
    NCF = "ncf", _("Neural collaborative filtering")
    DNN = "dnn", _("Wide and deep network")
    GAN = "gan", _("Adversarial network")
    POPULARITY = "popularity", _("Popularity")


class ShelfKind(models.TextChoices):
    POPULAR = "popular"
    NEW = "new"
