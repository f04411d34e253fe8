"""Trainings, models and recommendations in the admin."""

from recommendations.admin import models, trainings

__all__ = ["models", "trainings"]
