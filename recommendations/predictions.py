"""Keep what the scoring job foretells of every customer, one Prediction row each, by COPY."""

import io
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from recommendations.models import ModelVersion
from users.choices import EventType

OUTLOOK_DAYS, CHURN_DAYS = 30, 90
OUTCOMES = {
    "click": (EventType.VIEW, EventType.CLICK),
    "cart": (EventType.ADD_TO_CART,),
    "purchase": (EventType.PURCHASE,),
}
BLOCK = 50_000  # customers per COPY
_COLUMNS = ("click", "cart", "purchase", "churn")
# A customer's own mean order, drawn towards the shop's as if two orders of the usual size had been seen besides: one
# lucky order says little about the next (empirical Bayes in its plainest form).
_USUAL_ORDERS = 2

_MERGE = """
WITH usual AS (SELECT sum(revenue) / nullif(sum(order_count), 0) AS worth FROM users_profile)
INSERT INTO recommendations_prediction (customer_id, click, cart, purchase, churn, expected_value, currency,
                                        model_version_id, computed_at)
SELECT staged.customer_id, staged.click, staged.cart, staged.purchase, staged.churn,
       round(staged.purchase::numeric * greatest(0, coalesce(profile.revenue, 0) + %(usual)s * usual.worth)
             / (coalesce(profile.order_count, 0) + %(usual)s), 2),
       %(currency)s, %(version)s, %(now)s
FROM pg_temp.prediction_staging AS staged
JOIN users_customer AS customer ON customer.id = staged.customer_id AND customer.erased_at IS NULL
CROSS JOIN usual LEFT JOIN users_profile AS profile ON profile.customer_id = staged.customer_id
ON CONFLICT (customer_id) DO UPDATE SET
    click = excluded.click, cart = excluded.cart, purchase = excluded.purchase, churn = excluded.churn,
    expected_value = excluded.expected_value, currency = excluded.currency,
    model_version_id = excluded.model_version_id, computed_at = excluded.computed_at
"""


def job_options() -> dict[str, object]:
    """What the scoring job has to be told to foretell what this app keeps."""
    return {
        "outcome_types": {name: [int(kind) for kind in kinds] for name, kinds in OUTCOMES.items()},
        "outlook_days": OUTLOOK_DAYS,
        "churn_days": CHURN_DAYS,
    }


@transaction.atomic
def write_predictions(*, version: ModelVersion, folder: Path, now: datetime) -> int:
    """Keep the `predictions.npz` of a finished scoring job. Returns the number of rows written.

    Rows of customers without an event, and of those whose past is no longer known, go.
    """
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        columns = [arrays["customer_ids"], *(arrays[name].astype(np.float64) for name in _COLUMNS)]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS prediction_staging (customer_id bigint, click float8, cart float8, "
            "purchase float8, churn float8) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE pg_temp.prediction_staging")
        for start in range(0, len(columns[0]), BLOCK):
            rows = zip(*(column[start : start + BLOCK].tolist() for column in columns), strict=True)
            text = "".join(f"{row[0]}\t{chr(9).join(_shown(value) for value in row[1:])}\n" for row in rows)
            cursor.cursor.copy_expert("COPY pg_temp.prediction_staging FROM STDIN", io.StringIO(text))
        values = {"usual": _USUAL_ORDERS, "currency": settings.SHOP_CURRENCY, "version": version.pk, "now": now}
        cursor.execute(_MERGE, values)
        written: int = cursor.rowcount
        cursor.execute("DELETE FROM recommendations_prediction WHERE computed_at < %s", [now])
    return written


def _shown(value: float) -> str:
    """As COPY reads it; what could not be learned is NULL."""
    return "\\N" if np.isnan(value) else f"{value:.6f}"
