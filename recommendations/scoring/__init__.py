"""Scoring: every customer's recommendations, what goes with every item, and what newcomers are shown."""

from recommendations.scoring.customers import KEPT, NoChampion, score_again, score_customers
from recommendations.scoring.news import score_shard, shards_with_news

__all__ = ["KEPT", "NoChampion", "score_again", "score_customers", "score_shard", "shards_with_news"]
