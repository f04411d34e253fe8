"""REST endpoints of the catalogue."""
