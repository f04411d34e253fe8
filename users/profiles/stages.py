"""The columns that depend on today or on other customers: lifecycle stages and quintiles, as SQL over a profile's row.

`%(as_of)s` is the time that counts as now; `%(recency)s`, `%(frequency)s` and `%(monetary)s` are the bounds of fifths.
"""

from datetime import timedelta

from users.choices import LifecycleStage
from users.profiles.definitions import ACTIVE_FOR, AT_RISK_UNTIL, LOYAL_ORDERS, NEW_FOR


def fifth(value: str, bounds: str) -> str:
    """1 for the lowest fifth to 5: how many of the four bounds lie below. NULL where either is NULL."""
    return "1 + " + " + ".join(f"({value} > ({bounds})[{place}])::int" for place in range(1, 5))


def _since(period: timedelta) -> str:
    return f"%(as_of)s::timestamptz - interval '{period.days} days'"


_LAST_SEEN = "greatest(last_event_at, last_order_at)"

LIFECYCLE = f"""CASE
    WHEN {_LAST_SEEN} IS NULL THEN ''
    WHEN {_LAST_SEEN} < {_since(AT_RISK_UNTIL)} THEN '{LifecycleStage.LAPSED}'
    WHEN {_LAST_SEEN} < {_since(ACTIVE_FOR)} THEN '{LifecycleStage.AT_RISK}'
    WHEN order_count >= {LOYAL_ORDERS} AND last_order_at >= {_since(ACTIVE_FOR)} THEN '{LifecycleStage.LOYAL}'
    WHEN least(first_event_at, first_order_at) >= {_since(NEW_FOR)} THEN '{LifecycleStage.NEW}'
    ELSE '{LifecycleStage.ACTIVE}' END"""

RECENCY = fifth("date_part('epoch', last_order_at)", "%(recency)s::float8[]")
FREQUENCY = fifth("nullif(order_count, 0)", "%(frequency)s::float8[]")
MONETARY = fifth("CASE WHEN order_count > 0 THEN revenue::float8 END", "%(monetary)s::float8[]")
