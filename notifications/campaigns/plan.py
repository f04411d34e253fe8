"""Decides every customer of a run, shard by shard, in SQL, by as many workers as there are.

The segment is evaluated once and its customers are divided into shards, which stand in the database. A shard's
decisions, coupons and messages and its removal are one transaction: a planner that is killed leaves whole shards, and
whoever comes next takes what is left.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.audience import concerned_sql, decision_parameters, decision_sql
from notifications.campaigns.cancel import cancel_messages
from notifications.campaigns.triggers.entrants import local_times, settle_entrants
from notifications.choices import (
    OPEN_RUN_STATUSES,
    RUN_MOVES,
    CampaignStatus,
    MessageState,
    RecipientStatus,
    RunStatus,
    statuses_before,
)
from notifications.decisions.arms import HOLD_OUT, Arms, campaign_arms
from notifications.models import Campaign, Run, RunShard
from notifications.offers.issue import issue_coupons
from notifications.segments.count import within

SHARD_SIZE = 20_000  # customers a transaction: a second of work, some megabytes
SHARD = "campaign_shard"
# How many there are is not said, so that each is looked up: no table is read as a whole for one shard.
_CUSTOMERS = "SELECT unnest(customer_ids) AS customer_id FROM notifications_runshard WHERE id = %(shard)s"

# The decisions of one shard, before they are stored: coupons are issued for some of them first.
_DECIDED = f"""
SELECT c.id AS customer_id,
    CASE WHEN c.refusal IS NOT NULL THEN '{RecipientStatus.SUPPRESSED}'
        WHEN c.held_out THEN '{RecipientStatus.HELD_OUT}' ELSE '{RecipientStatus.PLANNED}' END AS status,
    coalesce(c.refusal, '') AS suppression,
    CASE WHEN c.refusal IS NOT NULL THEN '' WHEN c.held_out THEN '{HOLD_OUT}' ELSE slice.name END AS arm,
    CASE WHEN c.refusal IS NOT NULL THEN 1 WHEN c.held_out THEN %(hold_out_share)s ELSE slice.propensity END
        AS propensity,
    CASE WHEN c.refusal IS NULL AND NOT c.held_out THEN slice.variant_id END AS variant_id,
    CASE WHEN c.refusal IS NULL AND NOT c.held_out THEN %(offer)s::bigint END AS offer_id,
    coalesce(c.item_ids, '{{}}') AS item_ids, coalesce(c.reason_item_ids, '{{}}') AS reason_item_ids,
    CASE WHEN c.refusal IS NULL THEN c.send_at END AS send_at
"""

_STORE = f"""
WITH stored AS (
    INSERT INTO notifications_recipient (run_id, customer_id, status, suppression, arm, propensity, variant_id,
        offer_id, coupon_id, item_ids, reason_item_ids, send_at, decided_at)
    SELECT %(run)s, decided.customer_id, decided.status, suppression, arm, propensity, variant_id, decided.offer_id,
        -- Found by the customer alone: before the new coupons are in the statistics, the indexes on offer and on run
        -- look as good, and have all of them under one key.
        (SELECT coupon.id FROM notifications_coupon coupon WHERE coupon.customer_id = decided.customer_id
            AND coupon.offer_id + 0 = decided.offer_id AND coupon.run_id + 0 = %(run)s),
        item_ids, reason_item_ids, send_at, %(now)s
    FROM {SHARD} decided
    ON CONFLICT (customer_id, run_id) DO NOTHING
    RETURNING id, customer_id, status, send_at
)
INSERT INTO notifications_message (recipient_id, run_id, customer_id, channel, state, due_at, useful_until, attempts,
    subject, provider_id, error_kind, error, created_at)
SELECT id, %(run)s, customer_id, %(channel)s, '{MessageState.PLANNED}', send_at, %(useful_until)s::timestamptz, 0,
    '', '', '', '', %(now)s
