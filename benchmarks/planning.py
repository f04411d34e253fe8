"""Planning a run: everyone matched gets a decision, its coupon and its message, a shard of customers a transaction."""

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
from recommendations.models import ModelVersion, TrainingRun

# Nine of ten have an address and agreed; everyone has twenty recommendations, four of which are shown.
_REACHABLE = """
UPDATE users_customer SET email_hash = md5(id::text) WHERE external_id LIKE 'shop-c%%' AND id %% 10 <> 0;
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
    started = time.perf_counter()
    cpu = _database_seconds()
    process = subprocess.run(
        [sys.executable, "-c", _WORKER, str(planned.pk)], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - started
    database = _database_seconds() - cpu
    worker, megabytes = (float(number) for number in process.stdout.split())
    decided = planned.recipients.count()
    table = Table(title=f"Planning a run for {decided:,} customers, with coupons and messages")
    for column in ("recipients/s", "seconds", "processor of the database, s", "of the worker, s", "worker, MB"):
        table.add_column(column, justify="right")
    table.add_row(f"{decided / seconds:,.0f}", f"{seconds:.1f}", f"{database:.1f}", f"{worker:.1f}", f"{megabytes:.0f}")
    Console().print(table)


_WORKER = """
import resource, sys
import django
django.setup()
from notifications.campaigns.plan import plan_run
plan_run(run_id=int(sys.argv[1]))
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def _prepare() -> Run:
    settings.CAMPAIGN_APPROVALS = False
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
