import pytest

from notifications.segments import explain_rule
from tests.factories import CategoryFactory, ItemFactory, SegmentFactory

pytestmark = pytest.mark.django_db


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
            "Customers whose lifecycle stage is At risk and whose favourite brand is Blue.",
            "满足以下条件的客户：生命周期阶段为 有流失风险，并且最偏好的品牌为 Blue。",
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
        (
            {"orders": "count", "op": "between", "value": [1, 3], "within_days": 30},
            "Customers who had 1 to 3 orders in the last 30 days.",
            "满足以下条件的客户：最近 30 天内下单 1 到 3 次。",
        ),
        (
            {"orders": "total", "op": ">=", "value": 100, "within_days": 30},
            "Customers whose order total in the last 30 days is at least 100.",
            "满足以下条件的客户：最近 30 天内订单总额不少于 100。",
        ),
        (
            {"orders": "last", "op": "older_than_days", "value": 60},
            "Customers whose last order was more than 60 days ago.",
            "满足以下条件的客户：最近一次下单在 60 天以前。",
        ),
        (
            {"prediction": "churn", "op": ">=", "value": 0.7},
            "Customers whose chance of leaving is at least 0.7.",
            "满足以下条件的客户：流失概率不少于 0.7。",
        ),
        (
            {"prediction": "purchase", "top_percent": 10},
            "Customers who are among the 10% with the highest chance of a purchase.",
            "满足以下条件的客户：购买概率最高的 10%。",
        ),
        (
            {"message": "ignored", "within_days": 30},
            "Customers who received a message but clicked nothing in it in the last 30 days.",
            "满足以下条件的客户：最近 30 天内收到过消息但没有点击。",
        ),
        (
            {"attribute": "tier", "op": "=", "value": "gold"},
            "Customers whose attribute “tier” is gold.",
            "满足以下条件的客户：属性“tier”为 gold。",
        ),
        (
            {"field": "profile.active_hours", "op": "mostly_between", "value": [18, 22]},
            "Customers who are mostly active between 18:00 and 22:00.",
            "满足以下条件的客户：主要在 18:00 到 22:00 之间活跃。",
        ),
        (
            {"event": "view", "item": {"brand": ["Ash"], "price": {">=": 10, "<=": "20.50"}}},
            "Customers who had at least 1 view of the brand Ash priced 10 to 20.50 at any time.",
            "满足以下条件的客户：曾经对品牌 Ash （价格 10 到 20.50）浏览至少 1 次。",
        ),
    ],
)
def test_a_rule_is_one_plain_sentence_in_both_languages(rule, english, chinese):
    assert explain_rule(rule, "en") == explain_rule(rule, "fr") == english
    assert explain_rule(rule, "zh-hans") == explain_rule(rule, "zh-CN") == chinese


def test_a_nested_segment_is_named():
    SegmentFactory(name="Loyal")
    assert explain_rule({"segment": "Loyal"}) == "Customers who belong to “Loyal”."


def test_categories_and_items_are_called_by_their_names(django_assert_num_queries):
    CategoryFactory(external_id="k1", name="Green tea")
    ItemFactory(external_id="i1", title="Teapot")
    rule = {
        "all": [
            {"event": "view", "item": {"ids": ["i1", "gone"]}},
            {"any": [{"event": "purchase", "item": {"category": ["k1"]}}]},
            {"field": "profile.favourite_categories", "op": "in", "value": ["k1", "k2"]},
        ]
    }
    with django_assert_num_queries(2):
        assert explain_rule(rule) == (
            "Customers who had at least 1 view of Teapot, gone at any time and who had at least 1 purchase in the "
            "category Green tea at any time and whose favourite categories is one of Green tea, k2."
        )
