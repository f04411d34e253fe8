"""The fields of a customer that a rule can test, and the operators that fit them."""

from dataclasses import dataclass
from enum import StrEnum

from users.choices import LifecycleStage


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    LIST = "list"  # of texts
    HOURS = "hours"  # how many events in each hour of the day, in the customer's time
    PRESENCE = "presence"  # what is encrypted can only be there or not


@dataclass(frozen=True, slots=True)
class Field:
    """`column` is SQL over `c` (customer) and `p` (profile). The labels are its noun in English and Chinese.

    A number is 0 for a customer without a profile, unless it is `nullable`. `choices` are the only texts there are, by
    value; `names` says whose ids the texts are: category.
    """

    column: str
    kind: Kind
    english: str
    chinese: str
    nullable: bool = True
    choices: type[LifecycleStage] | None = None
    names: str = ""


COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
MEASURED = ("=", "<", "<=", ">", ">=", "between")  # what orders and predictions are measured by
_PRESENT = ("is_set", "is_not_set")
_MOMENTS = ("before", "after", "older_than_days", "within_days", *_PRESENT)
OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("=", "!=", "in", "not_in", *_PRESENT),
    Kind.NUMBER: (*COMPARISONS, "between", *_PRESENT),
    Kind.DATE: _MOMENTS,
    Kind.TIME: _MOMENTS,
    Kind.LIST: ("in", "not_in", *_PRESENT),
    Kind.HOURS: ("mostly_between",),
    Kind.PRESENCE: _PRESENT,
}
ATTRIBUTE_OPERATORS = ("=", "!=", "in", "not_in", "<", "<=", ">", ">=", "between", *_PRESENT)
WITHOUT_VALUE = frozenset(_PRESENT)

FIELDS: dict[str, Field] = {
    "customer.external_id": Field("c.external_id", Kind.TEXT, "id", "客户编号"),
    "customer.first_name": Field("c.first_name", Kind.TEXT, "first name", "名字"),
    "customer.last_name": Field("c.last_name", Kind.TEXT, "last name", "姓氏"),
    "customer.email": Field("c.email_hash", Kind.PRESENCE, "e-mail address", "电子邮件地址"),
    "customer.phone": Field("c.phone", Kind.PRESENCE, "phone number", "电话号码"),
    "customer.language": Field("c.language", Kind.TEXT, "language", "语言"),
    "customer.country": Field("c.country", Kind.TEXT, "country", "国家"),
    "customer.time_zone": Field("c.time_zone", Kind.TEXT, "time zone", "时区"),
    "customer.birth_date": Field("c.birth_date", Kind.DATE, "birth date", "出生日期"),
    "customer.created_at": Field("c.created_at", Kind.TIME, "registration", "注册时间"),
    "profile.lifecycle": Field("p.lifecycle", Kind.TEXT, "lifecycle stage", "生命周期阶段", choices=LifecycleStage),
    "profile.recency_quintile": Field("p.recency_quintile", Kind.NUMBER, "recency fifth", "最近购买五分位"),
    "profile.frequency_quintile": Field("p.frequency_quintile", Kind.NUMBER, "frequency fifth", "购买频率五分位"),
    "profile.monetary_quintile": Field("p.monetary_quintile", Kind.NUMBER, "spend fifth", "消费金额五分位"),
    "profile.order_count": Field("p.order_count", Kind.NUMBER, "number of orders", "订单数", nullable=False),
    "profile.first_order_at": Field("p.first_order_at", Kind.TIME, "first order", "首次下单时间"),
    "profile.last_order_at": Field("p.last_order_at", Kind.TIME, "last order", "最近下单时间"),
    "profile.revenue": Field("p.revenue", Kind.NUMBER, "total spend", "累计消费", nullable=False),
    "profile.average_order_value": Field("p.average_order_value", Kind.NUMBER, "average order", "平均订单金额"),
    "profile.event_count": Field("p.event_count", Kind.NUMBER, "number of events", "行为次数", nullable=False),
    "profile.first_event_at": Field("p.first_event_at", Kind.TIME, "first event", "首次行为时间"),
    "profile.last_event_at": Field("p.last_event_at", Kind.TIME, "last event", "最近行为时间"),
    "profile.session_count": Field("p.session_count", Kind.NUMBER, "number of visits", "访问次数", nullable=False),
    "profile.favourite_category": Field(
        "p.favourite_categories[1]", Kind.TEXT, "favourite category", "最偏好的类目", names="category"
    ),
    "profile.favourite_categories": Field(
        "p.favourite_categories", Kind.LIST, "favourite categories", "偏好类目", names="category"
    ),
    "profile.favourite_brand": Field("p.favourite_brands[1]", Kind.TEXT, "favourite brand", "最偏好的品牌"),
    "profile.favourite_brands": Field("p.favourite_brands", Kind.LIST, "favourite brands", "偏好品牌"),
    "profile.price_band": Field("p.price_band", Kind.NUMBER, "price band", "价格档位"),
    "profile.discount_affinity": Field("p.discount_affinity", Kind.NUMBER, "discount affinity", "折扣偏好"),
    "profile.active_hours": Field("p.active_hours", Kind.HOURS, "hours of activity", "活跃时段"),
    "profile.device": Field("p.device", Kind.TEXT, "device", "常用设备"),
}
