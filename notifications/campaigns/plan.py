"""Decides every customer of a run, shard by shard of customer ids, in SQL.

A shard's decisions, coupons, messages and the mark `Run.planned_up_to` are one transaction: a planner that is killed
leaves whole shards, and the next one goes on behind the mark.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.audience import (
    AUDIENCE,
    create_audience,
    decision_parameters,
    decision_sql,
    drop_audience,
)
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
from notifications.models import Campaign, Run
from notifications.offers.issue import issue_coupons

SHARD_SIZE = 10_000  # customers a transaction: half a second of work, a few megabytes
SHARD = "campaign_shard"

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
        coupon.id, item_ids, reason_item_ids, send_at, %(now)s
    FROM {SHARD} decided LEFT JOIN notifications_coupon coupon ON coupon.run_id = %(run)s
        AND coupon.customer_id > %(after)s AND coupon.customer_id <= %(last)s
        AND coupon.customer_id = decided.customer_id AND coupon.offer_id = decided.offer_id
    ORDER BY decided.customer_id
    ON CONFLICT (run_id, customer_id) DO NOTHING
    RETURNING id, customer_id, status, send_at
)
INSERT INTO notifications_message (recipient_id, run_id, customer_id, channel, state, due_at, useful_until, attempts,
    subject, provider_id, error_kind, error, created_at)
SELECT id, %(run)s, customer_id, %(channel)s, '{MessageState.PLANNED}', send_at, %(useful_until)s::timestamptz, 0,
    '', '', '', '', %(now)s
FROM stored WHERE status = '{RecipientStatus.PLANNED}'
"""


def plan_run(*, run_id: int) -> int:
    """Decide the customers of a run that are not decided yet, and let it send; returns how many were decided.

    Does nothing while another planner works on it, and stops between two shards when the campaign is paused or
    stopped. A lost database connection leaves the run to be resumed; any other error fails it and says why on it.
    """
    with _only_planner(run_id) as alone:
        if not alone:
            return 0
        run = Run.objects.select_related("campaign__segment", "campaign__offer").get(pk=run_id)
        if not _may_plan(run.pk):
            return 0
        try:
            return _plan(run)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            _fail(run, error)
            raise


def _plan(run: Run) -> int:
    arms = campaign_arms(run.campaign)
    create_audience(run.campaign, after=run.planned_up_to, run=run)
    decided = 0
    while _may_plan(run.pk):
        count = _plan_shard(run, arms)
        decided += count
        if not count:
            _finish(run)
            break
    drop_audience()
    return decided


@transaction.atomic
def _plan_shard(run: Run, arms: Arms) -> int:
    """Decide the next shard and move the mark behind it; returns how many customers it had."""
    now = timezone.now()
    after = _lock_mark(run.pk)
    if after is None:
        return 0
    shard = f"SELECT customer_id FROM {AUDIENCE} WHERE customer_id > %(after)s ORDER BY customer_id LIMIT {SHARD_SIZE}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), max(customer_id) FROM ({shard}) AS shard", {"after": after})
        count, last = cursor.fetchone()
        if not count:
            return 0
        parameters = _shard_parameters(run, arms, after=after, last=last, now=now)
        cursor.execute(f"DROP TABLE IF EXISTS {SHARD}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {SHARD} AS {decision_sql(shard, run.campaign)} {_DECIDED}"
            f"FROM decision c {arms.sql(customer='c', draw='c.draw')}",
            parameters,
        )
        if run.campaign.offer:
            cursor.execute(f"SELECT customer_id FROM {SHARD} WHERE status = '{RecipientStatus.PLANNED}' ORDER BY 1")
            receivers = [customer_id for (customer_id,) in cursor.fetchall()]
            issue_coupons(offer=run.campaign.offer, customer_ids=receivers, run_id=run.pk, issued_at=now)
        cursor.execute(_STORE, parameters)
        cursor.execute(f"DROP TABLE {SHARD}")
    Run.objects.filter(pk=run.pk).update(planned_up_to=last)
    return int(count)


def _lock_mark(run_id: int) -> int | None:
    """The last decided customer id, locked against a stop; None when the run was stopped meanwhile."""
    planning = Run.objects.select_for_update().filter(pk=run_id, status=RunStatus.PLANNING)
    return planning.values_list("planned_up_to", flat=True).first()


def _shard_parameters(run: Run, arms: Arms, *, after: int, last: int, now: datetime) -> dict[str, Any]:
    begun = max(run.scheduled_at, run.started_at or now)
    return {
        **decision_parameters(run.campaign, at=begun),
        "local_times": local_times(run),
        **arms.parameters(),
        "run": run.pk,
        "offer": run.campaign.offer_id,
        "channel": run.campaign.channel,
        "after": after,
        "last": last,
        "now": now,
    }


@contextmanager
def _only_planner(run_id: int) -> Iterator[bool]:
    """Whether this connection alone plans the run: a session lock, gone with the connection if we are killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('plan_run'), %s::int)", [run_id])
        (alone,) = cursor.fetchone()
        try:
            yield alone
        finally:
            if alone and connection.is_usable():
                cursor.execute("SELECT pg_advisory_unlock(hashtext('plan_run'), %s::int)", [run_id])


def _may_plan(run_id: int) -> bool:
    return Run.objects.filter(pk=run_id, status=RunStatus.PLANNING, campaign__status=CampaignStatus.RUNNING).exists()


@transaction.atomic
def _finish(run: Run) -> None:
    settle_entrants(run_id=run.pk)
    Run.objects.filter(pk=run.pk, status__in=statuses_before(RUN_MOVES, RunStatus.SENDING)).update(
        status=RunStatus.SENDING, planned_at=timezone.now()
    )


@transaction.atomic
def _fail(run: Run, error: Exception) -> None:
    """Note why the run failed, and stop the campaign unless another of its runs goes on."""
    Run.objects.filter(pk=run.pk, status__in=statuses_before(RUN_MOVES, RunStatus.FAILED)).update(
        status=RunStatus.FAILED, error=f"{type(error).__name__}: {error}", finished_at=timezone.now()
    )
    cancel_messages(run_ids=[run.pk], kind="failed", reason=_("The run failed while it was planned."))
    others = Run.objects.filter(campaign=OuterRef("pk"), status__in=OPEN_RUN_STATUSES)
    Campaign.objects.filter(~Exists(others), pk=run.campaign_id, status=CampaignStatus.RUNNING).update(
        status=CampaignStatus.STOPPED, updated_at=timezone.now()
    )
