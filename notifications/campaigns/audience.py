"""Whom a campaign reaches, counted before it is launched with the same SQL that plans it."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from notifications.campaigns.triggers.entrants import DUE_AT, only_concerned
from notifications.choices import ItemChoice, SuppressionReason
from notifications.decisions.arms import held_out_sql, hold_out_parameters
from notifications.decisions.caps import cap_parameters, caps_of
from notifications.decisions.hashing import Purpose, draw_sql
from notifications.decisions.quiet import awake_sql, quiet_parameters, zone_sql
from notifications.decisions.reach import refusal_sql
from notifications.models import Campaign, Run
from notifications.offers.liability import worst_case_liability
from notifications.segments import compile_rule

AUDIENCE = "campaign_audience"

_SOMEBODY_LEFT_OUT = f"""
SELECT id FROM users_customer c WHERE erased_at IS NULL AND merged_into_id IS NULL
    AND NOT EXISTS (SELECT FROM {AUDIENCE} a WHERE a.customer_id = c.id) LIMIT 1
"""


@dataclass(frozen=True)
class AudiencePreview:
    """What a launch would do now. `liability` is the most that the coupons can cost; None where nothing bounds it.

    `delayed` of those who will receive it are asleep at its time and get it in their morning.
    """

    matched: int
    suppressed: dict[str, int]
    held_out: int
    will_receive: int
    delayed: int
    is_everyone: bool
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


def decision_sql(shard: str, campaign: Campaign) -> str:
    """CTEs ending in `decision (id, language, send_at, item_ids, reason_item_ids, refusal, held_out)`.

    `shard` is a SELECT of customer ids. Suppression is decided first, so that the hold-out is drawn among those who
    would have received something: only they can be compared. Binds `decision_parameters`.
    """
    return f"""
    WITH reachable AS MATERIALIZED (
        SELECT c.id, c.language, awake.send_at, coalesce(
            {refusal_sql(customer="c", at="awake.send_at", caps=caps_of(campaign))},
            CASE WHEN awake.send_at - due.at > %(useful_until)s::timestamptz - %(at)s::timestamptz
                THEN '{SuppressionReason.TOO_LATE}' END) AS refusal
        FROM ({shard}) AS shard JOIN users_customer c ON c.id = shard.customer_id
        CROSS JOIN LATERAL (SELECT {zone_sql("c.time_zone")} AS zone) AS clock
        CROSS JOIN LATERAL (SELECT {DUE_AT} AS at) AS due
        CROSS JOIN LATERAL (SELECT {awake_sql(at="due.at", zone="clock.zone")} AS send_at) AS awake
    ), chosen AS MATERIALIZED (
        SELECT reachable.id, reachable.language, reachable.send_at, picked.item_ids, picked.reason_item_ids,
            coalesce(reachable.refusal, CASE WHEN %(item_count)s > 0 AND picked.item_ids IS NULL
                THEN '{SuppressionReason.NO_RECOMMENDATION}' END) AS refusal
        FROM reachable LEFT JOIN LATERAL (
            SELECT array_agg(ranked.item_id ORDER BY ranked.rank) AS item_ids,
                array_agg(ranked.reason_item_id ORDER BY ranked.rank) AS reason_item_ids
            FROM recommendations_recommendation stored CROSS JOIN LATERAL (
                -- A list comes in its order, so nothing is read behind the last item that is shown.
                SELECT listed.item_id, listed.reason_item_id, listed.rank
                FROM unnest(stored.item_ids, stored.reason_item_ids, stored.bought_before)
                    WITH ORDINALITY AS listed (item_id, reason_item_id, bought_before, rank)
                WHERE (%(bought_before)s::boolean IS NULL OR listed.bought_before = %(bought_before)s)
                    AND (SELECT item.is_active AND coalesce(item.stock, 1) > 0 FROM catalog_item item
                        WHERE item.id = listed.item_id)
                LIMIT %(item_count)s
            ) AS ranked
            WHERE stored.customer_id = reachable.id AND reachable.refusal IS NULL
        ) AS picked ON true
    ), decision AS MATERIALIZED (
        SELECT chosen.*, refusal IS NULL AND {held_out_sql(customer_id="chosen.id")} AS held_out,
            {draw_sql(Purpose.VARIANT, customer_id="chosen.id")} AS draw
        FROM chosen
    )"""


def decision_parameters(campaign: Campaign, *, at: datetime) -> dict[str, Any]:
    """What `decision_sql` binds for a campaign whose time is `at`."""
    useful = campaign.useful_hours
    return {
        **hold_out_parameters(campaign),
        **cap_parameters(caps_of(campaign)),
        **quiet_parameters(),
        "at": at,
        "local_times": "{}",
        "useful_until": None if useful is None else at + timedelta(hours=useful),
        "channel": campaign.channel,
        "item_count": campaign.item_count,
        "bought_before": {ItemChoice.NEW: False, ItemChoice.AGAIN: True}.get(ItemChoice(campaign.item_choice)),
    }


@transaction.atomic
def audience_preview(campaign: Campaign) -> AudiencePreview:
    """Count the audience of `campaign` as it stands now. Raises what `compile_rule` raises for a bad rule."""
    create_audience(campaign)
    at = max(campaign.scheduled_at or timezone.now(), timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            decision_sql(f"SELECT customer_id FROM {AUDIENCE}", campaign)
            + "SELECT coalesce(refusal, ''), held_out, count(*), count(*) FILTER (WHERE send_at > %(at)s) "
            "FROM decision GROUP BY 1, 2",
            decision_parameters(campaign, at=at),
        )
        rows = cursor.fetchall()
        cursor.execute(_SOMEBODY_LEFT_OUT)
        is_everyone = cursor.fetchone() is None
    counts = {(refusal, held_out): count for refusal, held_out, count, _delayed in rows}
    drop_audience()
    will_receive = counts.get(("", False), 0)
    return AudiencePreview(
        matched=sum(counts.values()),
        suppressed={refusal: count for (refusal, _), count in sorted(counts.items()) if refusal},
        held_out=counts.get(("", True), 0),
        will_receive=will_receive,
        delayed=sum(delayed for refusal, held_out, _count, delayed in rows if not refusal and not held_out),
        is_everyone=is_everyone and bool(counts),
        liability=worst_case_liability(campaign.offer, coupons=will_receive),
        currency=campaign.offer.currency if campaign.offer else settings.SHOP_CURRENCY,
    )
