import pytest

from demo import shoppers
from demo.campaign import LAPSED_DAYS, create_campaign
from demo.shoppers import Shopper, plan
from notifications.campaigns.checks import launch_problems
from notifications.segments import explain_rule, validate_rule

CUSTOMERS = [str(number) for number in range(4000)]


def share(plans, wanted):
    return sum(map(wanted, plans)) / len(plans)


def test_what_a_shopper_does_follows_from_the_seed_and_the_shopper():
    first = [plan(Shopper(customer, "a mail")) for customer in CUSTOMERS]
    assert first == [plan(Shopper(customer, "a mail")) for customer in CUSTOMERS]
    assert first != [plan(Shopper(customer, "a mail"), seed=1) for customer in CUSTOMERS]


def test_whoever_got_no_mail_neither_clicks_nor_redeems_but_buys_at_the_base_rate():
    plans = [plan(Shopper(customer, "")) for customer in CUSTOMERS]
    assert not any(planned.clicks or planned.redeems for planned in plans)
    assert share(plans, lambda planned: planned.buys) == pytest.approx(shoppers.BASE_RATE, abs=0.012)


def test_the_mail_only_adds_to_what_a_shopper_would_have_done_anyway():
    without = [plan(Shopper(customer, "")) for customer in CUSTOMERS]
    mailed = [plan(Shopper(customer, "a mail")) for customer in CUSTOMERS]
    assert all(after.buys for before, after in zip(without, mailed, strict=True) if before.buys)
    assert share(mailed, lambda planned: planned.clicks > 0) == pytest.approx(shoppers.CLICK_RATE, abs=0.03)
    assert all(planned.buys and planned.clicks for planned in mailed if planned.redeems)
    assert share(mailed, lambda planned: planned.buys) > share(without, lambda planned: planned.buys) + 0.04


@pytest.mark.django_db
def test_the_campaign_lacks_only_its_audience():
    campaign = create_campaign()
    validate_rule(campaign.segment.rule, name=campaign.segment.name)
    assert str(LAPSED_DAYS) in explain_rule(campaign.segment.rule, "en")
    assert campaign.is_simulated
    assert campaign.hold_out_percent == 10
    (problem,) = launch_problems(campaign, at=campaign.created_at)
    assert "matches nobody" in problem
