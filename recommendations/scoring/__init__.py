"""Scoring: every customer's recommendations, what goes with every item, and what newcomers are shown."""

from recommendations.scoring.customers import KEPT, NoChampion, prepare_scoring, score_again, score_customers
from recommendations.scoring.shards import SHARD, score_shard, shards_of_everybody, shards_with_news

__all__ = [
    "KEPT",
    "SHARD",
    "NoChampion",
    "prepare_scoring",
    "score_again",
    "score_customers",
    "score_shard",
    "shards_of_everybody",
    "shards_with_news",
]
