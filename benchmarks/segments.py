"""Segments: counting typical rules as compiled, against SQL that was written by hand for the same rules."""

import time
from datetime import timedelta
from typing import Any

from django.db import connection
from rich.console import Console
from rich.table import Table

from benchmarks import big_shop
from notifications.segments import compile_rule
from notifications.segments.count import within
from recommendations.models import ModelVersion, Prediction, TrainingRun
from users.profiles import refresh_profiles

REPEATS = 3

_PRESENT = "c.erased_at IS NULL AND c.merged_into_id IS NULL"
_CONSENTS = """
INSERT INTO users_consent (customer_id, channel, purpose, granted, source, text_version, recorded_at)
SELECT c.id, 'email', 'marketing', c.id % 5 > 0, 'bench', '', now() - interval '300 days' FROM users_customer c
WHERE NOT EXISTS (SELECT FROM users_consent)
"""
_PREDICTIONS = """
INSERT INTO recommendations_prediction (customer_id, click, cart, purchase, churn, expected_value, currency,
                                        model_version_id, computed_at)
SELECT id, random(), random(), random(), random(), round((100 * random())::numeric, 2), 'EUR', %s, now()
FROM users_customer ON CONFLICT DO NOTHING
"""

# Name, rule, and by hand: `{since30}` and the like are moments so many days ago.
_RULES: list[tuple[str, dict[str, Any], str]] = [
    (
        "2 purchases in 90 days, none of a category in 30, one country",
        {
            "all": [
                {"event": "purchase", "count": {">=": 2}, "within_days": 90},
                {"event": "purchase", "never": True, "within_days": 30, "item": {"category": ["shop-k5"]}},
                {"field": "customer.country", "op": "=", "value": "GB"},
            ]
        },
        f"""SELECT count(*) FROM users_customer c JOIN (
                SELECT customer_id FROM users_event WHERE type = 6 AND occurred_at >= {{since90}}
                GROUP BY customer_id HAVING count(*) >= 2) b ON b.customer_id = c.id
            WHERE {_PRESENT} AND c.country = 'GB' AND NOT EXISTS (
                SELECT FROM users_event e JOIN catalog_item i ON i.id = e.item_id
                JOIN catalog_category k ON k.id = i.category_id WHERE e.customer_id = c.id AND e.type = 6
                AND e.occurred_at >= {{since30}} AND k.external_id = 'shop-k5')""",
    ),
    (
        "viewed a brand in 30 days, bought nothing since",
        {
            "all": [
                {"event": "view", "within_days": 30, "item": {"brand": ["Brand 7", "Brand 8"]}},
                {"event": "purchase", "never": True, "within_days": 30},
            ]
        },
        f"""SELECT count(*) FROM users_customer c WHERE {_PRESENT} AND c.id IN (
                SELECT e.customer_id FROM users_event e JOIN catalog_item i ON i.id = e.item_id
                WHERE e.type = 1 AND e.occurred_at >= {{since30}} AND i.brand IN ('Brand 7', 'Brand 8'))
            AND NOT EXISTS (SELECT FROM users_event e WHERE e.customer_id = c.id AND e.type = 6
                AND e.occurred_at >= {{since30}})""",
    ),
    (
        "lapsed for 60 days, big spender, consent",
        {
            "all": [
                {"field": "profile.last_order_at", "op": "older_than_days", "value": 60},
                {"field": "profile.monetary_quintile", "op": ">=", "value": 4},
                {"consent": "email"},
            ]
        },
        f"""SELECT count(*) FROM users_customer c JOIN users_profile p ON p.customer_id = c.id
            WHERE {_PRESENT} AND p.last_order_at < {{since60}} AND p.monetary_quintile >= 4 AND (
                SELECT granted FROM users_consent k WHERE k.customer_id = c.id AND k.channel = 'email'
                AND k.purpose = 'marketing' ORDER BY recorded_at DESC, id DESC LIMIT 1)""",
    ),
    (
        "2 purchases in 90 days, or 3 orders in 180",
        {
            "any": [
                {"event": "purchase", "count": {">=": 2}, "within_days": 90},
                {"orders": "count", "op": ">=", "value": 3, "within_days": 180},
            ]
        },
        f"""SELECT count(*) FROM users_customer c JOIN (
                SELECT customer_id FROM users_event WHERE type = 6 AND occurred_at >= {{since90}}
                GROUP BY customer_id HAVING count(*) >= 2
                UNION SELECT customer_id FROM users_order WHERE status <> 'cancelled' AND placed_at >= {{since180}}
                GROUP BY customer_id HAVING count(*) >= 3) b ON b.customer_id = c.id WHERE {_PRESENT}""",
    ),
    (
        "spent 200 in a year, no order for 60 days",
        {
            "all": [
                {"orders": "total", "op": ">=", "value": 200, "within_days": 365},
                {"orders": "last", "op": "older_than_days", "value": 60},
            ]
        },
        f"""SELECT count(*) FROM users_customer c JOIN (
                SELECT customer_id FROM users_order WHERE status <> 'cancelled' AND placed_at >= {{since365}}
                AND currency = 'EUR' GROUP BY customer_id
                HAVING sum(total - refunded) >= 200 AND max(placed_at) < {{since60}}) b ON b.customer_id = c.id
            WHERE {_PRESENT} AND NOT EXISTS (SELECT FROM users_order o WHERE o.customer_id = c.id
                AND o.status <> 'cancelled' AND o.placed_at >= {{since60}})""",
    ),
    (
        "the tenth most likely to buy, in one country",
        {
            "all": [
                {"prediction": "purchase", "top_percent": 10},
                {"field": "customer.country", "op": "=", "value": "GB"},
            ]
        },
        f"""SELECT count(*) FROM users_customer c JOIN recommendations_prediction r ON r.customer_id = c.id
            WHERE {_PRESENT} AND c.country = 'GB' AND r.purchase >= (
                SELECT percentile_disc(0.1) WITHIN GROUP (ORDER BY purchase DESC) FROM recommendations_prediction)""",
    ),
]


