import threading

import pytest
from django.db import connection
from django.utils import timezone

from notifications.choices import CodeSource
from notifications.models import Coupon, PoolCode
from notifications.offers.issue import OfferNotIssuableError, issue_coupons
from notifications.offers.pool import NoPoolError, import_codes, low_pools, read_codes
from notifications.offers.redeem import find_coupon
from tests.factories import CustomerFactory, OfferFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer():
    return OfferFactory(code_source=CodeSource.IMPORTED, low_stock=3)


def issue(offer, customers, run=None):
    ids = [customer.pk for customer in customers]
    return issue_coupons(offer=offer, customer_ids=ids, run_id=run and run.pk, issued_at=timezone.now())


def test_codes_are_read_from_csv_and_kept_once(offer):
    lines = ["\ufeffcode,note", "partner-001,x", '"PARTNER-002"', "", "partner-001", "!", "ab"]
    result = import_codes(offer=offer, codes=read_codes(lines))
    assert (result.added, result.known, result.refused, result.faults) == (2, 1, 2, ["!", "ab"])
    assert import_codes(offer=offer, codes=["PARTNER-002", "partner-003"]).added == 1
    issue(offer, [CustomerFactory()])
    assert import_codes(offer=offer, codes=["partner-001"]).known == 1
    assert find_coupon(" partner-001 ").offer == offer


def test_an_offer_with_its_own_codes_takes_none():
    with pytest.raises(NoPoolError):
        import_codes(offer=OfferFactory(), codes=["PARTNER-001"])


def test_each_customer_gets_a_code_and_a_run_gives_one_once(offer):
    import_codes(offer=offer, codes=[f"P-{n:03d}" for n in range(5)])
    run, customers = RunFactory(), CustomerFactory.create_batch(4)
    assert issue(offer, customers[:3], run) == 3
    assert issue(offer, customers, run) == 1
    left = PoolCode.objects.get().code
    assert {left, *Coupon.objects.values_list("code", flat=True)} == {f"P-{n:03d}" for n in range(5)}


def test_too_few_codes_give_none_at_all(offer):
    import_codes(offer=offer, codes=["P-001", "P-002"])
    with pytest.raises(OfferNotIssuableError, match=r"3 imported codes are needed.*only 2"):
        issue(offer, CustomerFactory.create_batch(3))
    assert (Coupon.objects.count(), PoolCode.objects.count()) == (0, 2)


def test_low_pools_are_listed(offer):
    OfferFactory()
    assert list(low_pools()) == [offer]
    import_codes(offer=offer, codes=["P-001", "P-002"])
    assert [one.codes_left for one in low_pools()] == [2]
    import_codes(offer=offer, codes=["P-003"])
    assert not low_pools().exists()


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_never_get_the_same_code(offer):
    import_codes(offer=offer, codes=[f"P-{n:03d}" for n in range(40)])
    customers = CustomerFactory.create_batch(40)
    start = threading.Barrier(10)
    errors: list[Exception] = []

    def client(number: int) -> None:
        start.wait()
        try:
            issue(offer, customers[4 * number : 4 * number + 4])
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (
        Coupon.objects.values("code").distinct().count() == Coupon.objects.values("customer").distinct().count() == 40
    )
