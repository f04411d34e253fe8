import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from notifications.choices import CampaignStatus, MessageState, RecipientStatus, RunStatus
from notifications.decisions.arms import HOLD_OUT
from notifications.reports import campaign_report
from notifications.reports.outcomes import SliceBy
from notifications.reports.table import COLUMNS, report_csv
from tests.factories import CampaignFactory, CustomerFactory, MessageFactory, OrderFactory, RecipientFactory, RunFactory
from users.api_keys import create_api_key
from users.choices import ApiScope

pytestmark = pytest.mark.django_db

SENT = timezone.now() - timedelta(days=40)


@pytest.fixture
def campaign():
    campaign = CampaignFactory(hold_out_percent=50, attribution_days=14, status=CampaignStatus.COMPLETED)
    run = RunFactory(campaign=campaign, status=RunStatus.COMPLETED)
    for number in range(48):
        customer = CustomerFactory(country="DE" if number % 4 else "FR")
        arm = HOLD_OUT if number % 2 else "A"
        status = RecipientStatus.HELD_OUT if number % 2 else RecipientStatus.PLANNED
        RecipientFactory(run=run, customer=customer, arm=arm, status=status, send_at=SENT, decided_at=SENT)
        if number < 24:
            OrderFactory(customer=customer, placed_at=SENT - timedelta(days=30), total=number)
        if number % 3 == 0:
            OrderFactory(customer=customer, placed_at=SENT + timedelta(days=1), total=10 + number)
    return campaign


def test_customers_are_told_apart_by_what_was_so_before(campaign):
    slices = {(each.by, each.value): each for each in campaign_report(campaign).slices}
    assert set(slices) == {
        (SliceBy.HISTORY, "true"),
        (SliceBy.HISTORY, "false"),
        (SliceBy.COUNTRY, "DE"),
        (SliceBy.COUNTRY, "FR"),
    }
    known = slices[SliceBy.HISTORY, "true"]
    assert (known.treated.customers, known.held_out.customers) == (12, 12)
    assert (known.treated.buyers, known.held_out.buyers) == (4, 4)
    assert slices[SliceBy.COUNTRY, "FR"].held_out.customers == 0
    assert slices[SliceBy.COUNTRY, "FR"].conversion is None


def test_the_intervals_of_slices_are_wider_than_if_each_stood_alone(campaign):
    report = campaign_report(campaign)
    known = next(each for each in report.slices if each.value == "true")
    alone = known.treated.conversion
    assert known.conversion.high - known.conversion.low > alone.high - alone.low


def test_a_campaign_in_one_country_is_not_sliced_by_it(campaign):
    campaign.runs.get().recipients.exclude(customer__country="DE").delete()
    assert {each.by for each in campaign_report(campaign).slices} == {SliceBy.HISTORY}


def test_the_time_before_the_campaign_is_what_revenue_is_adjusted_by(campaign):
    arms = {arm.arm: arm for arm in campaign_report(campaign).arms}
    assert arms["A"].before == sum(range(0, 24, 2))
    assert arms[HOLD_OUT].before == sum(range(1, 24, 2))
    assert arms["A"].before_products == sum(number * (10 + number) for number in (0, 6, 12, 18))


def test_messages_cost_what_the_shop_says(campaign, settings):
    settings.MESSAGE_COSTS = {"email": "0.25"}
    recipient, *others = campaign.runs.get().recipients.filter(status=RecipientStatus.PLANNED)
    for each, state in zip((recipient, *others), (MessageState.SENT, MessageState.UNKNOWN, "failed"), strict=False):
        MessageFactory(recipient=each, run=each.run, customer=each.customer, state=state)
    report = campaign_report(campaign)
    assert report.message_cost == Decimal("0.50")
    extra = report.comparison.incremental_revenue
    assert report.net_revenue.estimate == pytest.approx(extra.estimate - 0.5)
    assert report.as_dict()["message_cost"] == "0.50"


def test_the_table_has_every_arm_of_every_slice(campaign, admin_client, client):
    lines = list(csv.DictReader(io.StringIO(report_csv(campaign_report(campaign)))))
    assert tuple(lines[0]) == COLUMNS
    whole = {line["arm"]: line for line in lines if not line["slice_by"]}
    assert (whole["A"]["customers"], whole["A"]["buyers"]) == ("24", "8")
    for column in ("customers", "buyers", "orders"):
        history = [int(line[column]) for line in lines if line["slice_by"] == "history"]
        assert sum(history) == sum(int(line[column]) for line in whole.values())
    page = admin_client.get(reverse("admin:notifications_campaign_report_csv", args=[campaign.pk]))
    key = create_api_key(name="reports", scope=ApiScope.SERVER)[1]
    table = client.get(f"/api/v1/campaigns/{campaign.pk}/report.csv", headers={"Authorization": f"Bearer {key}"})
    assert page.content == table.content
    assert page["Content-Disposition"] == f'attachment; filename="campaign-{campaign.pk}.csv"'
    assert b"CUPED" in admin_client.get(reverse("admin:notifications_campaign_report", args=[campaign.pk])).content
