"""Figures in Chinese are grouped by thousands (GB/T 15835); Django leaves them in one piece."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
