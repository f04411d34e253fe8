import random
from datetime import UTC, datetime, timedelta

import pytest

from users.choices import BotReason
from users.ingestion import EventInput, ingest_events
from users.ingestion.cleaning import clear_bots, mark_bots, unclear_bots
from users.models import BotMark, Customer, QualityCount, User

NOW = datetime(2026, 3, 2, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def act(who: str, pauses: list[float], kind: str = "view", start: datetime = NOW - timedelta(hours=20)) -> None:
    """Events of one customer, each so many seconds after the one before."""
    events, at = [], start
    for number, pause in enumerate(pauses):
        at += timedelta(seconds=pause)
        events.append(EventInput(f"{who}-{number}", kind, at, who, item_id=f"i{number % 50}"))
    ingest_events(events=events, source="test")


def marked() -> dict[str, str]:
    return dict(BotMark.objects.values_list("customer__external_id", "reason"))


def test_machines_are_marked_and_people_are_not():
    chance = random.Random(1)
    act("crawler", [5.0] * 150)
    act("jittered", [chance.uniform(1, 3) for _ in range(150)])
    act("burst", [0.05] * 400)
    act("person", [chance.lognormvariate(2.5, 1) for _ in range(200)])
    act("keen person", [chance.lognormvariate(1.5, 0.9) for _ in range(200)])
    act("day only", [0] * 300)  # an import that knows the day alone
    act("few", [5.0] * 60)
    act("order lines", [0] * 400, kind="purchase")
    act("last month", [5.0] * 150, start=NOW - timedelta(days=30))
    assert len(mark_bots(now=NOW)) == 3
    assert marked() == {"crawler": BotReason.RHYTHM, "jittered": BotReason.RHYTHM, "burst": BotReason.RATE}
    crawler = BotMark.objects.get(customer__external_id="crawler")
    assert (crawler.actions, crawler.per_minute, crawler.entropy) == (150, 12, 0)
    assert QualityCount.objects.get(reason="bot").rows == 3


def test_whoever_staff_clears_is_not_marked_again_and_can_be_marked_by_staff():
    act("robot", [5.0] * 150)
    ids = mark_bots(now=NOW)
    user = User.objects.create_user("staff")
    assert clear_bots(customer_ids=ids, user_id=user.pk) == 1
    assert mark_bots(now=NOW) == []
    mark = BotMark.objects.get()
    assert (mark.cleared_by, mark.cleared_at is not None) == (user, True)
    assert unclear_bots(customer_ids=ids) == 1
    assert BotMark.objects.get().cleared_at is None


def test_an_erased_customer_is_left_alone():
    act("robot", [5.0] * 150)
    Customer.objects.update(erased_at=NOW)
    assert mark_bots(now=NOW) == []
