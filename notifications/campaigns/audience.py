"""Whom a campaign reaches, counted before it is launched with the same SQL that plans it."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from catalog.big_tables import estimated_rows
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
_HASHED_ITEMS = 100_000  # so many fit into the memory that a statement has by default

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


def _create_audience(campaign: Campaign) -> None:
    segment = compile_rule(campaign.segment.rule)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {AUDIENCE}")
        cursor.execute(f"CREATE TEMPORARY TABLE {AUDIENCE} (customer_id bigint PRIMARY KEY)")
        cursor.execute(f"INSERT INTO {AUDIENCE} {segment.sql}", segment.params)
        cursor.execute(f"ANALYZE {AUDIENCE}")


def concerned_sql(run: Run) -> tuple[str, list[Any]]:
    """A SELECT of the customers of the segment whom a run concerns, each once, with its positional parameters."""
    segment = compile_rule(run.campaign.segment.rule)
    concerned, parameters = only_concerned(run)
    return f"SELECT customer_id FROM ({segment.sql}) AS matched {concerned}", [*segment.params, *parameters]


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
    ), {_chosen_sql(campaign)}, decision AS MATERIALIZED (
        SELECT chosen.*, refusal IS NULL AND {held_out_sql(customer_id="chosen.id")} AS held_out,
            {draw_sql(Purpose.VARIANT, customer_id="chosen.id")} AS draw
        FROM chosen
    )"""


def _chosen_sql(campaign: Campaign) -> str:
    """CTEs `listed` and `chosen`: each reachable customer with the first items of the list that may be shown.

    Nearly always these are the list's very first ones, so these are checked as a whole before any is looked at alone.
    """
    if not campaign.item_count:
        return """chosen AS MATERIALIZED (
        SELECT id, language, send_at, refusal, NULL::bigint[] AS item_ids, NULL::bigint[] AS reason_item_ids
        FROM reachable
    )"""
    wanted = "%(bought_before)s::boolean IS NULL OR"
    return f"""listed AS MATERIALIZED (
        SELECT reachable.id, reachable.language, reachable.send_at, reachable.refusal, stored.item_ids,
            stored.reason_item_ids, stored.bought_before, first.item_ids AS first_ids,
            ({wanted} %(bought_before)s = ALL(stored.bought_before[1:%(item_count)s]))
            AND (SELECT bool_and({_on_sale("shown.id")}) FROM unnest(first.item_ids) AS shown (id)) AS as_listed
        FROM reachable LEFT JOIN recommendations_recommendation stored
            ON stored.customer_id = reachable.id AND reachable.refusal IS NULL
        CROSS JOIN LATERAL (SELECT stored.item_ids[1:%(item_count)s] AS item_ids) AS first
    ), chosen AS MATERIALIZED (
        SELECT listed.id, listed.language, listed.send_at,
            CASE WHEN as_listed THEN first_ids ELSE picked.item_ids END AS item_ids,
            CASE WHEN as_listed THEN listed.reason_item_ids[1:%(item_count)s] ELSE picked.reason_item_ids END
                AS reason_item_ids,
            coalesce(listed.refusal, CASE WHEN as_listed IS NOT TRUE AND picked.item_ids IS NULL
                THEN '{SuppressionReason.NO_RECOMMENDATION}' END) AS refusal
        FROM listed LEFT JOIN LATERAL (
            SELECT array_agg(ranked.item_id ORDER BY ranked.rank) AS item_ids,
                array_agg(ranked.reason_item_id ORDER BY ranked.rank) AS reason_item_ids
            FROM (
                -- A list comes in its order, so nothing is read behind the last item that is shown.
                SELECT each.item_id, each.reason_item_id, each.rank
                FROM unnest(listed.item_ids, listed.reason_item_ids, listed.bought_before)
                    WITH ORDINALITY AS each (item_id, reason_item_id, bought_before, rank)
                WHERE ({wanted} each.bought_before = %(bought_before)s)
                    AND {_on_sale("each.item_id")}
                LIMIT %(item_count)s
            ) AS ranked
            WHERE listed.as_listed IS NOT TRUE
        ) AS picked ON true
    )"""


def _on_sale(item_id: str) -> str:
    """Condition: the item in column `item_id` can be bought. A catalogue of a usual size is hashed once a statement."""
    on_sale = "SELECT item.id FROM catalog_item item WHERE item.is_active AND coalesce(item.stock, 1) > 0"
    if estimated_rows("catalog_item") > _HASHED_ITEMS:
        return f"EXISTS ({on_sale} AND item.id = {item_id})"
    return f"{item_id} IN ({on_sale})"


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
        "tags": campaign.tags,
        "item_count": campaign.item_count,
        "bought_before": {ItemChoice.NEW: False, ItemChoice.AGAIN: True}.get(ItemChoice(campaign.item_choice)),
    }


@transaction.atomic
def audience_preview(campaign: Campaign) -> AudiencePreview:
    """Count the audience of `campaign` as it stands now. Raises what `compile_rule` raises for a bad rule."""
    _create_audience(campaign)
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
        cursor.execute(f"DROP TABLE {AUDIENCE}")
    counts = {(refusal, held_out): count for refusal, held_out, count, _delayed in rows}
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
