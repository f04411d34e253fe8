"""Which of some items a customer has bought, ever."""

from django.db import migrations

# The database plans a statement over all months of events for longer than it takes to run it; of a function it keeps
# the plan as long as the connection lasts. 6: a purchase.
_BOUGHT = """
CREATE FUNCTION apropos_bought(customer bigint, items bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
    RETURN QUERY SELECT item_id FROM users_event WHERE customer_id = customer AND type = 6 AND item_id = ANY(items);
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0008_covering_indexes"),
    ]

    operations = [
        migrations.RunSQL(_BOUGHT, "DROP FUNCTION apropos_bought(bigint, bigint[])"),
    ]
