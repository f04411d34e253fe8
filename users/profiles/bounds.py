"""The bounds between fifths: of all customers by recency, frequency and spend, and of the prices of each category."""

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from users.choices import ProfileMeasure
from users.models import ProfileBounds
from users.profiles.definitions import CATEGORY_PRICES
from users.profiles.statement import BOUGHT, OUTSIDE, PRESENT, REVENUE

_FIFTHS = "percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY {})"

# The same parts as the profile's own statement, so that the bounds fit the rows however fresh those are.
_CUSTOMERS = f"""
INSERT INTO users_profilebounds (measure, bounds, computed_at)
SELECT measure, bounds, %(as_of)s FROM (
    SELECT {_FIFTHS.format("date_part('epoch', bought.last_at)")} AS recency,
           {_FIFTHS.format("bought.orders::float8")} AS frequency,
           {_FIFTHS.format(f"({REVENUE})::float8")} AS monetary
    FROM ({BOUGHT}) AS bought
    JOIN users_customer AS customer ON customer.id = bought.customer_id AND {PRESENT}
    LEFT JOIN ({OUTSIDE}) AS outside ON outside.customer_id = bought.customer_id
) AS computed CROSS JOIN LATERAL (
    VALUES ('{ProfileMeasure.RECENCY}', recency), ('{ProfileMeasure.FREQUENCY}', frequency),
           ('{ProfileMeasure.MONETARY}', monetary)
) AS named (measure, bounds) WHERE bounds IS NOT NULL
""".format(scope="TRUE")

_PRICES = f"""
INSERT INTO users_profilebounds (measure, category_id, bounds, computed_at)
SELECT '{ProfileMeasure.PRICE}', category_id, {_FIFTHS.format("price::float8")}, %(as_of)s
FROM catalog_item WHERE price IS NOT NULL AND currency = %(currency)s
GROUP BY GROUPING SETS ((), (category_id))
HAVING count(*) > 0 AND (grouping(category_id) = 1 OR category_id IS NOT NULL AND count(*) >= {CATEGORY_PRICES})
"""


@transaction.atomic
def compute_bounds(*, as_of: datetime, prices: bool) -> None:
    """Replace the bounds of customers, and with `prices` also those of the catalogue."""
    replaced = ProfileBounds.objects.all() if prices else ProfileBounds.objects.exclude(measure=ProfileMeasure.PRICE)
    replaced.delete()
    with connection.cursor() as cursor:
        for statement in (_CUSTOMERS, _PRICES) if prices else (_CUSTOMERS,):
            cursor.execute(statement, {"as_of": as_of, "currency": settings.SHOP_CURRENCY})


def current_bounds() -> dict[str, list[float] | None]:
    """The bounds of customers by measure; None before there are orders."""
    known = dict(ProfileBounds.objects.filter(category=None).values_list("measure", "bounds"))
    return {
        str(measure): known.get(measure)
        for measure in (ProfileMeasure.RECENCY, ProfileMeasure.FREQUENCY, ProfileMeasure.MONETARY)
    }
