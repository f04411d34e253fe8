"""A rule read back as one plain sentence, in English and Chinese."""

from datetime import date, datetime
from decimal import Decimal
from functools import singledispatchmethod
from typing import Any

from django.utils.translation import override

from notifications.offers.money import known_language
from notifications.segments import nodes
from notifications.segments.fields import Field
from notifications.segments.names import SHOWN, Names, names_in
from notifications.segments.phrases import CHINESE, ENGLISH, Phrases
from notifications.segments.schema import parse_rule


def explain_rule(rule: object, language: str = "en") -> str:
    """The sentence for the rule, in Chinese for `zh…` and else in English. Raises RuleError for a faulty rule."""
    is_chinese = known_language(language).startswith("zh")
    parsed = parse_rule(rule)
    words = _Words(CHINESE if is_chinese else ENGLISH, names_in(parsed))
    with override("zh-hans" if is_chinese else "en"):
        return words.sentence(parsed)


class _Words:
    """Puts nodes into words of one language."""

    def __init__(self, phrases: Phrases, names: Names) -> None:
        self.phrases = phrases
        self.names = names

    def sentence(self, rule: nodes.Rule) -> str:
        words = self._joined(rule) if isinstance(rule, nodes.All | nodes.AnyOf) else self.clause(rule)
        return self.phrases["sentence"].format(words)

    def _joined(self, group: nodes.All | nodes.AnyOf) -> str:
        word = self.phrases["and" if isinstance(group, nodes.All) else "or"]
        return word.join(self.clause(rule) for rule in group.rules)

    @singledispatchmethod
    def clause(self, node: Any) -> str:
        raise TypeError(f"no words for {type(node).__name__}")

    @clause.register(nodes.All)
    @clause.register(nodes.AnyOf)
    def _(self, node: nodes.All | nodes.AnyOf) -> str:
        return self.phrases["group"].format(self._joined(node)) if len(node.rules) > 1 else self.clause(node.rules[0])

    @clause.register
    def _(self, node: nodes.Not) -> str:
        return self.phrases["not"].format(self.clause(node.rule))

    @clause.register
    def _(self, node: nodes.InSegment) -> str:
        return self.phrases["segment"].format(node.name)

    @clause.register
    def _(self, node: nodes.FieldTest) -> str:
        field = node.field
        if node.op == "mostly_between":
            return self.phrases["hours"].format(*node.value)
        return self._test(self._noun(field), node.op, self._shown(field, node.value))

    def _noun(self, field: Field) -> str:
        return field.chinese if self.phrases is CHINESE else field.english

    def _shown(self, field: Field, value: Any) -> Any:
        """The values as people call them."""
        known = {choice.value: str(choice.label) for choice in field.choices} if field.choices else {}
        if field.names == "category":
            known = self.names.categories
        if isinstance(value, tuple) and known:
            return tuple(known.get(each, each) for each in value)
        return known.get(value, value) if isinstance(value, str) else value

    @clause.register
    def _(self, node: nodes.AttributeTest) -> str:
        return self._test(self.phrases["attribute"].format(node.name), node.op, node.value)

    @clause.register
    def _(self, node: nodes.OrderTotal) -> str:
        window = self.phrases["window"].format(self._days(node.days)) if node.days is not None else ""
        return self._test(self.phrases["order_total"].format(window), node.op, node.value)

    @clause.register
    def _(self, node: nodes.LastOrder) -> str:
        return self._test(self.phrases["last_order"], node.op, node.value)

    @clause.register
    def _(self, node: nodes.Predicted) -> str:
        return self._test(self.phrases[node.measure], node.op, node.value)

    def _test(self, noun: str, op: str, value: Any) -> str:
        if op == "between":
            return self.phrases["between"].format(noun, *(self._value(number) for number in value))
        if op in ("older_than_days", "within_days"):
            return self.phrases[op].format(noun, self._days(value))
        if isinstance(value, tuple) and len(value) == 1:
            op = {"in": "=", "not_in": "!="}[op]
        return self.phrases[op].format(noun, self._value(value))

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple):
            more = [self.phrases["more"].format(len(value) - SHOWN)] if len(value) > SHOWN else []
            return self.phrases["list"].join([self._value(each) for each in value[:SHOWN]] + more)
        if isinstance(value, bool):
            return self.phrases["true" if value else "false"]
        if isinstance(value, Decimal):
            return f"{value:f}"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M}" if (value.hour or value.minute) else f"{value:%Y-%m-%d}"
        return value.isoformat() if isinstance(value, date) else str(value)

    def _days(self, days: int) -> str:
        return self.phrases["day" if days == 1 else "days"].format(days)

    def _window(self, days: int | None) -> str:
        return self.phrases["ever"] if days is None else self.phrases["window"].format(self._days(days))

    @clause.register
    def _(self, node: nodes.EventCount) -> str:
        return self._counted(node.type.code, node, self._items(node))

    @clause.register
    def _(self, node: nodes.OrderCount) -> str:
        return self._counted("order", node, "")

    def _counted(self, what: str, node: nodes.EventCount | nodes.OrderCount, items: str) -> str:
        count = self._count(*self.phrases.events[what], node.least, node.most)
        return self.phrases["event"].format(count=count, items=items, window=self._window(node.days))

    def _count(self, one: str, many: str, least: int, most: int | None) -> str:
        if most == 0:
            return self.phrases["none"].format(one)
        if least == 0:
            return self.phrases["at_most"].format(most, one if most == 1 else many)
        if most is None or most == least:
            word = "at_least" if most is None else "exactly"
            return self.phrases[word].format(least, one if least == 1 else many)
        return self.phrases["from_to"].format(least, most, many)

    def _items(self, node: nodes.EventCount) -> str:
        categories = tuple(self.names.categories.get(each, each) for each in node.categories)
        items = tuple(self.names.items.get(each, each) for each in node.items)
        filters = (("items", items), ("categories", categories), ("brands", node.brands))
        return "".join(self.phrases[name].format(self._value(values)) for name, values in filters if values) + (
            self._prices(node.price) if node.price else ""
        )

    def _prices(self, price: nodes.PriceRange) -> str:
        if price.least is not None and price.most is not None:
            return self.phrases["prices"].format(f"{price.least:f}", f"{price.most:f}")
        if price.least is not None:
            return self.phrases["price_from"].format(f"{price.least:f}")
        return self.phrases["price_to"].format(f"{price.most:f}")

    @clause.register
    def _(self, node: nodes.HadMessage) -> str:
        what = self.phrases["the_campaign"].format(node.campaign) if node.campaign else self.phrases["any_message"]
        return self.phrases[node.state].format(what, self._window(node.days))

    @clause.register
    def _(self, node: nodes.HasConsent) -> str:
        return self.phrases["consent"].format(self.phrases[node.channel], self.phrases[node.purpose])

    @clause.register
    def _(self, node: nodes.HasCoupon) -> str:
        clause = self.phrases[node.state]
        return clause + self.phrases["of_offer"].format(node.offer) if node.offer else clause
