"""Background jobs. They may be delivered twice or run at once: all work is claimed in the database.

What a tick enqueues expires before the next ticks have enqueued much more of it, so queues stay short while the
workers are busy; the work itself waits in the database.
"""

from decimal import Decimal
from typing import Any

from celery import shared_task

from notifications.campaigns.plan import divide_run
from notifications.campaigns.plan import plan_run as decide_run
from notifications.campaigns.review import withdraw_stale_approvals
from notifications.campaigns.schedule import complete_runs, runs_to_plan, start_due_runs
from notifications.campaigns.segment_funnel import keep_funnel
from notifications.campaigns.triggers.turn import turn_triggers
from notifications.delivery.outbox import send_due, sending_runs
from notifications.delivery.reaper import reap_leases
from notifications.listening.mailbox import read_mailbox
from notifications.membership.earn import earn_points
from notifications.membership.expire import expire_points
from notifications.membership.ledger import follow_merges
from notifications.membership.tiers import evaluate_tiers
from notifications.offers.expire import release_expired_reservations

EXPIRES = 15  # seconds


@shared_task
def tick() -> None:
    """One turn of the scheduler. What looks for customers begins when this has ended: pages need a core, too."""
    try:
        _turn_runs()
    finally:
        watch_triggers.apply_async(expires=EXPIRES)


def _turn_runs() -> None:
    withdraw_stale_approvals()
    start_due_runs()
    reap_leases()
    complete_runs()
    release_expired_reservations()
    for run_id in runs_to_plan():
        plan_run.apply_async(args=(run_id,), expires=EXPIRES)
    if sending_runs():
        send_due_messages.apply_async(expires=EXPIRES)


@shared_task
def watch_triggers() -> None:
    turn_triggers()


@shared_task
def plan_run(run_id: int) -> None:
    if divide_run(run_id=run_id):
        plan_run.apply_async(args=(run_id,), expires=EXPIRES)  # so that another worker joins before the next tick
    decide_run(run_id=run_id)
    send_due_messages.apply_async(expires=EXPIRES)


@shared_task
def send_due_messages() -> None:
    if send_due():
        send_due_messages.apply_async(expires=EXPIRES)


@shared_task
def read_bounces() -> None:
    read_mailbox()


@shared_task
def keep_membership() -> None:
    follow_merges()
    touched = earn_points() | expire_points()
    evaluate_tiers(customer_ids=touched)


@shared_task
def evaluate_all_tiers() -> None:
    evaluate_tiers()


@shared_task
def count_funnel(rule: Any, channel: str, hold_out_percent: str) -> None:
    keep_funnel(rule=rule, channel=channel, hold_out_percent=Decimal(hold_out_percent))
