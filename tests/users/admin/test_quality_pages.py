from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from tests.factories import CustomerFactory
from users.choices import RuleAction
from users.ingestion import EventInput, ingest_events
from users.ingestion.cleaning.rules import RULES, rule_for
from users.ingestion.quality import count_rows, forget_samples
from users.ingestion.report import quality_report
from users.models import BotMark, QualityCount, QualitySample, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    return client


def send(source: str = "shop") -> None:
    now = timezone.now()
    good = [EventInput(f"{source}{n}", "view", now, f"c{n}", "i1") for n in range(3)]
    bad = EventInput("bad", "teleport", now, "c1", "i1")
    ingest_events(events=[*good, bad, good[0]], source=source)


def test_the_report_adds_up_by_reason_day_and_source():
    send("shop")
    send("app")
    QualityCount.objects.create(day=timezone.now().date() - timedelta(days=3), source="shop", reason="bad_x", rows=5)
    QualityCount.objects.create(day=timezone.now().date() - timedelta(days=99), source="old", reason="bad_x", rows=5)
    report = quality_report(today=timezone.now().date(), days=30)
    rows = {reason.rule.reason: reason for reason in report.reasons}
    assert {name: reason.rows for name, reason in rows.items()} == {
        "unknown_type": 2,
        "duplicate": 2,
        "bad_x": 5,
        "unknown_item": 1,
    }
    assert (rows["bad_x"].by_day[-4], sum(rows["bad_x"].by_day)) == (5, 5)
    assert [sample.reference for sample in rows["unknown_type"].samples] == ["bad", "bad"]
    shop = next(source for source in report.sources if source.source == "shop")
    assert (shop.taken, shop.rows[RuleAction.DROPPED], shop.lost_share) == (3, 6, 6 / 9)
    assert report.total.taken == 6


def test_the_page_explains_every_reason_and_says_when_there_is_nothing(staff):
    url = reverse("admin:users_qualitycount_changelist")
    assert "Nothing has come in" in staff.get(url).content.decode()
    count_rows(source="test", reasons=dict.fromkeys([*RULES, "bad_email", "missing_item_id"], 2))
    page = staff.get(url).content.decode()
    for reason in (*RULES, "bad_email", "missing_item_id"):
        assert f">{reason}</code>" in page
    assert "Unusable: email" in page


@pytest.mark.parametrize("reason", [*RULES, "bad_email", "missing_item_id"])
def test_every_rule_reads_in_both_languages(reason):
    texts = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            rule = rule_for(reason)
            texts[language] = (str(rule.title), str(rule.meaning))
    assert all(english != chinese for english, chinese in zip(*texts.values(), strict=True))


def test_old_examples_are_forgotten():
    send()
    QualitySample.objects.update(day=timezone.now().date() - timedelta(days=15))
    send("app")
    assert forget_samples() > 0
    assert {sample.source for sample in QualitySample.objects.all()} == {"app"}


def test_bots_are_cleared_and_marked_again_in_the_admin(staff, django_capture_on_commit_callbacks):
    customer = CustomerFactory()
    BotMark.objects.create(customer=customer, reason="rate", actions=900, per_minute=400, marked_at=timezone.now())
    url = reverse("admin:users_botmark_changelist")
    assert str(customer) in staff.get(url).content.decode()
    for action, is_cleared in (("clear", True), ("unclear", False)):
        with django_capture_on_commit_callbacks() as callbacks:
            staff.post(url, {"action": action, "_selected_action": [customer.pk]})
        assert len(callbacks) == 1
        assert (BotMark.objects.get().cleared_at is not None) == is_cleared
