import contextlib
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.choices import PointsKind, TierBasis
from notifications.membership.expire import expire_points
from notifications.membership.ledger import (
    PointsShortError,
    adjust_points,
    credit_points,
    debit_points,
    follow_merges,
    reverse_points,
)
from notifications.membership.standing import points_of, standing_of
from notifications.models import PointsAccount, PointsEntry, Tier
from tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def give(customer, points, source):
    return credit_points(customer_id=customer.pk, points=points, kind=PointsKind.EARNED, source=source)


def spend(customer, points, source):
    return debit_points(customer_id=customer.pk, points=points, kind=PointsKind.SPENT, source=source)


def balance(customer) -> int:
    account = PointsAccount.objects.get(customer=customer)
    entries = PointsEntry.objects.filter(customer=customer).aggregate(total=Sum("points"))["total"] or 0
    assert account.balance == entries
    return account.balance


def test_a_source_counts_once():
    customer = CustomerFactory()
    assert give(customer, 100, "order:1")
    assert not give(customer, 100, "order:1")
    assert spend(customer, 30, "coupon:1")
    assert not spend(customer, 30, "coupon:1")
    assert balance(customer) == 70


def test_nobody_spends_more_than_there_is():
    customer = CustomerFactory()
    for points in (1, 101):
        with pytest.raises(PointsShortError):
            spend(customer, points, "coupon:1")
        if points == 1:
            give(customer, 100, "order:1")
    assert balance(customer) == 100
    with pytest.raises(IntegrityError, match="points_never_below_0"):
        PointsAccount.objects.update(debited=101)


def test_a_reversal_takes_what_is_still_there_and_only_once():
    customer = CustomerFactory()
    give(customer, 100, "order:1")
    spend(customer, 70, "coupon:1")
    assert reverse_points(source="order:1") == 30
    assert reverse_points(source="order:1") == 0
    assert reverse_points(source="order:2") == 0
    assert balance(customer) == 0


def test_the_oldest_points_are_used_first_and_the_rest_of_them_expires(settings):
    settings.POINTS_KEEP_DAYS = 100
    customer = CustomerFactory()
    with time_machine.travel(NOW, tick=False):
        give(customer, 100, "a")
    with time_machine.travel(NOW + timedelta(days=50), tick=False):
        give(customer, 60, "b")
        spend(customer, 30, "c")
        standing = standing_of(customer)
        assert (standing.balance, standing.expiring, standing.expires_at) == (130, 70, NOW + timedelta(days=100))
    for day, left in ((99, 130), (101, 60), (149, 60), (151, 0), (400, 0)):
        with time_machine.travel(NOW + timedelta(days=day), tick=False):
            expire_points()
            expire_points()
            assert balance(customer) == left
    assert list(PointsEntry.objects.filter(kind="expired").values_list("points", flat=True)) == [-70, -60]


def test_points_spent_in_time_never_expire(settings):
    settings.POINTS_KEEP_DAYS = 10
    customer = CustomerFactory()
    with time_machine.travel(NOW, tick=False):
        give(customer, 100, "a")
        spend(customer, 100, "b")
    with time_machine.travel(NOW + timedelta(days=11), tick=False):
        assert expire_points() == set()


def test_points_are_kept_for_good_where_the_shop_says_so(settings):
    settings.POINTS_KEEP_DAYS = 0
    customer = CustomerFactory()
    give(customer, 100, "a")
    assert PointsEntry.objects.get().expires_at is None
    with time_machine.travel(NOW + timedelta(days=10_000)):
        expire_points()
    assert balance(customer) == 100


moves = st.lists(
    st.tuples(st.sampled_from(["earn", "spend", "reverse", "wait"]), st.integers(1, 60)), min_size=1, max_size=15
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves)
def test_whatever_happens_the_account_is_the_sum_of_its_ledger_and_never_below_nothing(moves):
    customer = CustomerFactory()
    now = timezone.now()
    for number, (move, size) in enumerate(moves):
        with time_machine.travel(now, tick=False):
            if move == "earn":
                give(customer, size, f"{customer.pk}:{number}")
            elif move == "spend":
                with contextlib.suppress(PointsShortError):
                    spend(customer, size, f"{customer.pk}:{number}")
            elif move == "reverse":
                reverse_points(source=f"{customer.pk}:{size % (number + 1)}")
            else:
                now += timedelta(days=5 * size)
        with time_machine.travel(now, tick=False):
            expire_points()
            if PointsAccount.objects.filter(customer=customer).exists():
                assert balance(customer) >= 0


def test_joined_customers_put_their_points_together():
    old, into = CustomerFactory.create_batch(2)
    give(old, 40, "a")
    give(into, 5, "b")
    old.merged_into = into
    old.save()
    assert follow_merges() == 1
    assert follow_merges() == 0
    assert balance(into) == 45
    assert not PointsAccount.objects.filter(customer=old).exists()


def test_adjustments_count_each_time():
    customer = CustomerFactory()
    for points in (10, 10, -5):
        adjust_points(customer_id=customer.pk, points=points, note="a gift")
    assert balance(customer) == 15


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_spend_only_what_there_is():
    customer = CustomerFactory()
    give(customer, 55, "order:1")
    outcomes: list[bool] = []

    def client(number: int) -> None:
        try:
            outcomes.append(spend(customer, 10, f"coupon:{number}"))
        except PointsShortError:
            outcomes.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 15 + [True] * 5
    assert balance(customer) == 5


def test_the_points_of_many_are_those_of_each(settings):
    settings.POINTS_EXPIRE_DAYS = 90
    customers = [CustomerFactory() for _ in range(4)]
    tier = Tier.objects.create(name="Gold", rank=1, basis=TierBasis.POINTS, threshold=100)
    for number, customer in enumerate(customers[:3]):
        for days in (60, 30):
            with time_machine.travel(NOW - timedelta(days=days), tick=False):
                give(customer, 100, f"order:{number}:{days}")
        if number:
            spend(customer, 60 * number, f"coupon:{number}")
    PointsAccount.objects.filter(customer=customers[0]).update(tier=tier)
    found = points_of([customer.pk for customer in customers])
    assert found.keys() == {customer.pk for customer in customers[:3]}
    for customer in customers[:3]:
        standing, points = standing_of(customer), found[customer.pk]
        assert points[:3] == (standing.balance, standing.expiring, standing.expires_at)
        assert points.tier == (standing.tier.name if standing.tier else "")
