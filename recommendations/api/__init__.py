"""REST endpoints of the recommender."""
