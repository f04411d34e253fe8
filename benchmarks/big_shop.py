"""A big shop made by SQL inside the database: sessions of a few events, orders, a catalogue with prices and brands."""

import os
from datetime import UTC, datetime, timedelta

from django.db import connection

from catalog.models import Category
from users.ingestion.partitions import make_partitions, month_of

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1000000"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "10000000"))
ITEMS = 50_000
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 700
_PER_SESSION = 4

_CATALOGUE = f"""
INSERT INTO catalog_category (external_id, name)
SELECT 'shop-k' || n, 'Category ' || n FROM generate_series(1, 200) AS n;
INSERT INTO catalog_item (external_id, title, description, brand, price, list_price, currency, is_active, category_id,
                          is_repurchasable, url, image_url, attributes, created_at, updated_at)
SELECT 'shop-i' || n, 'Item ' || n, '', 'Brand ' || n %% 300, price, price * (1 + (n %% 3) * 0.1), %(currency)s, TRUE,
       (SELECT id FROM catalog_category WHERE external_id = 'shop-k1') + n %% 200, TRUE, '', '', '{{}}', now(), now()
FROM (SELECT n, round((5 + 95 * random() ^ 2)::numeric, 2) AS price FROM generate_series(1, {ITEMS}) AS n) AS made
"""
_CUSTOMERS = """
INSERT INTO users_customer (external_id, email, email_hash, phone, first_name, last_name, language, country, time_zone,
                            attributes, created_at, updated_at)
SELECT 'shop-c' || n, '', '', '', '', '', (ARRAY['en', 'de', 'fr', 'zh'])[n %% 4 + 1],
       (ARRAY['GB', 'DE', 'FR'])[n %% 3 + 1],
       (ARRAY['', 'Europe/Berlin', 'America/New_York', 'Asia/Shanghai'])[n %% 4 + 1], '{}', now(), now()
FROM generate_series(1, %(customers)s) AS n
"""
# A third of the sessions end in an order of one line; customers and items are visited unevenly. Rows arrive in time.
_EVENTS = """
CREATE TEMPORARY TABLE visit AS
SELECT s, (SELECT id FROM users_customer WHERE external_id = 'shop-c1')
       + floor(%(customers)s * random() ^ 1.5)::bigint AS customer_id,
       %(start)s::timestamptz + s * (%(span)s::interval / %(sessions)s) AS began, random() < 0.3 AS buys,
       (ARRAY['mobile', 'mobile', 'desktop', 'tablet'])[1 + floor(4 * random())::int] AS device
FROM generate_series(1, %(sessions)s) AS s;
INSERT INTO users_order (external_id, customer_id, placed_at, status, total, discount, refunded, currency, coupon_code,
                         created_at, described_at, fingerprint)
SELECT 'shop-o' || s, customer_id, began + interval '9 minutes', 'placed', round((10 + 90 * random())::numeric, 2),
       CASE WHEN random() < 0.2 THEN 5 ELSE 0 END, 0, %(currency)s, '', now(), began + interval '9 minutes', ''
FROM visit WHERE buys;
INSERT INTO users_event (message_id, customer_id, item_id, type, occurred_at, received_at, order_id, quantity, price,
                         currency, value, context)
SELECT md5(s::text || '/' || k)::uuid, customer_id,
       (SELECT id FROM catalog_item WHERE external_id = 'shop-i1') + floor(%(items)s * random() ^ 2)::bigint,
       CASE WHEN k = %(per_session)s AND buys THEN 6 WHEN k = 3 THEN 3 ELSE 1 END,
       began + k * interval '2 minutes' + random() * interval '1 minute', now(), NULL,
       CASE WHEN k = %(per_session)s AND buys THEN 1 END,
       CASE WHEN k = %(per_session)s AND buys THEN round((5 + 95 * random() ^ 2)::numeric, 2) END,
       CASE WHEN k = %(per_session)s AND buys THEN %(currency)s ELSE '' END, NULL,
       jsonb_build_object('device', device)
FROM visit CROSS JOIN generate_series(1, %(per_session)s) AS k;
DROP TABLE visit
"""


def make_big_shop() -> None:
    """Add `CUSTOMERS` customers with `EVENTS` events, unless it was done before. Takes minutes at the full size."""
    if Category.objects.filter(external_id="shop-k1").exists():
        return
    make_partitions({month_of(START + timedelta(days=day)) for day in range(DAYS + 2)})
    values = {
        "customers": CUSTOMERS,
        "items": ITEMS,
        "currency": "EUR",
        "start": START,
        "span": timedelta(days=DAYS),
        "sessions": EVENTS // _PER_SESSION,
        "per_session": _PER_SESSION,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # nothing is due: everything is computed anyway
        cursor.execute("SELECT setseed(0.5)")
        for statement in (_CATALOGUE, _CUSTOMERS, _EVENTS):
            cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
