"""The recommender: pure numpy and torch. It knows nothing of Django and can be used from a notebook."""