def run() -> None:
    """Measure and print: the best of a few runs, each pair in turns. Raises AssertionError where the counts differ."""
    _prepare()
    now = big_shop.START + timedelta(days=big_shop.DAYS)
    size = f"{big_shop.CUSTOMERS:,} customers, {big_shop.EVENTS:,} events"
    table = Table(title=f"Live counts over {size}", title_justify="left")
    for column in ("rule", "customers", "seconds", "by hand", "of it"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    moments = {f"since{days}": f"'{now - timedelta(days=days)}'" for days in (30, 60, 90, 180, 365)}
    for name, rule, by_hand in _RULES:
        segment = compile_rule(rule, now=now)
        compiled = (f"SELECT count(*) FROM ({segment.sql}) AS matched", segment.params)
        count, seconds, floor = _compare(compiled, (by_hand.format(**moments), None))
        table.add_row(name, f"{count:,}", f"{seconds:.2f}", f"{floor:.2f}", f"{seconds / floor:.0%}")
    Console().print(table)


def _prepare() -> None:
    big_shop.make_big_shop()
    if Prediction.objects.exists():  # on kept data
        return
    refresh_profiles()
    training = TrainingRun.objects.get_or_create(architecture="popularity")[0]
    version = ModelVersion.objects.get_or_create(training_run=training, architecture="popularity")[0]
    with connection.cursor() as cursor:
        cursor.execute(_CONSENTS)
        cursor.execute(_PREDICTIONS, [version.pk])
        cursor.execute("VACUUM ANALYZE")


def _compare(*statements: tuple[str, Any]) -> tuple[int, float, float]:
    """The count, and the best seconds of each statement."""
    best, counts = [float("inf")] * len(statements), [0] * len(statements)
    for _ in range(REPEATS):
        for place, (sql, params) in enumerate(statements):
            with within(None), connection.cursor() as cursor:
                started = time.perf_counter()
                cursor.execute(sql, params)
                (counts[place],) = cursor.fetchone()
                best[place] = min(best[place], time.perf_counter() - started)
    if len(set(counts)) > 1:
        raise AssertionError(f"The statements count differently: {counts}")
    return counts[0], best[0], best[1]