FROM stored WHERE status = '{RecipientStatus.PLANNED}'
"""


_DIVIDE = """
INSERT INTO notifications_runshard (run_id, customer_ids)
SELECT %s, array_agg(customer_id ORDER BY customer_id) FROM (
    SELECT customer_id, (row_number() OVER (ORDER BY customer_id) - 1) / %s AS number FROM ({concerned}) AS concerned
) AS numbered
GROUP BY number ORDER BY number
RETURNING cardinality(customer_ids)
"""

# Shared by the planners of a run, alone for whoever ends it: a lock that, unlike a row's, is given in turn.
_TURN = "SELECT pg_advisory_xact_lock{shared}(hashtext('end_run'), %s::int)"


def plan_run(*, run_id: int) -> int:
    """Decide the customers of a run that are not decided yet, and let it send; returns how many were decided.

    Several planners share the work. Stops between two shards when the campaign is paused or stopped. A lost database
    connection leaves the run to be resumed; any other error fails it and says why on it.
    """
    divide_run(run_id=run_id)
    run = Run.objects.select_related("campaign__segment", "campaign__offer").get(pk=run_id)
    decided = 0
    with _failing(run):
        arms = campaign_arms(run.campaign)
        while _may_plan(run.pk) and (count := _plan_shard(run, arms)):
            decided += count
        _finish(run)
    return decided


def divide_run(*, run_id: int) -> bool:
    """Evaluate the segment of a run that is to be planned, and store its shards; whether that was done here and now.

    A planner that finds another one at it goes away and comes back with the next tick. Fails as `plan_run` does.
    """
    run = Run.objects.select_related("campaign__segment").get(pk=run_id)
    if run.matched is not None or not _may_plan(run.pk):
        return False
    with _failing(run):
        return _divide(run)


def _divide(run: Run) -> bool:
    concerned, parameters = concerned_sql(run)
    with within(None), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('divide_run'), %s::int)", [run.pk])
        undivided = Run.objects.filter(pk=run.pk, status=RunStatus.PLANNING, matched=None)
        if not cursor.fetchone()[0] or not undivided.exists():
            return False
        cursor.execute(_DIVIDE.format(concerned=concerned), [run.pk, SHARD_SIZE, *parameters])
        matched = sum(size for (size,) in cursor.fetchall())
        end_run_alone(run_id=run.pk)
        if not undivided.update(matched=matched):
            RunShard.objects.filter(run=run).delete()
    return True


def end_run_alone(*, run_id: int) -> None:
    """Wait, within a transaction, until no shard of the run is being planned, and keep the planners waiting."""
    with connection.cursor() as cursor:
        cursor.execute(_TURN.format(shared=""), [run_id])


@transaction.atomic
def _plan_shard(run: Run, arms: Arms) -> int:
    """Decide the next free shard and remove it; returns how many customers it had, 0 where none is free."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_TURN.format(shared="_shared"), [run.pk])
        shard = RunShard.objects.filter(run=run, run__status=RunStatus.PLANNING).order_by("pk")
        taken = shard.select_for_update(of=("self",), skip_locked=True).values_list("pk", "customer_ids").first()
        if taken is None:
            return 0
        shard_id, customer_ids = taken
        cursor.execute("SET LOCAL jit = off")
        parameters = _shard_parameters(run, arms, shard_id=shard_id, now=now)
        cursor.execute(
            f"CREATE TEMPORARY TABLE {SHARD} ON COMMIT DROP AS {decision_sql(_CUSTOMERS, run.campaign)} {_DECIDED}"
            f"FROM decision c {arms.sql(customer='c', draw='c.draw')}",
            parameters,
        )
        if run.campaign.offer:
            cursor.execute(f"SELECT customer_id FROM {SHARD} WHERE status = '{RecipientStatus.PLANNED}'")
            receivers = [customer_id for (customer_id,) in cursor.fetchall()]
            issue_coupons(offer=run.campaign.offer, customer_ids=receivers, run_id=run.pk, issued_at=now)
        cursor.execute(_STORE, parameters)
        cursor.execute(f"DROP TABLE {SHARD}")
    RunShard.objects.filter(pk=shard_id).delete()
    return len(customer_ids)


def _shard_parameters(run: Run, arms: Arms, *, shard_id: int, now: datetime) -> dict[str, Any]:
    begun = max(run.scheduled_at, run.started_at or now)
    return {
        **decision_parameters(run.campaign, at=begun),
        "local_times": local_times(run),
        **arms.parameters(),
        "run": run.pk,
        "offer": run.campaign.offer_id,
        "channel": run.campaign.channel,
        "shard": shard_id,
        "now": now,
    }


def _may_plan(run_id: int) -> bool:
    return Run.objects.filter(pk=run_id, status=RunStatus.PLANNING, campaign__status=CampaignStatus.RUNNING).exists()


@transaction.atomic
def _finish(run: Run) -> None:
    """Let a run send of which no shard is left, unless another planner has."""
    planned = Run.objects.filter(~Exists(RunShard.objects.filter(run=OuterRef("pk"))), pk=run.pk, matched__gte=0)
    if planned.filter(status=RunStatus.PLANNING).update(status=RunStatus.SENDING, planned_at=timezone.now()):
        settle_entrants(run_id=run.pk)


@contextmanager
def _failing(run: Run) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        _fail(run, error)
        raise


@transaction.atomic
def _fail(run: Run, error: Exception) -> None:
    """Note why the run failed, and stop the campaign unless another of its runs goes on."""
    end_run_alone(run_id=run.pk)
    RunShard.objects.filter(run=run).delete()
    Run.objects.filter(pk=run.pk, status__in=statuses_before(RUN_MOVES, RunStatus.FAILED)).update(
        status=RunStatus.FAILED, error=f"{type(error).__name__}: {error}", finished_at=timezone.now()
    )
    cancel_messages(run_ids=[run.pk], kind="failed", reason=_("The run failed while it was planned."))
    others = Run.objects.filter(campaign=OuterRef("pk"), status__in=OPEN_RUN_STATUSES)
    Campaign.objects.filter(~Exists(others), pk=run.campaign_id, status=CampaignStatus.RUNNING).update(
        status=CampaignStatus.STOPPED, updated_at=timezone.now()
    )
