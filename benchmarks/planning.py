"""Planning a run: everyone matched gets a decision, its coupon and its message, a shard of customers a transaction.

Two workers share the shards, as two processes of a Celery worker would.
"""

import subprocess
import sys
import time

import psutil
from django.conf import settings
from django.db import connection
from rich.console import Console
from rich.table import Table

from benchmarks import big_shop
from notifications.campaigns.lifecycle import launch_campaign
from notifications.campaigns.schedule import start_due_runs
from notifications.choices import OfferType
from notifications.content.starter import starter_template
from notifications.models import Campaign, FrequencyCap, Offer, Run, Segment, Variant
from recommendations.models import ModelVersion, Recommendation, TrainingRun

WORKERS = 2

_EMPTY = """
TRUNCATE notifications_message, notifications_recipient, notifications_coupon, notifications_campaign,
    notifications_offer, notifications_segment CASCADE
"""
# Nine of ten have an address and agreed; everyone has twenty recommendations, four of which are shown.
_REACHABLE = """
UPDATE users_customer SET email_hash = md5(id::text) WHERE external_id LIKE 'shop-c%%' AND id %% 10 <> 0;
DELETE FROM users_consent;
INSERT INTO users_consent (customer_id, channel, purpose, granted, source, text_version, recorded_at)
SELECT id, 'email', 'marketing', true, 'benchmark', '', now() FROM users_customer WHERE email_hash <> '';
INSERT INTO recommendations_recommendation
    (customer_id, model_version_id, item_ids, scores, reason_item_ids, bought_before, scored_at)
SELECT customer.id, %(model)s, picked.items, array_fill(1.0::float8, ARRAY[20]), picked.items,
    array_fill(false, ARRAY[20]), now()
FROM users_customer customer CROSS JOIN LATERAL (
    SELECT array_agg(first_item + (customer.id * 7919 + n * 104729) %% %(items)s) AS items
    FROM generate_series(1, 20) AS n, (SELECT min(id) AS first_item FROM catalog_item) AS catalogue
) AS picked
"""


def run() -> None:
    """Plan one run for everyone, in a process of its own, and print how fast it went and what memory it took."""
    big_shop.make_big_shop()
    planned = _prepare()
    workers = [_start_worker(planned) for _ in range(WORKERS)]
    started, cpu = time.perf_counter(), _database_seconds()
    for worker in workers:
        print(file=worker.stdin, flush=True)
    spent = [[float(number) for number in worker.communicate()[0].split()] for worker in workers]
    seconds = time.perf_counter() - started
    database = _database_seconds() - cpu
    decided = planned.recipients.count()
    table = Table(title=f"Planning a run for {decided:,} customers, with coupons and messages, by {WORKERS} workers")
    for column in ("recipients/s", "seconds", "processor of the database, s", "of the workers, s", "a worker, MB"):
        table.add_column(column, justify="right")
    processor, megabytes = sum(each[0] for each in spent), max(each[1] for each in spent)
    table.add_row(
        f"{decided / seconds:,.0f}", f"{seconds:.1f}", f"{database:.1f}", f"{processor:.1f}", f"{megabytes:.0f}"
    )
    Console().print(table)


_WORKER = """
import resource, sys, time
import django
django.setup()
from notifications.campaigns.plan import plan_run
from notifications.models import Run
run = Run.objects.get(pk=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
began = time.process_time()
while Run.objects.filter(pk=run.pk, status="planning").exists():
    plan_run(run_id=run.pk) or time.sleep(0.1)
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # that of the parent not included
print(usage.ru_utime + usage.ru_stime - began, int(peak.split()[1]) / 1024)
"""


def _start_worker(planned: Run) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _WORKER, str(planned.pk)]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if worker.stdout is None or worker.stdout.readline() != "ready\n":
        raise RuntimeError("A worker did not start.")
    return worker


def _prepare() -> Run:
    """A launched run; what an earlier one on the same kept data has left is removed."""
    settings.CAMPAIGN_APPROVALS = False
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY)
    if not Recommendation.objects.exists():
        training = TrainingRun.objects.create(architecture="popularity")
        model = ModelVersion.objects.create(training_run=training, architecture="popularity", artefact="benchmark")
        with connection.cursor() as cursor:
            cursor.execute(_REACHABLE, {"model": model.pk, "items": big_shop.ITEMS})
            cursor.execute("VACUUM ANALYZE")
    FrequencyCap.objects.update_or_create(days=1, channel="", tag="", defaults={"maximum": 1, "is_active": True})
    segment = Segment.objects.create(
        name="Everyone", rule={"field": "customer.country", "op": "in", "value": _COUNTRIES}
    )
    offer = Offer.objects.create(
        name="Spend 30, save 5", type=OfferType.SPEND_SAVE, value=5, minimum_spend=30, valid_days=14
    )
    campaign = Campaign.objects.create(name="Benchmark", segment=segment, offer=offer, hold_out_percent=10)
    for weight, name in enumerate(("A", "B"), start=1):
        Variant.objects.create(campaign=campaign, name=name, weight=weight, subject="For you", html=starter_template())
    planned = launch_campaign(campaign=campaign)
    start_due_runs()
    return planned


_COUNTRIES = ["GB", "DE", "FR"]


def _database_seconds() -> float:
    """Processor time that the servers' backends of this connection's cluster have taken, dead ones included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    postmaster = backend.parent()
    if postmaster is None:
        raise RuntimeError("The server runs on another machine.")
    family = [postmaster, *postmaster.children(recursive=True)]
    own = sum(sum(each.cpu_times()[:2]) for each in family)
    return own + sum(postmaster.cpu_times()[2:4])
