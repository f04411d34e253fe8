"""Scoring: every customer's recommendations, what goes with every item, and what newcomers are shown."""

from recommendations.scoring.customers import KEPT, NoChampion, score_customers

__all__ = ["KEPT", "NoChampion", "score_customers"]
