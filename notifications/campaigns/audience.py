"""Whom a campaign reaches, counted before it is launched with the same SQL that plans it."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from notifications.campaigns.triggers.entrants import only_concerned
from notifications.choices import ItemChoice, SuppressionReason
from notifications.decisions.arms import held_out_sql, hold_out_parameters
from notifications.decisions.reach import refusal_sql
from notifications.models import Campaign, Run
from notifications.offers.liability import worst_case_liability
from notifications.segments import compile_rule

AUDIENCE = "campaign_audience"


@dataclass(frozen=True)
class AudiencePreview:
    """What a launch would do now. `liability` is the most that the coupons can cost; None where nothing bounds it."""

    matched: int
    suppressed: dict[str, int]
    held_out: int
    will_receive: int
    liability: Decimal | None
    currency: str

    def as_dict(self) -> dict[str, Any]:
        """The preview as JSON-able values."""
        return asdict(self) | {"liability": None if self.liability is None else str(self.liability)}


def create_audience(campaign: Campaign, *, after: int = 0, run: Run | None = None) -> None:
    """Evaluate the segment once, into a temporary table of this transaction's or session's connection.

    Taking the segment apart by shards instead would evaluate its aggregates once per shard. `after` leaves out the
    customers that an interrupted plan has already decided; of a `run` only those are left whom it concerns.
    """
    segment = compile_rule(campaign.segment.rule)
    concerned, parameters = only_concerned(run) if run else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {AUDIENCE}")
        cursor.execute(f"CREATE TEMPORARY TABLE {AUDIENCE} (customer_id bigint PRIMARY KEY)")
        cursor.execute(
            f"INSERT INTO {AUDIENCE} SELECT DISTINCT customer_id FROM ({segment.sql}) AS matched {concerned}",
            [*segment.params, *parameters],
        )
        cursor.execute(f"DELETE FROM {AUDIENCE} WHERE customer_id <= %s", [after])
        cursor.execute(f"ANALYZE {AUDIENCE}")


def drop_audience() -> None:
    """Remove what `create_audience` made."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {AUDIENCE}")


def decision_sql(shard: str) -> str:
    """CTEs ending in `decision (id, language, item_ids, reason_item_ids, refusal, held_out)`.

    `shard` is a SELECT of customer ids. Suppression is decided first, so that the hold-out is drawn among those who
    would have received something: only they can be compared. Binds `decision_parameters`.
    """
    return f"""
    WITH reachable AS MATERIALIZED (
        SELECT c.id, c.language, {refusal_sql(customer="c")} AS refusal
        FROM ({shard}) AS shard JOIN users_customer c ON c.id = shard.customer_id
    ), chosen AS MATERIALIZED (
        SELECT reachable.id, reachable.language, picked.item_ids, picked.reason_item_ids,
            coalesce(reachable.refusal, CASE WHEN %(item_count)s > 0 AND picked.item_ids IS NULL
                THEN '{SuppressionReason.NO_RECOMMENDATION}' END) AS refusal
        FROM reachable LEFT JOIN LATERAL (
            SELECT array_agg(ranked.item_id ORDER BY ranked.rank) AS item_ids,
                array_agg(ranked.reason_item_id ORDER BY ranked.rank) AS reason_item_ids
            FROM (
                SELECT listed.item_id, listed.reason_item_id, listed.rank
                FROM recommendations_recommendation stored
                CROSS JOIN unnest(stored.item_ids, stored.reason_item_ids, stored.bought_before)
                    WITH ORDINALITY AS listed (item_id, reason_item_id, bought_before, rank)
                JOIN catalog_item item ON item.id = listed.item_id
                    AND item.is_active AND (item.stock IS NULL OR item.stock > 0)
                WHERE stored.customer_id = reachable.id AND reachable.refusal IS NULL AND %(item_count)s > 0
                    AND (%(bought_before)s::boolean IS NULL OR listed.bought_before = %(bought_before)s)
                ORDER BY listed.rank LIMIT %(item_count)s
            ) AS ranked
        ) AS picked ON true
    ), decision AS MATERIALIZED (
        SELECT chosen.*, refusal IS NULL AND {held_out_sql(customer_id="chosen.id")} AS held_out FROM chosen
    )"""


def decision_parameters(campaign: Campaign) -> dict[str, Any]:
    """What `decision_sql` binds."""
    return {
        **hold_out_parameters(campaign),
        "channel": campaign.channel,
        "item_count": campaign.item_count,
        "bought_before": {ItemChoice.NEW: False, ItemChoice.AGAIN: True}.get(ItemChoice(campaign.item_choice)),
    }


@transaction.atomic
def audience_preview(campaign: Campaign) -> AudiencePreview:
    """Count the audience of `campaign` as it stands now. Raises what `compile_rule` raises for a bad rule."""
    create_audience(campaign)
    with connection.cursor() as cursor:
        cursor.execute(
            decision_sql(f"SELECT customer_id FROM {AUDIENCE}")
            + "SELECT coalesce(refusal, ''), held_out, count(*) FROM decision GROUP BY 1, 2",
            decision_parameters(campaign),
        )
        counts = {(refusal, held_out): count for refusal, held_out, count in cursor.fetchall()}
    drop_audience()
    will_receive = counts.get(("", False), 0)
    return AudiencePreview(
        matched=sum(counts.values()),
        suppressed={refusal: count for (refusal, _), count in sorted(counts.items()) if refusal},
        held_out=counts.get(("", True), 0),
        will_receive=will_receive,
        liability=worst_case_liability(campaign.offer, coupons=will_receive),
        currency=campaign.offer.currency if campaign.offer else settings.SHOP_CURRENCY,
    )
