"""A customer's events, for pages that cannot wait."""

from django.db import migrations

# The database plans a statement over all months of events for longer than it takes to run it. Of a function it keeps
# the plan as long as the connection lasts, and passes over the months that do not matter. Without OFFSET 0 it would
# look up every item in every month, where one customer has few events. 6: a purchase.
_EVENTS = """
CREATE FUNCTION apropos_bought(customer bigint, items bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT item_id FROM (SELECT item_id, type FROM users_event WHERE customer_id = customer OFFSET 0) AS own
        WHERE type = 6 AND item_id = ANY(items);
END
$$;
CREATE FUNCTION apropos_newest(
    customer bigint, types smallint[], happened timestamptz, received timestamptz, most integer
) RETURNS TABLE (item_id bigint, type smallint)
LANGUAGE plpgsql STABLE ROWS 30 SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT event.item_id, event.type FROM users_event AS event
        WHERE event.customer_id = customer AND event.item_id IS NOT NULL AND event.type = ANY(types)
            AND event.occurred_at >= happened AND event.received_at > received AND coalesce(event.suspect, 0) <= 0
        ORDER BY event.occurred_at DESC, event.id DESC LIMIT most;
END
$$;
"""
_NO_EVENTS = """
DROP FUNCTION apropos_bought(bigint, bigint[]);
DROP FUNCTION apropos_newest(bigint, smallint[], timestamptz, timestamptz, integer);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0008_covering_indexes"),
    ]

    operations = [
        migrations.RunSQL(_EVENTS, _NO_EVENTS),
    ]
