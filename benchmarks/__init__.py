"""Measurements against floors and peers in the same run; the figures are ratios, because machines differ."""
