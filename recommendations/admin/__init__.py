"""Trainings, models and recommendations in the admin."""

from recommendations.admin import customer_section, models, predictions, trainings

__all__ = ["customer_section", "models", "predictions", "trainings"]
