import pytest

from notifications.segments import explain_rule
from tests.factories import SegmentFactory


@pytest.mark.parametrize(
    ("rule", "english", "chinese"),
    [
        (
            {"field": "profile.last_order_at", "op": "older_than_days", "value": 60},
            "Customers whose last order was more than 60 days ago.",
            "满足以下条件的客户：最近下单时间在 60 天以前。",
        ),
        (
            {
                "all": [
                    {"field": "profile.order_count", "op": ">=", "value": 2},
                    {"any": [{"field": "customer.country", "op": "in", "value": ["GB", "FR"]}, {"consent": "email"}]},
                ]
            },
            "Customers whose number of orders is at least 2 and "
            "(whose country is one of GB, FR or who agreed to e-mail for marketing).",
            "满足以下条件的客户：订单数不少于 2，并且（国家为 GB、FR 之一，或者同意接收电子邮件（营销））。",
        ),
        (
            {
                "all": [
                    {"field": "profile.lifecycle", "op": "=", "value": "at_risk"},
                    {"field": "profile.favourite_brand", "op": "in", "value": ["Blue"]},
                ]
            },
            "Customers whose lifecycle stage is at_risk and whose favourite brand is Blue.",
            "满足以下条件的客户：生命周期阶段为 at_risk，并且偏好品牌为 Blue。",
        ),
        (
            {"event": "purchase", "count": {">=": 2}, "within_days": 90, "item": {"category": ["tea"]}},
            "Customers who had at least 2 purchases in the category tea in the last 90 days.",
            "满足以下条件的客户：最近 90 天内在类目 tea 中购买至少 2 次。",
        ),
        (
            {"any": [{"event": "view", "never": True, "within_days": 1}, {"event": "click", "count": {"<=": 1}}]},
            "Customers who had no view in the last 1 day or who had at most 1 click at any time.",
            "满足以下条件的客户：最近 1 天内没有浏览，或者曾经点击最多 1 次。",
        ),
        (
            {"not": {"coupon": "unused"}},
            "Customers excluding those who hold an unused coupon.",
            "满足以下条件的客户：不满足“持有未使用的优惠券”。",
        ),
        (
            {"field": "profile.revenue", "op": "between", "value": ["10.50", 20]},
            "Customers whose total spend is between 10.50 and 20.",
            "满足以下条件的客户：累计消费在 10.50 到 20 之间。",
        ),
        (
            {"field": "customer.external_id", "op": "in", "value": list("abcdefgh")},
            "Customers whose id is one of a, b, c, d, e, 3 more.",
            "满足以下条件的客户：客户编号为 a、b、c、d、e、另外 3 项 之一。",
        ),
        (
            {"field": "customer.country", "op": "in", "value": ["GB"]},
            "Customers whose country is GB.",
            "满足以下条件的客户：国家为 GB。",
        ),
        (
            {"field": "customer.birth_date", "op": "is_not_set"},
            "Customers whose birth date is not known.",
            "满足以下条件的客户：出生日期未知。",
        ),
    ],
)
def test_a_rule_is_one_plain_sentence_in_both_languages(rule, english, chinese):
    assert explain_rule(rule, "en") == explain_rule(rule, "fr") == english
    assert explain_rule(rule, "zh-hans") == explain_rule(rule, "zh-CN") == chinese


@pytest.mark.django_db
def test_a_nested_segment_is_named():
    SegmentFactory(name="Loyal")
    assert explain_rule({"segment": "Loyal"}) == "Customers who belong to “Loyal”."
