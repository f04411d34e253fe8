"""Cleaning: the rules, each with a name and a counter; what mends rows on their way in; what marks them afterwards."""

from users.ingestion.cleaning.bots import clear_bots, mark_bots, unclear_bots
from users.ingestion.cleaning.mend import mend_customers, mend_events, mend_id, mend_orders
from users.ingestion.cleaning.outliers import accept_events, refresh_norms
from users.ingestion.cleaning.rules import Rule, rule_for
from users.ingestion.cleaning.samples import note_refusal

__all__ = [
    "Rule",
    "accept_events",
    "clear_bots",
    "mark_bots",
    "mend_customers",
    "mend_events",
    "mend_id",
    "mend_orders",
    "note_refusal",
    "refresh_norms",
    "rule_for",
    "unclear_bots",
]
