"""Django's PostgreSQL, but for one question less before every request."""
