from collections import Counter

import pytest
from django.db import connection

from notifications.decisions.arms import HOLD_OUT, campaign_arms, held_out_sql
from tests.factories import CampaignFactory, CustomerFactory, VariantFactory

pytestmark = pytest.mark.django_db


def arms_from_sql(arms):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c.id, CASE WHEN {held_out_sql(customer_id='c.id')} THEN NULL ELSE slice.variant_id END,"
            f" slice.propensity FROM users_customer c {arms.sql(customer='c')}",
            arms.parameters(),
        )
        return {customer: (variant, propensity) for customer, variant, propensity in cursor.fetchall()}


def test_python_and_sql_give_everybody_the_same_arm():
    campaign = CampaignFactory(hold_out_percent=20)
    for name, language, weight in [("A", "en", 1), ("B", "en", 2), ("A", "zh-hans", 1), ("A", "fr", 1), ("C", "fr", 5)]:
        VariantFactory(campaign=campaign, name=name, language=language, weight=weight)
    customers = [CustomerFactory(language=("en", "EN-GB", "zh-Hans", "fr-ca", "de", "")[n % 6]) for n in range(300)]
    arms = campaign_arms(campaign)
    found = arms_from_sql(arms)
    assert len(found) == 300
    for customer in customers:
        arm, propensity, variant = arms.draw(customer_id=customer.pk, language=customer.language)
        assert found[customer.pk][0] == variant
        if arm != HOLD_OUT:
            assert found[customer.pk][1] == propensity
    assert {variant for variant, _ in found.values()} == {None, *campaign.variants.values_list("pk", flat=True)}


def test_shares_follow_the_hold_out_and_the_weights_and_propensities_add_up():
    campaign = CampaignFactory(hold_out_percent=10)
    VariantFactory(campaign=campaign, name="A", weight=1)
    VariantFactory(campaign=campaign, name="B", weight=3)
    arms = campaign_arms(campaign)
    counts = Counter(arms.draw(customer_id=each, language="en")[0] for each in range(10_000))
    assert counts[HOLD_OUT] == pytest.approx(1000, abs=100)
    assert counts["A"] == pytest.approx(2250, abs=150)
    assert counts["B"] == pytest.approx(6750, abs=160)
    assert sum(each.propensity for each in arms.slices) + arms.hold_out_share == pytest.approx(1)


def test_changing_the_weights_moves_nobody_into_or_out_of_the_hold_out():
    campaign = CampaignFactory(hold_out_percent=30)
    variant = VariantFactory(campaign=campaign, name="A")
    VariantFactory(campaign=campaign, name="B")
    before = {n for n in range(2000) if campaign_arms(campaign).draw(customer_id=n, language="")[0] == HOLD_OUT}
    variant.weight = 9
    variant.save()
    after = {n for n in range(2000) if campaign_arms(campaign).draw(customer_id=n, language="")[0] == HOLD_OUT}
    assert before == after


def test_variants_without_a_language_serve_everyone_whose_language_has_none():
    campaign = CampaignFactory()
    VariantFactory(campaign=campaign, language="")
    VariantFactory(campaign=campaign, language="zh-hans")
    arms = campaign_arms(campaign)
    assert [arms.language_for(each) for each in ("fr", "", "zh-Hans")] == ["", "", "zh-hans"]


def test_a_campaign_without_variants_says_so():
    with pytest.raises(ValueError, match="has no variant; add a message"):
        campaign_arms(CampaignFactory())
