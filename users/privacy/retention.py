"""Retention (GDPR Art. 5(1)(e), PIPL Art. 19): what is older than its rule goes, and a record says what went when.

Rules of other apps are registered where those start. Every rule can say beforehand what it would remove.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from users.ingestion.partitions import event_partitions, forget_partition
from users.models import CustomerAccess, Device, ErasedId, Profile, RetentionRecord
from users.privacy.event_age import events_kept_from


@dataclass(frozen=True, slots=True)
class Rule:
    """`kept_from` is the moment from which everything stays, or None to keep all; `remove` takes what lies before.

    `count` says how many rows that would be; both work in bounded batches.
    """

    name: str
    kept_from: Callable[[datetime], datetime | None]
    count: Callable[[datetime], int]
    remove: Callable[[datetime], int]


@dataclass(frozen=True, slots=True)
class Removal:
    """What one rule removed, or would remove."""

    rule: str
    kept_from: datetime
    rows: int


_rules: dict[str, Rule] = {}


def register_rule(rule: Rule) -> None:
    _rules[rule.name] = rule


def days_before(setting: str) -> Callable[[datetime], datetime | None]:
    """Everything of the last `setting` days is kept; with 0 all of it."""

    def kept_from(now: datetime) -> datetime | None:
        days = getattr(settings, setting)
        return now - timedelta(days=days) if days else None

    return kept_from


def apply_retention(*, now: datetime | None = None, dry_run: bool = False) -> list[Removal]:
    """Apply every rule and record what it removed; with `dry_run` only count."""
    moment = now or timezone.now()
    done = []
    for rule in _rules.values():
        kept_from = rule.kept_from(moment)
        if kept_from is None:
            continue
        rows = rule.count(kept_from) if dry_run else rule.remove(kept_from)
        if rows:
            done.append(Removal(rule.name, kept_from, rows))
            if not dry_run:
                RetentionRecord.objects.create(rule=rule.name, kept_from=kept_from, removed=rows)
    return done


def _old_partitions(kept_from: datetime) -> list[tuple[str, datetime]]:
    """Partitions with their month, oldest first, that end before `kept_from`."""
    return [(name, month) for name, month in event_partitions() if month < kept_from]


def _count_events(kept_from: datetime) -> int:
    total = 0
    with connection.cursor() as cursor:
        for name, _month in _old_partitions(kept_from):
            cursor.execute(f"SELECT count(*) FROM {name}")
            total += cursor.fetchone()[0]
    return total


def _remove_events(kept_from: datetime) -> int:
    """Drop whole months. Each is counted and dropped in one transaction; its message ids go first, day by day.

    A crash between days leaves events whose ids are forgotten; retries of them are refused by `check_kept`.
    """
    removed = 0
    for name, month in _old_partitions(kept_from):
        _forget_message_ids(month)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10s'")  # readers of the whole table come first
            cursor.execute(f"SELECT count(*) FROM {name}")
            removed += cursor.fetchone()[0]
            cursor.execute(f"DROP TABLE {name}")
        forget_partition(name)
    return removed


def _forget_message_ids(month: datetime) -> None:
    with connection.cursor() as cursor:
        for day in range(31):
            began = month + timedelta(days=day)
            if began.month == month.month:
                cursor.execute(
                    "DELETE FROM users_eventkey WHERE occurred_at >= %s AND occurred_at < %s",
                    [began, began + timedelta(days=1)],
                )


def _remove_accesses(kept_from: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL apropos.retention = 'on'")  # the trigger that guards the log asks for it
        cursor.execute("DELETE FROM users_customeraccess WHERE at < %s", [kept_from])
        removed = cursor.rowcount
        cursor.execute("SET LOCAL apropos.retention = 'off'")
        return removed


def leftover_rule(name: str, model: type[Model]) -> Rule:
    """Rows of `model` that a computation wrote of a customer who was erased while it ran."""

    def rows(kept_from: datetime) -> QuerySet[Any]:
        return model._default_manager.filter(customer__erased_at__lt=kept_from)

    return Rule(name, lambda now: now, lambda moment: rows(moment).count(), lambda moment: rows(moment).delete()[0])


def register_rules() -> None:
    """This app's own rules."""
    register_rule(leftover_rule("profiles of erased customers", Profile))
    register_rule(Rule("events", events_kept_from, _count_events, _remove_events))
    register_rule(
        Rule(
            "access log",
            days_before("ACCESS_LOG_KEEP_DAYS"),
            lambda kept_from: CustomerAccess.objects.filter(at__lt=kept_from).count(),
            _remove_accesses,
        )
    )
    register_rule(
        Rule(
            "devices not seen any more",
            days_before("DEVICES_KEEP_DAYS"),
            lambda kept_from: Device.objects.filter(last_seen_at__lt=kept_from).count(),
            lambda kept_from: Device.objects.filter(last_seen_at__lt=kept_from).delete()[0],
        )
    )
    register_rule(
        Rule(
            "hashes of erased ids",
            lambda now: now,
            lambda kept_from: ErasedId.objects.filter(refuse_until__lte=kept_from).count(),
            lambda kept_from: ErasedId.objects.filter(refuse_until__lte=kept_from).delete()[0],
        )
    )
