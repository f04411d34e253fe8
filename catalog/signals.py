"""Told to the apps above: the catalogue knows none of them."""

from django.dispatch import Signal

# Sent inside the transaction of every batch of items, with `tally` (catalog.tally.Tally).
items_taken = Signal()
